"""Breaking a text into lines (report section 3.4, pure rendering: dynamic layout).

English breaks at spaces alone. Chinese breaks between any two characters, but no line begins with a mark that
closes (，。”》) nor ends with one that opens (“《), and a run of Latin letters or digits stays whole: marks
are glued to their neighbour before anything is broken. Among all ways to break, the one with the least sum of
squared blanks is taken, so that edges are even and no last line is a single word where that can be helped.
This module does not know pixels of glyphs: widths come from the caller, in any one unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

CLOSING = frozenset("，。、；：？！”’）》〉」』】〕…—～·,.;:?!)]}%")
OPENING = frozenset("“‘（《〈「『【〔([{")
# Full-width marks whose right half is blank: at the end of a line that half may hang over the edge.
_HANGING = frozenset("，。、；：）》〉」』】〕")
_LATIN = re.compile(r"[!-~À-ɏ]+|\s+|.")

Measure = Callable[[str], float]


@dataclass(frozen=True)
class Token:
    """What is never broken; `space` says whether a space stands before it within a line."""

    text: str
    space: bool = False


def tokens(text: str, script: str) -> list[Token]:
    """The unbreakable pieces of `text` in order; runs of white space become one space."""
    if script == "en":
        return [Token(word, index > 0) for index, word in enumerate(text.split())]
    found: list[Token] = []
    space = False
    for piece in _LATIN.findall(text):
        if piece.isspace():
            space = bool(found)
        elif found and not space and (piece[0] in CLOSING or found[-1].text[-1] in OPENING):
            found[-1] = Token(found[-1].text + piece, found[-1].space)
        else:
            found.append(Token(piece, space))
            space = False
    return found


def joined(line: list[Token]) -> str:
    """The text of a line."""
    return "".join((" " if token.space and index else "") + token.text for index, token in enumerate(line))


def hanging(text: str, em: float) -> float:
    """How much of the blank at a line's end may hang over the edge."""
    return 0.4 * em if text and text[-1] in _HANGING else 0.0


def break_lines(
    pieces: list[Token],
    measure: Measure,
    limit: float,
    em: float,
    indent: float = 0.0,
    *,
    balanced: bool = False,
) -> list[list[Token]] | None:
    """The lines of one paragraph, or None where a piece alone is wider than a line.

    Args:
        pieces: What `tokens` gave.
        measure: The width of a text.
        limit: The width of a line.
        em: The size of the letters, in the same unit.
        indent: What the first line leaves free at its start.
        balanced: Make all lines, the last too, about equally long (for centred text).
    """
    if not pieces:
        return []
    widths = [measure(piece.text) for piece in pieces]
    space = measure(" ")
    steps = [width + (space if piece.space else 0.0) for width, piece in zip(widths, pieces, strict=True)]
    count = len(pieces)
    best: list[tuple[float, int]] = [(0.0, count)] * (count + 1)  # cost from here on, where the next line begins
    for start in range(count - 1, -1, -1):
        room = limit - (indent if start == 0 else 0.0)
        best[start] = (float("inf"), count)
        total = widths[start]
        for stop in range(start + 1, count + 1):
            blank = room - total + hanging(pieces[stop - 1].text, em)
            if blank < 0 and stop > start + 1 and total > room + em:
                break
            if blank >= 0:
                cost = _cost(blank, limit, last=stop == count, only=start == 0, balanced=balanced)
                best[start] = min(best[start], (cost + best[stop][0], stop))
            if stop < count:
                total += steps[stop]
    if best[0][0] == float("inf"):
        return None
    cuts = [0]
    while cuts[-1] < count:
        cuts.append(best[cuts[-1]][1])
    return [pieces[start:stop] for start, stop in pairwise(cuts)]


def _cost(blank: float, limit: float, *, last: bool, only: bool, balanced: bool) -> float:
    share = blank / limit
    if balanced or not last:
        return share**2
    # A last line may be short, but a lone word or character looks forgotten.
    return 0.3 if share > 0.72 and not only else 0.0
