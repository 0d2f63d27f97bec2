"""Stage 4: splits by the language of the text in a picture, intensive text, small characters (report section 3.2).

    text_split        text         0 or 1    whether anything is written in the picture
                      english, chinese, other   0 ... 1   shares of the units (words, Chinese characters) that were read
    intensive_text    area         0 ... 1   share of the picture that lines of text cover
                      lines        0 ...     how many there are
                      characters   0 ...     letters, digits and Chinese characters in them, as far as they can be read
    small_characters  smallest     0 ...     height of the smallest line, in pixels of the picture as it is
                      median       0 ...     of the median line
                      smallest_share, median_share   0 ... 1   the same over the side of a square of the picture's area

The split is in the metadata ("text_split": {"language": "english"}), and `split_of` reads it. Training keeps the area
of pictures and not a side, so shares are what remains of a height at another resolution. A line's height is that of its
box, 1.2 to 2 times the size of its font, most for the smallest; of a line that stands upright (vertical Chinese) its
width is taken. A picture without text has the heights of the largest letter that it has room for, so a low bound
keeps it.

All read through `text_reading`, once for a picture. It does not know which split a recipe treats how. Slanted lines
are measured by the upright box around them, which makes them larger than they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from statistics import median

import numpy as np

from hanmo.data.filters.scripts import LANGUAGES, Language
from hanmo.data.filters.text_reading import ReadConfig, Reading, WrittenLine, reading_of
from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Record
from hanmo.errors import RequestError

_UPRIGHT = 1.5
"""Height over width from which a line of several characters runs from top to bottom."""
_KEPT = 20
"""Lines of text that the metadata quotes at most, each up to 80 characters."""


@dataclass(frozen=True)
class TextSplitConfig:
    """How pictures are read."""

    read: ReadConfig = field(default_factory=ReadConfig)


@dataclass(frozen=True)
class TextSplit:
    """The language of the text in a picture: English, Chinese, other or none."""

    config: TextSplitConfig = field(default_factory=TextSplitConfig)
    name: str = field(default="text_split", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("text", "english", "chinese", "other"), init=False)

    def measure(self, record: Record) -> Measured:
        """Metadata: the language, and the beginning of what was read."""
        reading = reading_of(record, self.config.read)
        units = reading.units
        language = units.language if reading.lines else "none"
        shares = {name: units.share(name) for name in ("english", "chinese", "other")}
        if not units.letters and language == "other":  # numbers alone
            shares["other"] = 1.0
        quoted = [line.text[:80] for line in reading.lines if not line.foreign][:_KEPT]
        return Measured({"text": float(language != "none"), **shares}, {"language": language, "lines": quoted})


@dataclass(frozen=True)
class IntensiveTextConfig:
    """How pictures are read."""

    read: ReadConfig = field(default_factory=ReadConfig)


@dataclass(frozen=True)
class IntensiveText:
    """How much of a picture is text."""

    config: IntensiveTextConfig = field(default_factory=IntensiveTextConfig)
    name: str = field(default="intensive_text", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("area", "lines", "characters"), init=False)

    def measure(self, record: Record) -> Measured:
        """See the file's head."""
        reading = reading_of(record, self.config.read)
        characters = sum(character.isalnum() for line in reading.lines for character in line.text)
        return Measured(
            {"area": _covered(reading), "lines": float(len(reading.lines)), "characters": float(characters)}
        )


@dataclass(frozen=True)
class SmallCharactersConfig:
    """How pictures are read."""

    read: ReadConfig = field(default_factory=ReadConfig)


@dataclass(frozen=True)
class SmallCharacters:
    """How small the letters in a picture are."""

    config: SmallCharactersConfig = field(default_factory=SmallCharactersConfig)
    name: str = field(default="small_characters", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("smallest", "median", "smallest_share", "median_share"), init=False)

    def measure(self, record: Record) -> Measured:
        """See the file's head."""
        reading = reading_of(record, self.config.read)
        side = sqrt(reading.width * reading.height)
        heights = [_height(line) for line in reading.lines] or [min(reading.width, reading.height)]
        smallest, middle = float(min(heights)), float(median(heights))
        shares = {"smallest_share": min(1.0, smallest / side), "median_share": min(1.0, middle / side)}
        return Measured({"smallest": smallest, "median": middle, **shares})


OPERATORS: Mapping[str, type[Operator]] = {
    "text_split": TextSplit,
    "intensive_text": IntensiveText,
    "small_characters": SmallCharacters,
}


def _covered(reading: Reading) -> float:
    """Share of pixels inside a box; where boxes overlap, once."""
    inside = np.zeros((reading.height, reading.width), dtype=bool)
    for line in reading.lines:
        left, top, right, bottom = line.box
        inside[top:bottom, left:right] = True
    return float(inside.mean(dtype=np.float64))


def _height(line: WrittenLine) -> int:
    left, top, right, bottom = line.box
    width, height = right - left, bottom - top
    upright = height > _UPRIGHT * width and (line.foreign or len(line.text) > 1)
    return width if upright else height


# --- what to do with the split ------------------------------------------------------------------------


def split_of(record: Record) -> Language:
    """The split that `text_split` put a record into.

    Raises:
        RequestError: the record has not been through it.
    """
    found = record.metadata.get("text_split")
    language = found.get("language") if isinstance(found, Mapping) else None
    for known in LANGUAGES:
        if language == known:
            return known
    raise RequestError(f"the record {record.id} is in no split: run the operator text_split of stage 4 first")


def of_splits(records: Iterable[Record], splits: Iterable[str]) -> Iterator[Record]:
    """Only the records of some splits, in order, one in memory at a time.

    A stage that treats splits differently runs over one set for each: a shard is read once for each split and written
    with `write_shard(shard, of_splits(read_shard(whole), ["english"]))`, which `run` then takes as it takes any.

    Raises:
        RequestError: a split that there is not; a record without one.
    """
    wanted = tuple(splits)
    for name in wanted:
        if name not in LANGUAGES:
            raise RequestError(f"there is no split {name!r}: choose among {', '.join(LANGUAGES)}")
    return (record for record in records if split_of(record) in wanted)
