"""The tables of sources that are drawn while they are read (report section 3.4).

It does not know how any of them is drawn, nor how a recipe finds its table (`tables`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hanmo.data.sources import Source
from hanmo.data.sources.cards import CardSource
from hanmo.data.sources.emoji_art import ART
from hanmo.data.sources.emoji_sets import EmojiSetsSource
from hanmo.data.sources.pages import PageSource
from hanmo.data.sources.pairs import CardPairSource, PairSource, SolidSource
from hanmo.data.sources.paragraphs import ParagraphSource, RareSource
from hanmo.data.sources.scenes import SceneSource
from hanmo.data.sources.tables_read import SourceTable, own_licences
from hanmo.data.synthesize import scene_sample
from hanmo.data.synthesize.pages.page import PageConfig
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.sample import CardConfig
from hanmo.data.synthesize.scenes.style import SceneConfig
from hanmo.data.synthesize.solids_sample import SOLID_KINDS, SolidConfig
from hanmo.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class DrawnTable(SourceTable):
    """What every kind has that is drawn: `count` is how many, `seed` which; "none" takes the run's."""

    domain: str = "synthetic"
    count: int | None = 1000
    seed: int | None = None

    def __post_init__(self) -> None:
        """See `SourceTable`; without a count there would be no end."""
        super().__post_init__()
        if self.count is None:
            raise ConfigError(f"the source {self.name} is drawn without end: give a count")


@dataclass(frozen=True, kw_only=True)
class CardTable(DrawnTable):
    """Cards."""

    look: CardConfig = field(default_factory=CardConfig)
    kind: Literal["cards"] = "cards"


@dataclass(frozen=True, kw_only=True)
class CardPairTable(DrawnTable):
    """Cards before and after an edit, `count` pairs; see `CardPairSource`.

    Name it before `cards` in a recipe: a picture that both draw is then kept where a pair needs it.
    """

    repaint: float = 0.05
    look: CardConfig = field(default_factory=CardConfig)
    kind: Literal["card_pairs"] = "card_pairs"

    def __post_init__(self) -> None:
        """See `DrawnTable`, and `CardPairSource`."""
        super().__post_init__()
        _ = self.source(0)

    def source(self, seed: int) -> CardPairSource:
        """What the table describes."""
        return CardPairSource(self.count or 0, seed, self.name, self.licence, self.repaint, self.look)


@dataclass(frozen=True, kw_only=True)
class TextTable(DrawnTable):
    """What tables of drawn texts have in common; see `DrawnTexts`."""

    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    texts: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ParagraphTable(TextTable):
    """Paragraphs; see `ParagraphSource`."""

    look: ParagraphConfig = field(default_factory=ParagraphConfig)
    kind: Literal["paragraphs"] = "paragraphs"


@dataclass(frozen=True, kw_only=True)
class RareTable(DrawnTable):
    """Paragraphs in which every Chinese character of the common standard comes; see `RareSource`."""

    count: int | None = 400
    times: int = 1
    fonts: tuple[Path, ...] = ()
    look: ParagraphConfig = field(default_factory=ParagraphConfig)
    kind: Literal["rare"] = "rare"


@dataclass(frozen=True, kw_only=True)
class SceneTable(TextTable):
    """Texts on things in scenes; see `SceneSource`."""

    look: SceneConfig = field(default_factory=SceneConfig)
    kind: Literal["scenes"] = "scenes"


@dataclass(frozen=True, kw_only=True)
class PageTable(DrawnTable):
    """Slides, posters, screens and the like; see `PageSource`. With `browser`, Chromium paints them."""

    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    topics: dict[str, Path] = field(default_factory=dict)
    browser: bool = False
    look: PageConfig = field(default_factory=PageConfig)
    kind: Literal["pages"] = "pages"


@dataclass(frozen=True, kw_only=True)
class PairTable(DrawnTable):
    """Edits of scenes, `count` pairs; see `PairSource`. Without `emoji` they show shapes of our own alone.

    Attributes:
        edits: some of `scene_sample.KINDS`.
        emoji: a folder that `hanmo data fetch emoji-art` filled.
        sets: which art is shown, where there is such a folder.
        font: the file of the Noto font.
        look: what scenes look like.
    """

    edits: tuple[str, ...] = scene_sample.KINDS
    emoji: Path | None = None
    sets: tuple[str, ...] = tuple(ART)
    font: Path | None = None
    look: scene_sample.SceneConfig = field(default_factory=scene_sample.SceneConfig)
    kind: Literal["pairs"] = "pairs"

    def __post_init__(self) -> None:
        """See `DrawnTable`, and `PairSource`."""
        super().__post_init__()
        own_licences(self)
        _ = self.source(0)

    def source(self, seed: int) -> PairSource:
        """What the table describes."""
        art = None if self.emoji is None else EmojiSetsSource(self.emoji, sets=self.sets, size=256, font=self.font)
        return PairSource(self.count or 0, seed, self.name, self.edits, art, self.look)


@dataclass(frozen=True, kw_only=True)
class SolidTable(DrawnTable):
    """Solids with their depth or another view, `count` pairs; see `SolidSource`."""

    edits: tuple[str, ...] = SOLID_KINDS
    look: SolidConfig = field(default_factory=SolidConfig)
    kind: Literal["solids"] = "solids"

    def __post_init__(self) -> None:
        """See `DrawnTable`, and `SolidSource`."""
        super().__post_init__()
        own_licences(self)
        _ = self.source(0)

    def source(self, seed: int) -> SolidSource:
        """What the table describes."""
        return SolidSource(self.count or 0, seed, self.name, self.edits, self.look)


def open_drawn(table: DrawnTable, seed: int) -> Source | None:
    """The source of a table of this file; None for one of another.

    Args:
        table: what is drawn.
        seed: the run's, for a table that names none.
    """
    name, licence, count = table.name, table.licence, table.count or 0
    seed = seed if table.seed is None else table.seed
    match table:
        case CardTable():
            return CardSource(count, seed, name, licence, table.look)
        case ParagraphTable():
            return ParagraphSource(count, seed, name, licence, table.chinese, table.fonts, table.texts, table.look)
        case RareTable():
            return RareSource(count, seed, table.times, name, licence, table.fonts, table.look)
        case SceneTable():
            return SceneSource(count, seed, name, licence, table.chinese, table.fonts, table.texts, table.look)
        case PageTable():
            return PageSource(
                count, seed, name, licence, table.chinese, table.fonts, table.topics, table.browser, table.look
            )
        case PairTable() | SolidTable() | CardPairTable():
            return table.source(seed)
    return None
