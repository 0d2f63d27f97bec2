"""What comes out of painting a page, and the check that nothing is clipped or overlaps (report section 3.4).

This module does not know how pages are made or painted. Boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class PageLine:
    """One line as it was drawn: its text, the box of its ink, its kind of block; `first` line of its text."""

    text: str
    box: Area
    role: str
    first: bool


@dataclass(frozen=True)
class NoRoom:
    """The outcome of a page whose texts do not fit at the smallest size of letters."""

    template: str
    width: int
    height: int
    reason: str

    def __str__(self) -> str:
        """One line for a rejects table."""
        return (
            f"the page {self.template!r} does not fit {self.width}x{self.height} pixels ({self.reason}); it was dropped"
        )


def clash(lines: Sequence[PageLine], width: int, height: int) -> str | None:
    """What is wrong with the places of `lines`: one that leaves the page, or two that overlap; None if nothing."""
    for line in lines:
        left, top, right, bottom = line.box
        if left < 1 or top < 1 or right > width - 1 or bottom > height - 1:
            return f"{line.text!r} reaches the page's edge"
    for one, other in combinations(lines, 2):
        across = one.box[0] < other.box[2] and other.box[0] < one.box[2]
        if across and one.box[1] < other.box[3] and other.box[1] < one.box[3]:
            return f"{one.text!r} and {other.text!r} overlap"
    return None
