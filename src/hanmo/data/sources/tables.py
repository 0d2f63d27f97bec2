"""The [[sources]] of a recipe: one table a source, and `kind` says which (report section 3.1).

    [[sources]]
    kind = "folder"
    name = "photos"
    path = "pictures"
    licence = "CC-BY-4.0"

A new kind is a table of its own in `tables_read` or `tables_drawn`, a case there, and its name in `KINDS`. Every table
has `name`, `licence`, `domain` and `count`. It does not know stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.sources import Source
from hanmo.data.sources.tables_drawn import (
    CardPairTable,
    CardTable,
    DrawnTable,
    PageTable,
    PairTable,
    ParagraphTable,
    RareTable,
    SceneTable,
    SolidTable,
    open_drawn,
)
from hanmo.data.sources.tables_read import (
    EmojiTable,
    FolderTable,
    HubTable,
    ParquetTable,
    SourceTable,
    TarTable,
    UrlTable,
    open_read,
)
from hanmo.errors import ConfigError

KINDS: dict[str, type[SourceTable]] = {
    "folder": FolderTable,
    "tar": TarTable,
    "parquet": ParquetTable,
    "urls": UrlTable,
    "hub": HubTable,
    "emoji-art": EmojiTable,
    "cards": CardTable,
    "paragraphs": ParagraphTable,
    "rare": RareTable,
    "scenes": SceneTable,
    "pages": PageTable,
    "pairs": PairTable,
    "card_pairs": CardPairTable,
    "solids": SolidTable,
}


def open_source(table: SourceTable, seed: int) -> Source:
    """The source that a table describes.

    Args:
        table: one of `KINDS`.
        seed: the run's, for tables that name none.

    Raises:
        RequestError: the data set of a hub cannot be asked for; what else is missing raises when it is read.
    """
    source = open_drawn(table, seed) if isinstance(table, DrawnTable) else open_read(table)
    if source is None:
        raise ConfigError(f"the kind of the source {table.name} has no case")
    count = None if isinstance(table, DrawnTable) else table.count
    return Chosen(source, count, table.domain) if count is not None or table.domain else source


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
