"""A queue for each host: who may be asked at this moment, and when the next one may.

Each host has so many requests under way at most, so long a time between two beginnings, and a time before which it is
left alone; each item of a queue may have a time of its own before which it is not taken. Times are seconds of a clock
that only the caller reads. It does not know what the items are.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class _Host(Generic[Item]):
    delay: float
    waiting: list[tuple[float, int, Item]] = field(default_factory=list)
    running: int = 0
    not_before: float = 0.0


class Hosts(Generic[Item]):
    """The queues of all hosts.

    Args:
        at_once: items of one host that may be under way.
        delay: seconds between two of them, at least.
    """

    def __init__(self, at_once: int, delay: float) -> None:
        self._at_once, self._delay = at_once, delay
        self._hosts: dict[str, _Host[Item]] = {}
        self._order = itertools.count()
        self._ready: list[tuple[float, int, str]] = []  # when a host could be asked; some entries are out of date

    def put(self, name: str, item: Item, due: float) -> None:
        """Add an item that may be taken from `due` on; among equals the first one in is the first one out."""
        heapq.heappush(self._host(name).waiting, (due, next(self._order), item))
        self._wake(name)

    def take(self, now: float) -> tuple[Item | None, float | None]:
        """An item to begin now; or None, and the seconds until there is one (None while it takes a `done`)."""
        while self._ready:
            due, _, name = self._ready[0]
            if due > now:
                return None, due - now
            heapq.heappop(self._ready)
            host = self._hosts.get(name)
            if host is None or not host.waiting or host.running >= self._at_once:
                continue
            if max(host.not_before, host.waiting[0][0]) > now:
                self._wake(name)
                continue
            item = heapq.heappop(host.waiting)[2]
            host.running += 1
            host.not_before = now + host.delay
            self._wake(name)
            return item, None
        return None, None

    def done(self, name: str) -> None:
        """Note that an item of a host is no longer under way."""
        self._hosts[name].running -= 1
        self._wake(name)

    def rest(self, name: str, until: float) -> None:
        """Leave a host alone until then, at least."""
        host = self._host(name)
        host.not_before = max(host.not_before, until)

    def slow(self, name: str, delay: float, now: float) -> None:
        """Leave more time between the items of a host, from the one that has just been under way."""
        host = self._host(name)
        host.delay = max(host.delay, delay)
        host.not_before = max(host.not_before, now + delay)

    def forget(self, now: float) -> None:
        """Forget hosts of which nothing waits or is under way, and which need not be left alone."""
        self._hosts = {
            name: host for name, host in self._hosts.items() if host.waiting or host.running or host.not_before > now
        }

    def _host(self, name: str) -> _Host[Item]:
        return self._hosts.setdefault(name, _Host(self._delay))

    def _wake(self, name: str) -> None:
        host = self._hosts[name]
        if host.waiting and host.running < self._at_once:
            heapq.heappush(self._ready, (max(host.not_before, host.waiting[0][0]), next(self._order), name))
