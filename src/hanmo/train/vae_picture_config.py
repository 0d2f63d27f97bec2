"""Which pictures an autoencoder is tuned on (report section 2.3); what a recipe's [pictures] says.

It knows no pictures: those are drawn and read by `vae_crops`, which needs the data engine's packages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hanmo.errors import ConfigError

_DRAWN = ("paragraphs", "pages", "scenes", "cards")


@dataclass(frozen=True)
class PictureConfig:
    """Which pictures, and what is cut out of them.

    Attributes:
        size: side of a crop, pixels, a multiple of 8 from 32 to 2048.
        crops: of each picture.
        held_out: pictures of each source, the first ones, that are looked at and never learned from.
        paragraphs: paragraphs that are drawn, of the crop's size (256 at least).
        pages: slides, posters and the like that are drawn, 1024 x 768 at least.
        scenes: texts on things that are drawn, of the crop's size (384 at least).
        cards: sheets of the recipe's cards.
        chinese: the share of Chinese texts.
        folder: pictures of your own; smaller ones than a crop are left out, with a count.
        sets: stage folders that `hanmo data run` finished.
    """

    size: int = 256
    crops: int = 1
    held_out: int = 8
    paragraphs: int = 0
    pages: int = 0
    scenes: int = 0
    cards: int = 0
    chinese: float = 0.5
    folder: Path | None = None
    sets: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        if not 32 <= self.size <= 2048 or self.size % 8:
            raise ConfigError(f"pictures.size is {self.size}; it must be a multiple of 8 between 32 and 2048")
        for key in ("crops", "held_out"):
            if getattr(self, key) < 1:
                raise ConfigError(f"pictures.{key} is {getattr(self, key)}; it must be at least 1")
        for key in _DRAWN:
            if 0 < getattr(self, key) <= self.held_out or getattr(self, key) < 0:
                raise ConfigError(
                    f"pictures.{key} is {getattr(self, key)}; give more than pictures.held_out = {self.held_out}, or 0"
                )
        if not 0 <= self.chinese <= 1:
            raise ConfigError(f"pictures.chinese is {self.chinese}; it must lie between 0 and 1")

    @property
    def any(self) -> bool:
        """Whether there are any; an autoencoder without them looks at cards."""
        return self.folder is not None or bool(self.sets) or any(getattr(self, key) for key in _DRAWN)
