"""Whether a caption quotes the text in its picture: verbatim, and untranslated (report section 3.3).

What a reader of text (OCR) has found is compared with what stands between the caption's quotation marks:

1. Both become units: a Chinese or Japanese character is one, elsewhere a word is. Full-width forms become
   ordinary ones (NFKC), curly apostrophes straight ones; punctuation and spaces fall away, since readers of
   text are unsure of them. Capitals count: a sign that says OPEN does not say Open.
2. Each line that was read (equal lines once: a label that is repeated is fairly quoted once) is covered by
   runs of quoted units, the longest first, each quoted unit used once. The order of lines does not matter, the
   order within a run does. A run of a single character counts only where the line has no more: common characters
   would be found in any long caption by chance.
3. A word that is left may be several that the reader ran together: it counts if some quote has it, spaces aside.

The score is the share of units that are covered. Which quotes look like a translation is told apart by script
only: a quote of which nothing was read, in Latin letters where a Chinese line is missing from the caption, or the
reverse. A translation from one Latin language to another is only seen as a low score.

It does not know pictures, and cannot know what the reader missed or misread: the score is one of agreement.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from hanmo.pipeline.rewrite import quoted

Script = Literal["character", "word"]

_CHARACTER = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_CHARACTER}]|(?:(?![{_CHARACTER}])[^\W_]|(?<=[^\W_])['\u0300-\u036f](?=\w))+")
_APOSTROPHES = str.maketrans("‘’`´", "''''")
_MOST_RUNS = 16
"""Pieces that a line is sought in; text in more is not quoted, and repetitive text would take minutes."""
_LOST = 0.5
"""A line of which less than this is quoted is missing."""


@dataclass(frozen=True)
class Quoting:
    """How a caption quotes what was read.

    Attributes:
        score: share of the units read that are quoted verbatim, 0-1; 1 when nothing was read.
        units: characters (Chinese, Japanese) and words that were read, equal lines counted once.
        translated: quotes that look like a translation of a line that is missing.
    """

    score: float
    units: int
    translated: tuple[str, ...] = ()


def units(text: str) -> list[str]:
    """The characters and words of a text, in order; punctuation and spaces are none."""
    return _UNIT.findall(unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)))


def compare(read: Iterable[str], caption: str) -> Quoting:
    """Compare what was read in a picture with what its caption quotes.

    Args:
        read: lines, in any order.
        caption: with text between quotation marks of whatever kind.
    """
    lines = list(dict.fromkeys(line for line in (tuple(units(text)) for text in read) if line))
    quotes = quoted(caption)
    pool = _Pool([units(text) for text in quotes])
    order = sorted(lines, key=len, reverse=True)  # the longest first: short ones are found in them by chance
    covered = {line: pool.cover(line) for line in order}
    total = sum(map(len, lines))
    score = sum(covered.values()) / total if total else 1.0
    missing = [line for line in lines if covered[line] < _LOST * len(line)]
    return Quoting(score, total, tuple(_translations(quotes, lines, missing)))


class _Pool:
    """Quoted units that are not used up yet, by their places in the caption."""

    def __init__(self, quotes: Sequence[Sequence[str]]) -> None:
        self._places: defaultdict[str, dict[int, None]] = defaultdict(dict)
        place = 0
        for quote in quotes:
            for unit in quote:
                self._places[unit][place] = None
                place += 1
            place += 1  # a gap, so that no run crosses from one quote into the next
        self._glued = ["".join(quote) for quote in quotes]

    def cover(self, line: Sequence[str]) -> int:
        """How many units of a line are quoted; they are used up."""
        rest: list[str | None] = list(line)
        for _ in range(_MOST_RUNS):
            start, place, size = self._longest(rest)
            if size == 0 or (size == 1 and len(line) > 1 and script(line[start]) == "character"):
                break
            for step in range(size):
                del self._places[line[start + step]][place + step]
                rest[start + step] = None
        return sum(unit is None or self._ran_together(unit) for unit in rest)

    def _longest(self, rest: Sequence[str | None]) -> tuple[int, int, int]:
        """The longest run of units that is quoted: where it begins in the line and in the caption, and its length."""
        best = (0, 0, 0)
        before: dict[int, int] = {}  # place in the caption -> length of the run that ends there
        for index, unit in enumerate(rest):
            here: dict[int, int] = {}
            for place in self._places.get(unit, ()) if unit is not None else ():
                here[place] = size = before.get(place - 1, 0) + 1
                if size > best[2]:
                    best = (index - size + 1, place - size + 1, size)
            before = here
        return best

    def _ran_together(self, unit: str) -> bool:
        return script(unit) == "word" and len(unit) > 3 and any(unit in quote for quote in self._glued)


def script(unit: str) -> Script:
    """Whether a unit is one character of a script without spaces, or a word."""
    return "character" if re.match(f"[{_CHARACTER}]", unit) else "word"


def _translations(
    quotes: Sequence[str], lines: Sequence[Sequence[str]], missing: Sequence[Sequence[str]]
) -> Iterable[str]:
    """Quotes of which nothing was read, in another script than a missing line."""
    seen = set(chain.from_iterable(lines))
    lost = {_main_script(line) for line in missing}
    for text in quotes:
        said = units(text)
        own = _main_script(said)
        if own is not None and not seen & set(said) and lost - {own, None}:
            yield text


def _main_script(line: Sequence[str]) -> Script | None:
    """What most units are; None for numbers alone, which are the same in every language."""
    found = Counter(script(unit) for unit in line if not unit.isdigit())
    return max(sorted(found), key=found.__getitem__, default=None)
