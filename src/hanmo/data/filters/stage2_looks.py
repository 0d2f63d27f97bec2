"""Stage 2 as operators: how a picture looks (report 3.2: rotation, clarity, luma, saturation, entropy, texture).

    rotation    degrees 0, 90, 180, 270    what the file's EXIF asks to be turned by, clockwise; mirrored 0 or 1
    clarity     variance 0 ... 1,040,400   of the Laplacian: low is blurred
    luma        luma 0 ... 1, dark 0 ... 1, bright 0 ... 1    mean grey; shares of clipped pixels
    saturation  saturation 0 ... 1         0 is grey
    entropy     bits 0 ... 8               0 is one colour
    texture     edges 0 ... 1              share of pixels on an edge: 0 is flat, near 1 is noise

All but the first are measured on the upright picture (`quality`), once for all of them. None has anything to choose:
what a picture must reach is the recipe's business. It does not know what a picture shows, and `rotation` believes the
file: a picture that lies on its side without saying so is upright to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hanmo.data.decode import DecodeLimits
from hanmo.data.filters.quality import Quality, measure
from hanmo.data.look import decoded_of, pixels_in
from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Record


@dataclass(frozen=True)
class LooksConfig:
    """Nothing to choose: every number is a function of the picture alone."""


@dataclass(frozen=True)
class Rotation:
    """What the file asks viewers to do before they show it; cameras write it, and so do careless programs."""

    config: LooksConfig = LooksConfig()
    name = "rotation"
    version = 1
    scores = ("degrees", "mirrored")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        found = decoded_of(record)
        return Measured({"degrees": float(found.rotation), "mirrored": float(found.mirrored)})


@dataclass(frozen=True)
class Clarity:
    """How sharp it is."""

    config: LooksConfig = LooksConfig()
    name = "clarity"
    version = 1
    scores = ("variance",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        return Measured({"variance": quality_of(record).clarity})


@dataclass(frozen=True)
class Luma:
    """How bright it is, and how much of it is clipped at either end."""

    config: LooksConfig = LooksConfig()
    name = "luma"
    version = 1
    scores = ("luma", "dark", "bright")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        found = quality_of(record)
        return Measured({"luma": found.luma, "dark": found.dark, "bright": found.bright})


@dataclass(frozen=True)
class Saturation:
    """How far its colours are from grey."""

    config: LooksConfig = LooksConfig()
    name = "saturation"
    version = 1
    scores = ("saturation",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        return Measured({"saturation": quality_of(record).saturation})


@dataclass(frozen=True)
class Entropy:
    """How many shades it has."""

    config: LooksConfig = LooksConfig()
    name = "entropy"
    version = 1
    scores = ("bits",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        return Measured({"bits": quality_of(record).entropy})


@dataclass(frozen=True)
class Texture:
    """How much of it is structure."""

    config: LooksConfig = LooksConfig()
    name = "texture"
    version = 1
    scores = ("edges",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        return Measured({"edges": quality_of(record).texture})


def quality_of(record: Record) -> Quality:
    """Every measure of a record's picture; those of the newest record are kept, so that five operators share them.

    Raises:
        HanmoError: there is no picture.
    """
    return _newest(record.image, record.format)


@lru_cache(maxsize=1)
def _newest(image: bytes, kind: str) -> Quality:
    return measure(pixels_in(image, kind, DecodeLimits()))


OPERATORS: Mapping[str, type[Operator]] = {
    "rotation": Rotation,
    "clarity": Clarity,
    "luma": Luma,
    "saturation": Saturation,
    "entropy": Entropy,
    "texture": Texture,
}
