"""Doing several things at once, and having each result as soon as it is there. It knows nothing of what is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def worked(items: Iterator[T], work: Callable[[T], R], threads: int) -> Iterator[tuple[T, R]]:
    """Each item with its result, in the order in which results come.

    Args:
        items: taken one by one, in the caller's thread, when a thread is free; what it has not given when it
            ends is not begun, so it decides when to stop.
        work: what is done to each, in a thread of its own; with one thread in the caller's.
        threads: how many at once, 1 or more.

    Raises:
        Exception: the first that `work` raised, after the results of what was finished by then.
    """
    if threads == 1:
        for item in items:
            yield item, work(item)
        return
    running: dict[Future[R], T] = {}
    with ThreadPoolExecutor(threads, "hanmo-evaluate") as pool:
        while True:
            while len(running) < threads:
                try:
                    item = next(items)
                except StopIteration:
                    break
                running[pool.submit(work, item)] = item
            if not running:
                return
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda one: one.exception() is not None):
                yield running.pop(future), future.result()
