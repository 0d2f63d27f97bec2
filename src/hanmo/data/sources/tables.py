"""The [[sources]] of a recipe: one table a source, and `kind` says which (report section 3.1).

    [[sources]]
    kind = "folder"
    name = "photos"
    path = "pictures"
    licence = "CC-BY-4.0"

A new kind is a table of its own here, its name in `KINDS`, and a case in `open_source`. Every table has `name`,
`licence`, `domain` and `count`. It does not know stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.sources import Source
from hanmo.data.sources.cards import CardSource
from hanmo.data.sources.folder import FolderSource
from hanmo.data.sources.paragraphs import ParagraphSource
from hanmo.data.sources.parquet import ParquetSource
from hanmo.data.sources.tar import TarSource
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """What every kind has.

    Attributes:
        name: what records call the set; no two sources have the same.
        licence: of pictures that name none themselves.
        domain: what the set shows ("nature", "design", "people", "synthetic"), for the mix; "" leaves it open.
        count: at most so many records, the first ones; "none" takes all.
        optional: a source whose `path` is not there is left out, with a warning, instead of an error.

    Raises:
        ConfigError: no name, or a count below 1.
    """

    name: str
    licence: str = "unknown"
    domain: str = ""
    count: int | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        """See the class."""
        if not self.name.strip():
            raise ConfigError("a source has an empty name: give it one")
        if self.count is not None and self.count < 1:
            raise ConfigError(f"the count of the source {self.name} is {self.count}; it must be 1 or more, or 'none'")


@dataclass(frozen=True, kw_only=True)
class FolderTable(SourceTable):
    """Pictures below `path`, with captions beside them."""

    path: Path
    language: str = "und"
    kind: Literal["folder"] = "folder"


@dataclass(frozen=True, kw_only=True)
class TarTable(SourceTable):
    """WebDataset tars, in this order."""

    paths: tuple[Path, ...]
    language: str = "und"
    kind: Literal["tar"] = "tar"


@dataclass(frozen=True, kw_only=True)
class ParquetTable(SourceTable):
    """Parquet files and their columns; see `ParquetSource`."""

    paths: tuple[Path, ...]
    image: str = "image"
    captions: tuple[str, ...] = ("caption",)
    metadata: tuple[str, ...] = ()
    licence_column: str = ""
    language: str = "und"
    kind: Literal["parquet"] = "parquet"


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
class ParagraphTable(DrawnTable):
    """Paragraphs; see `ParagraphSource`."""

    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    texts: dict[str, Path] = field(default_factory=dict)
    look: ParagraphConfig = field(default_factory=ParagraphConfig)
    kind: Literal["paragraphs"] = "paragraphs"


KINDS: dict[str, type[SourceTable]] = {
    "folder": FolderTable,
    "tar": TarTable,
    "parquet": ParquetTable,
    "cards": CardTable,
    "paragraphs": ParagraphTable,
}


def open_source(table: SourceTable, seed: int) -> Source:
    """The source that a table describes.

    Args:
        table: one of `KINDS`.
        seed: the run's, for tables that name none.
    """
    source = _bare(table, seed)
    count = None if isinstance(table, DrawnTable) else table.count
    return Chosen(source, count, table.domain) if count is not None or table.domain else source


def _bare(table: SourceTable, seed: int) -> Source:
    name, licence = table.name, table.licence
    if isinstance(table, DrawnTable) and table.seed is not None:
        seed = table.seed
    match table:
        case FolderTable():
            return FolderSource(table.path, name, licence, table.language)
        case TarTable():
            return TarSource(table.paths, name, licence, table.language)
        case ParquetTable():
            return ParquetSource(
                table.paths,
                name,
                table.image,
                table.captions,
                table.metadata,
                table.licence_column,
                licence,
                table.language,
            )
        case CardTable():
            return CardSource(table.count or 0, seed, name, licence, table.look)
        case ParagraphTable():
            return ParagraphSource(
                table.count or 0, seed, name, licence, table.chinese, table.fonts, table.texts, table.look
            )
    raise ConfigError(f"the kind of the source {name} has no case here")


@dataclass(frozen=True)
class Chosen:
    """The first records of a source, with its domain in their metadata; a `Source`.

    Args:
        source: what is read.
        count: records to take; rejects before the last of them come along. None takes all.
        domain: what records that name none get; "" leaves them.
    """

    source: Source
    count: int | None = None
    domain: str = ""

    @property
    def name(self) -> str:
        """The source's."""
        return self.source.name

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        left = self.count
        for item in self.source:
            if isinstance(item, Record):
                left = None if left is None else left - 1
                yield replace(item, metadata={"domain": self.domain, **item.metadata}) if self.domain else item
            else:
                yield item
            if left == 0:
                return
