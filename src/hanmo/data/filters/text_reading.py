"""What stands written in a record's picture, read once for all operators of stage 4 (report section 3.2).

A reader of text is the dearest thing that a CPU does in these stages, so the newest reading is kept, as the newest
picture is (`look`). A picture without one edge is not read at all, and where the detector of lines finds none,
nothing is recognised.

The reader knows Latin, Greek, Chinese and Japanese letters. Of other scripts it finds the lines and reads nothing,
or some letters that look alike, unsurely ("MoKBa" of a Cyrillic Moskva, at 0.8): such lines are `foreign`. It also
takes shapes for letters now and then (a face for "63"). The limits below, measured on drawn pictures and photographs,
are what tells these apart, and are no thresholds of keeping or dropping. A Cyrillic word of nothing but letters that
Latin has too is read as Latin, and shapes in rows (rings, coins) as words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from hanmo.data.filters.scripts import Units, units_of
from hanmo.data.look import picture_of
from hanmo.data.ocr import OCR, Box, Line
from hanmo.data.record import Record
from hanmo.errors import ConfigError

_LARGE = 0.5
"""Share of both sides from which a box in which nothing was read holds the picture's subject."""
_WORDLIKE = 1.25
"""Width over height from which a box in which nothing was read may hold a word rather than a shape."""
_STROKES = 4.0
"""Edges that a line across such a box must meet at least, and for each of its heights `_STROKES_A_HEIGHT` more."""
_STROKES_A_HEIGHT = 1.5
_LIKE_SHAPES = frozenset("oO0Il1i")
"""What a ring and a bar are read as, surely: alone they are no text."""
_FLAT = 6
"""Levels, in 255, between neighbours in a channel up to which a picture has no edge that a letter could have."""


@dataclass(frozen=True)
class ReadConfig:
    """How pictures are read; of all operators of a stage it must be the same, or each reads by itself.

    Attributes:
        side: pixels of the longer side beyond which a picture is reduced before it is read; lines that are then less
            than about 8 pixels high are lost.
        sure: how sure (0-1) the reader must be of a short line.
        long: characters from which a line is long: of a script that it does not know it reads fewer.
        sure_long: how sure it must be of a long line.
        sure_single: how sure of a single character, which many a shape looks like.

    Raises:
        ConfigError: a value out of range.
    """

    side: int = 1600
    sure: float = 0.8
    long: int = 8
    sure_long: float = 0.6
    sure_single: float = 0.97

    def __post_init__(self) -> None:
        """See the class."""
        if self.side < 32 or self.long < 1:
            raise ConfigError(f"side = {self.side} and long = {self.long}; give at least 32 pixels and 1 character")
        for name in ("sure", "sure_long", "sure_single"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 to 1")


@dataclass(frozen=True)
class WrittenLine:
    """A line of text.

    Attributes:
        text: what was read; of a foreign line it may be "" or nonsense.
        box: in pixels of the picture as it is, upright.
        foreign: it was found, and could not be read surely.
    """

    text: str
    box: Box
    foreign: bool = False


@dataclass(frozen=True)
class Reading:
    """What stands in a picture.

    Attributes:
        width: of the picture, in pixels.
        height: the same.
        lines: from top to bottom.
    """

    width: int
    height: int
    lines: tuple[WrittenLine, ...]

    @property
    def units(self) -> Units:
        """Of all lines together; a foreign line counts as one unit of another language for each two of its heights."""
        read = units_of("\n".join(line.text for line in self.lines if not line.foreign))
        foreign = sum(max(1, round(_shape(line.box) / 2)) for line in self.lines if line.foreign)
        return Units(read.english, read.chinese, read.other + foreign, read.numbers)


def reading_of(record: Record, config: ReadConfig) -> Reading:
    """Read a record's picture, or give what was just read.

    Raises:
        HanmoError: there is no picture.
        RequestError: RapidOCR is not installed.
    """
    return _newest(_Held(record.id, record), config)


@dataclass(frozen=True)
class _Held:
    """A record that a cache knows by its id: equal ids are equal bytes."""

    id: str
    record: Record = field(compare=False)


@lru_cache(maxsize=1)
def _newest(held: _Held, config: ReadConfig) -> Reading:
    return read_picture(picture_of(held.record), config)


@cache
def _reader() -> OCR:
    return OCR(threads=1)


def read_picture(picture: UInt8[np.ndarray, "H W 3"], config: ReadConfig) -> Reading:
    """Read a picture.

    Raises:
        RequestError: RapidOCR is not installed.
    """
    height, width = picture.shape[:2]
    factor = max(1.0, max(height, width) / config.side)
    if factor > 1:
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    if _is_flat(picture):
        return Reading(width, height, ())
    lines = []
    for line in _reader().survey(Image.fromarray(picture)):
        kind = _kind(line, picture, config)
        if kind != "nothing":
            lines.append(WrittenLine(line.text, _scaled(line.box, factor, width, height), kind == "foreign"))
    return Reading(width, height, tuple(lines))


def _is_flat(picture: UInt8[np.ndarray, "h w 3"]) -> bool:
    levels = picture.astype(np.int16)
    return all(np.abs(np.diff(levels, axis=axis)).max(initial=0) <= _FLAT for axis in (0, 1))


def _kind(line: Line, picture: UInt8[np.ndarray, "h w 3"], config: ReadConfig) -> Literal["text", "foreign", "nothing"]:
    """Whether a line that was found is text that can be read, text that cannot, or a shape."""
    read = [character for character in line.text if character.isalnum()]
    if len(read) == 1 and read[0] in _LIKE_SHAPES:
        return "nothing"
    if read and line.score >= _enough(len(read), config):
        return "text"
    left, top, right, bottom = line.box
    width, height = right - left, bottom - top
    large = width >= _LARGE * picture.shape[1] and height >= _LARGE * picture.shape[0]
    digits = bool(read) and all(character.isdecimal() for character in read)
    if large or digits or width < _WORDLIKE * height:
        return "nothing"
    strokes = _strokes(picture[top:bottom, left:right])
    return "foreign" if strokes >= max(_STROKES, _STROKES_A_HEIGHT * width / height) else "nothing"


def _enough(length: int, config: ReadConfig) -> float:
    if length == 1:
        return config.sure_single
    return config.sure_long if length >= config.long else config.sure


def _strokes(crop: UInt8[np.ndarray, "h w 3"]) -> float:
    """How often a line across the middle half of a crop goes from ink to ground or back: the upper quartile of rows.

    Ink and ground are told apart half-way between the darkest and the brightest parts. A shape gives two or none.
    """
    grey = np.asarray(Image.fromarray(crop).convert("L"), dtype=np.float32)
    low, high = np.percentile(grey, (5, 95))
    quarter = grey.shape[0] // 4
    ink = grey[quarter : grey.shape[0] - quarter] > (low + high) / 2
    crossings = np.count_nonzero(ink[:, 1:] != ink[:, :-1], axis=1)
    return float(np.percentile(crossings, 75)) if crossings.size else 0.0


def _shape(box: Box) -> float:
    """The longer side of a box over its shorter one: a line may stand upright."""
    sides = box[2] - box[0], box[3] - box[1]
    return max(sides) / max(1, min(sides))


def _scaled(box: Box, factor: float, width: int, height: int) -> Box:
    left, top, right, bottom = (round(edge * factor) for edge in box)
    return left, top, min(width, right), min(height, bottom)
