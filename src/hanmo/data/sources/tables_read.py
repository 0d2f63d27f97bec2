"""The tables of sources that are read: files, the network's answers, packages of art (report section 3.1).

It does not know how any of them is read, nor how a recipe finds its table (`tables`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hanmo.data.sources import Source
from hanmo.data.sources.emoji_art import ART
from hanmo.data.sources.emoji_sets import EmojiSetsSource
from hanmo.data.sources.folder import FolderSource
from hanmo.data.sources.hub import hub_source
from hanmo.data.sources.parquet import ParquetSource
from hanmo.data.sources.tar import TarSource
from hanmo.data.sources.url_list import UrlList
from hanmo.data.sources.urls import UrlSource
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
class UrlTable(SourceTable):
    """A list of URLs and the answers that `hanmo data fetch urls` got, with the same columns; see `UrlList`."""

    file: Path
    answers: Path
    url: str = "url"
    captions: tuple[str, ...] = ("caption",)
    licence_column: str = ""
    metadata: tuple[str, ...] = ()
    language: str = "und"
    kind: Literal["urls"] = "urls"


@dataclass(frozen=True, kw_only=True)
class HubTable(SourceTable):
    """Parquet files of a data set on a hub, or of a folder; see `hub_source`. A commit as revision never moves."""

    dataset: str
    revision: str = "main"
    pattern: str = "*.parquet"
    image: str = "image"
    captions: tuple[str, ...] = ("caption",)
    metadata: tuple[str, ...] = ()
    licence_column: str = ""
    language: str = "und"
    kind: Literal["hub"] = "hub"


@dataclass(frozen=True, kw_only=True)
class EmojiTable(SourceTable):
    """Emoji below `path`, which `hanmo data fetch emoji-art` filled; see `EmojiSetsSource`."""

    path: Path
    sets: tuple[str, ...] = tuple(ART)
    size: int = 512
    tones: bool = False
    font: Path | None = None
    kind: Literal["emoji-art"] = "emoji-art"

    def __post_init__(self) -> None:
        """See `SourceTable`, and `EmojiSetsSource`."""
        super().__post_init__()
        own_licences(self)
        _ = self.source

    @property
    def source(self) -> EmojiSetsSource:
        """What the table describes."""
        return EmojiSetsSource(self.path, self.name, self.sets, self.size, self.tones, self.font)


def own_licences(table: SourceTable) -> None:
    """Refuse a licence where every record says its own.

    Raises:
        ConfigError: one was given.
    """
    if table.licence != SourceTable.licence:
        raise ConfigError(f"every record of the source {table.name} says its own licence: leave 'licence' out")


def open_read(table: SourceTable) -> Source | None:
    """The source of a table of this file; None for one of another.

    Raises:
        RequestError: the data set of a hub cannot be asked for.
    """
    name, licence = table.name, table.licence
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
        case UrlTable():
            urls = UrlList(table.file, table.url, table.captions, table.licence_column, table.metadata, table.language)
            return UrlSource(urls, table.answers, name, licence)
        case HubTable():
            columns = ("image", "captions", "metadata", "licence_column", "licence", "language")
            given = {column: getattr(table, column) for column in columns}
            return hub_source(table.dataset, table.revision, table.pattern, name, **given)
        case EmojiTable():
            return table.source
    return None
