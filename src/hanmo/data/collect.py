"""Sources into shards: the start of every run (report section 3.1). Each picture once, by its bytes.

One process reads the sources in their order and writes shards of so many items. It can be stopped at any moment: the
next call reads the sources again from the start, sees that the finished shards still say what the sources say, and
goes on behind them. A picture whose bytes came before, anywhere in the set, is a reject of the kind "repeat", which
keeps its captions; what was seen is kept on disk, so memory does not grow. It does not know near duplicates, nor any
filter.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path

from hanmo.data.layout import alone, begin, places, read_success, rejects_in, shard_in, write_success
from hanmo.data.limits import Limits
from hanmo.data.operator import digest, plain
from hanmo.data.record import Json, Record, record_to_json
from hanmo.data.rejects import Reject, write_rejects
from hanmo.data.shards import write_shard
from hanmo.data.sources import Source
from hanmo.errors import ConfigError, RequestError
from hanmo.log import get_logger

_log = get_logger(__name__)

Item = Record | Reject


@dataclass(frozen=True)
class CollectConfig:
    """How sources become shards.

    Raises:
        ConfigError: a shard of no items.
    """

    items_per_shard: int = 1000
    """Records and rejects together: what a worker loses when it is killed, and what it holds the scores of."""

    def __post_init__(self) -> None:
        """See the class."""
        if self.items_per_shard < 1:
            raise ConfigError(f"items_per_shard is {self.items_per_shard}; it must be 1 or more")


@dataclass(frozen=True)
class Collected:
    """How many shards, records and rejects a set has."""

    shards: int
    records: int
    rejects: int


def collect(
    sources: Sequence[Source], folder: Path, config: CollectConfig | None = None, limits: Limits | None = None
) -> Collected:
    """Write all items of the sources into `folder`, or finish what a call that was stopped began there.

    Args:
        sources: dataclasses, read one after the other.
        folder: the set; made where it is missing, inside a folder that is there.
        config: see `CollectConfig`.
        limits: of what is written; those of the sources say what is read.

    Raises:
        RequestError: a source is not there, or the folder holds something else than these sources give.
        OutputError: the folder cannot be written to.
    """
    config = config or CollectConfig()
    key = digest([[type(source).__name__, plain(source)] for source in sources] + [config.items_per_shard])
    with alone(folder), closing(_Seen()) as seen:
        items = (seen.check(item) for item in chain.from_iterable(sources))
        totals = Collected(0, 0, 0)
        for number in count():
            place = folder / f"{number:05d}"
            some = islice(items, config.items_per_shard)
            first = next(some, None)
            if first is None:
                break
            known = _shard(place, chain((first,), some), key, limits)
            totals = Collected(number + 1, totals.records + known["records"], totals.rejects + known["rejects"])
        extra = [place.name for place in places(folder)[totals.shards :]]
        if extra:
            raise _changed(folder, f"it also holds {', '.join(extra[:3])}")
        write_success(
            folder, {"source": key, "shards": totals.shards, "records": totals.records, "rejects": totals.rejects}
        )
    return totals


def _shard(place: Path, items: Iterator[Item], key: str, limits: Limits | None) -> dict[str, Json]:
    """Write one shard, or see that the finished one holds these items."""
    known = read_success(place)
    marks = hashlib.blake2b(digest_size=8)
    if known is not None:
        for item in items:
            marks.update(_mark(item))
        if (known.get("source"), known.get("items")) != (key, marks.hexdigest()):
            raise _changed(place.parent, f"{place.name} was made from something else")
        return known
    begin(place)
    rejects: list[Reject] = []

    def records() -> Iterator[Record]:
        for item in items:
            marks.update(_mark(item))
            if isinstance(item, Record):
                yield item
            else:
                rejects.append(item)

    kept = write_shard(shard_in(place), records(), limits)
    write_rejects(rejects_in(place), rejects)
    counts = {"records": kept, "rejects": len(rejects)}
    write_success(place, {"source": key, "items": marks.hexdigest(), **counts})
    _log.info("collected %s: %d records, %d rejects", place.name, kept, len(rejects))
    return counts


def _mark(item: Item) -> bytes:
    text = record_to_json(item) if isinstance(item, Record) else f"{item.where}\0{item.kind}\0{item.id}"
    return text.encode() + b"\n"


def _changed(folder: Path, what: str) -> RequestError:
    return RequestError(
        f"{folder} does not hold what these sources give now ({what}): put the sources back, "
        "or collect into a new folder"
    )


class _Seen:
    """The ids of a set, in a database that its library keeps in memory while small and in a nameless file when not."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID")

    def check(self, item: Item) -> Item:
        """The item, or a reject if its picture came before."""
        if isinstance(item, Reject):
            return item
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (bytes.fromhex(item.id),))
        if added.rowcount:
            return item
        where = str(item.metadata.get("where", item.source))
        return Reject(
            where, "repeat", "the same bytes came before in this set", id=item.id, record=record_to_json(item)
        )

    def close(self) -> None:
        self._database.close()
