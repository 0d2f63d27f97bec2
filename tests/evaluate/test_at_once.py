from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hanmo.evaluate.at_once import worked


def test_one_thread_works_in_the_callers_and_takes_items_one_by_one() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(4):
            taken.append(number)
            yield number

    results = worked(items(), lambda item: (item, threading.current_thread()), 1)
    assert next(results) == (0, (0, threading.current_thread()))
    assert taken == [0]
    assert [item for item, _ in results] == [1, 2, 3]


def test_several_threads_work_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def work(item: int) -> int:
        together.wait()
        return item * item

    assert sorted(worked(iter(range(6)), work, 3)) == [(n, n * n) for n in range(6)]


@pytest.mark.parametrize("threads", [1, 3])
def test_what_went_well_comes_before_the_error(threads: int) -> None:
    ready = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            ready.wait(0.2)
            raise ValueError("no")
        return item

    results = worked(iter(range(2)), work, threads)
    assert next(results) == (0, 0)
    ready.set()
    with pytest.raises(ValueError, match="no"):
        next(results)
