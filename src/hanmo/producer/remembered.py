"""A memory for what networks said last, with a limit in bytes (report section 4.1.1: producers).

It does not know what is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from typing import TypeVar

Answer = TypeVar("Answer")


class Remembered(MutableMapping[str, Answer]):
    """Answers by name; those that were not set for the longest time are forgotten first.

    Args:
        size: bytes of an answer.
        room: bytes that are kept.
    """

    def __init__(self, size: Callable[[Answer], int], room: int) -> None:
        self._size, self._room, self._used = size, room, 0
        self._known: OrderedDict[str, Answer] = OrderedDict()

    def __getitem__(self, name: str) -> Answer:
        """What is known."""
        return self._known[name]

    def __setitem__(self, name: str, answer: Answer) -> None:
        """Remember an answer as the newest, and forget the oldest ones where there is no room."""
        self.pop(name, None)
        self._known[name] = answer
        self._used += self._size(answer)
        while self._used > self._room:
            del self[next(iter(self._known))]

    def __delitem__(self, name: str) -> None:
        """Forget an answer."""
        self._used -= self._size(self._known.pop(name))

    def __iter__(self) -> Iterator[str]:
        """Names, the oldest first."""
        return iter(self._known)

    def __len__(self) -> int:
        """How many are known."""
        return len(self._known)
