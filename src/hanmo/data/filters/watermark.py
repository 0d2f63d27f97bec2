"""Marks over a picture that can be read: whose it is, or that it is a preview (report 3.2, stage 5).

Without weights, marks are found as what they are: text where, and as, a picture's own text seldom is.

    repeated   lines that say the same thing (or a part of it, where the frame cuts them): a preview is tiled with it
    aslant     lines of three letters or more that run aslant, 14 to 76 degrees: designs write level or upright
    across     0 ... 1   length of the longest such line against the diagonal: one large word over everything
    signed     0 ... 1   how much a line looks like a signature: small, close to a corner, an address or a right's mark
    faint      0 ... 1   the weakest contrast of a line that runs aslant or is repeated, 1 where none is: see-through

The text is what a reader of text gives, once at full size and once small, because one large word is too large for it
at full size. So this finds what can be read: words, addresses, names. It does not find logos without letters, marks
that drown in their ground, or invisible ones, and takes a graffito or a poster's slanted headline for a mark; a
published classifier (`published.classify`) judges by other means. Letters: H W pixels.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import cv2
import numpy as np

from hanmo.data.look import Pixels
from hanmo.data.ocr import Box, Line

SURE = 0.6
"""Reader's score from which a line is text: shapes are "read" too, as one letter and with less."""
_SHORTEST = 3
_LEVEL, _UPRIGHT = 14.0, 76.0
_ALIKE = 0.75
"""Share of letters from which two readings are of the same text; readers err when letters are see-through."""

# What signatures hold. An address needs its dot: "com" alone is a word of many languages.
_ADDRESS = re.compile(
    r"www\.|https?:|\w{3,}\.(com|net|org|cn|cc|io|de|jp|ru|co|uk|info|photo\w*)\b|(^|\s)@\w{2,}|\w@\w", re.IGNORECASE
)
_RIGHTS = re.compile(
    r"©|\(c\)\s|copyright|all rights|watermark|stock\s?photo|(photo|image|picture)s?\s+(by|courtesy)|preview|"
    r"版权|水印|图片来[自源]|来源[:：]|摄影[:：]|未经|预览|样图|盗图",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Marks:
    """What was found in one picture; see the head of this file. `texts` are the lines that count as marks."""

    repeated: int
    aslant: int
    across: float
    signed: float
    faint: float
    texts: tuple[str, ...]


def find_marks(picture: Pixels, lines: Sequence[Line]) -> Marks:
    """Judge the lines of a picture.

    Args:
        picture: that the lines are of.
        lines: boxes in its pixels; of two readings of one line either or both.
    """
    height, width = picture.shape[:2]
    lines = [line for line in lines if line.score >= SURE]
    aslant = _distinct([line for line in lines if _is_aslant(line)])
    repeated = _most_repeated(_distinct(lines))
    signatures = [(signature(line, width, height), line) for line in lines]
    signed = max((strength for strength, _ in signatures), default=0.0)
    suspects = [*aslant, *(repeated if len(repeated) > 1 else ())]
    texts = [line.text for line in suspects] + [line.text for strength, line in signatures if strength >= 0.5]
    return Marks(
        repeated=len(repeated),
        aslant=len(aslant),
        across=min(1.0, max((_diagonal(line.box) for line in aslant), default=0.0) / math.hypot(width, height)),
        signed=signed,
        faint=min((contrast(picture, line.box) for line in suspects), default=1.0),
        texts=tuple(dict.fromkeys(texts)),
    )


def slope(line: Line) -> float:
    """Degrees, 0 (level) to 90 (upright), by which a line must be turned for its letters to fill its upright box.

    A reader gives the upright box of a line. A line of length r (in its own heights) at an angle a has a box of
    r cos a + sin a by r sin a + cos a; the length follows from the letters, so the angle follows from the box.
    """
    length = sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.55 for char in line.text.strip())
    left, top, right, bottom = line.box
    shape = (right - left) / max(1, bottom - top)
    if length <= 1.2 or shape >= length:
        return 0.0
    if shape * length <= 1:
        return 90.0
    return math.degrees(math.atan2(length - shape, shape * length - 1))


def signature(line: Line, width: int, height: int) -> float:
    """How much a line looks like whose picture it is, 0 to 1: what it says counts half, where and how small half."""
    left, top, right, bottom = line.box
    text = line.text.strip()
    says = 0.5 if _ADDRESS.search(text) or _RIGHTS.search(text) else 0.0
    small = bottom - top <= 0.11 * height and right - left <= 0.6 * width
    across = min(left, width - right) / width
    down = min(top, height - bottom) / height
    if not small or len(_plain(text)) < _SHORTEST or across > 0.12 or down > 0.12:
        return says if small else 0.0
    return says + 0.5 * (1 - max(across, down) / 0.12)


def contrast(picture: Pixels, box: Box) -> float:
    """How far the letters in a box stand out from their ground, 0 to 1: of strokes' edges, the middle one."""
    left, top, right, bottom = box
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    if not part.size:
        return 0.0
    kernel = np.ones((5, 5), np.uint8)
    spread = (cv2.dilate(part, kernel).astype(np.int16) - cv2.erode(part, kernel)).max(axis=2)
    edges = spread[spread > 12]
    return float(np.median(edges)) / 255 if edges.size else 0.0


# --- comparing lines --------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _is_aslant(line: Line) -> bool:
    return len(_plain(line.text)) >= _SHORTEST and _LEVEL <= slope(line) <= _UPRIGHT


def _most_repeated(lines: Sequence[Line]) -> list[Line]:
    """The largest set of lines that say the same thing as one of them, which is whole."""
    plain = [_plain(line.text) for line in lines]
    best: list[Line] = []
    for text in {text for text in plain if len(text) >= _SHORTEST}:
        same = [line for line, other in zip(lines, plain, strict=True) if _same(text, other)]
        if len(same) > len(best) or (len(same) == len(best) and text < _plain(best[0].text)):
            best = same
    return best


def _same(text: str, other: str) -> bool:
    if len(other) < _SHORTEST or len(other) > 1.4 * len(text) + 1:
        return False
    if 2 * len(other) >= len(text) and other in text:
        return True
    return SequenceMatcher(None, text, other, autojunk=False).ratio() >= _ALIKE


def _distinct(lines: Sequence[Line]) -> list[Line]:
    """Without lines whose middle lies in a line that is already there: second readings."""
    kept: list[Line] = []
    for line in sorted(lines, key=lambda line: -line.score):
        left, top, right, bottom = line.box
        middle = (left + right) / 2, (top + bottom) / 2
        if not any(_overlap(line.box, other.box) > 0.5 and _holds(other.box, middle) for other in kept):
            kept.append(line)
    return kept


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = max(_area(one), _area(other))
    return max(0, width) * max(0, height) / smaller if smaller else 0.0


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _diagonal(box: Box) -> float:
    return math.hypot(box[2] - box[0], box[3] - box[1])
