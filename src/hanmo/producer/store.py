"""The store: a folder of shards, grouped by task and size, that training reads by memory map (report section 4.1.1).

    STORE/t2i/256x256/NAME.safetensors     some samples (`wire`), named by a hash of their ids
    STORE/t2i/256x256/NAME.parquet         the same without tensors, for questions (`index`); training never reads it

A shard is there whole or not at all, and says itself what it holds and what made it: so nothing can be out of step with
it, several producers write side by side without asking each other, and a training host needs no pyarrow. What is
damaged is passed over with a count; what another encoder, autoencoder or configuration made is refused. It does not
know the order in which samples are used (`batches`).
"""

from __future__ import annotations

import hashlib
import mmap
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanmo.errors import HanmoError, OutputError, RequestError
from hanmo.log import get_logger
from hanmo.producer import wire
from hanmo.producer.identity import Accept, Identity, refuse_stale
from hanmo.producer.sample import Sample
from hanmo.weights.files import atomic_file

_log = get_logger(__name__)
Known = Mapping[str, frozenset[str]]
"""Tags of samples that are there, by id; others may add to it."""
_OPEN = 64
"""Shards that are kept mapped."""


@dataclass(frozen=True)
class Shard:
    """A shard as its header describes it.

    Attributes:
        name: of the file, from the store's folder, such as "t2i/256x256/ab12.safetensors".
        bucket: see `wire.bucket_name`.
        ids: of its samples, in their order.
        sources: names of the data sources that they are from.
        empty: whether each has its empty prompt beside it.
        tags: of each.
    """

    name: str
    bucket: str
    ids: tuple[str, ...]
    sources: tuple[str, ...] = ()
    empty: tuple[bool, ...] = ()
    tags: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """What a store held when it was looked at.

    Attributes:
        folder: the store.
        shards: in the order of their names.
        skipped: names of damaged files, and why.
    """

    folder: Path
    shards: tuple[Shard, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def ids(self) -> set[str]:
        """Of all samples."""
        return {each for shard in self.shards for each in shard.ids}

    @property
    def tags(self) -> dict[str, frozenset[str]]:
        """Of all samples, by id."""
        return {each: tags for shard in self.shards for each, tags in zip(shard.ids, shard.tags, strict=True)}

    def only(self, names: Iterable[str]) -> Catalogue:
        """The same without shards that came later.

        Raises:
            HanmoError: a shard is missing.
        """
        there = {shard.name: shard for shard in self.shards}
        wanted = sorted(names)
        if lost := [name for name in wanted if name not in there]:
            raise HanmoError(f"{self.folder} lacks {len(lost)} shards that a run has begun with, such as {lost[0]}")
        return Catalogue(self.folder, tuple(there[name] for name in wanted), self.skipped)


def write_shard(store: Path, samples: Sequence[Sample], identity: Identity) -> Path:
    """Write one shard; samples that are there already under the same name are left alone.

    Args:
        store: a folder; made where it is missing.
        samples: of one bucket, of different ids.
        identity: of what made them.

    Raises:
        RequestError: no sample, samples of several buckets, or two of one id.
        OutputError: the folder cannot be written to, or the disk is full.
    """
    buckets = {wire.bucket_of(sample) for sample in samples}
    ids = [sample.id for sample in samples]
    if len(buckets) != 1 or len(set(ids)) < len(ids):
        raise RequestError(f"a shard takes different samples of one bucket, not {len(ids)} of {sorted(buckets)}")
    name = hashlib.blake2b("\n".join([identity.key, *ids]).encode(), digest_size=12).hexdigest()
    path = store / buckets.pop() / f"{name}.safetensors"
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be made: {error.strerror or error}; choose another store") from None
    with atomic_file(path) as file:
        for part in wire.packed(samples, identity):
            file.write(part)
    return path


def look(store: Path, wanted: Identity | None = None, accept: Accept = "exact") -> Catalogue:
    """Read the headers of a store.

    Args:
        store: the folder; an empty or missing one has no shards.
        wanted: what this run would make; None takes anything, for questions.
        accept: which others are taken.

    Raises:
        RequestError: it is stale.
    """
    shards, skipped = [], []
    for path in sorted(store.glob("*/*/*.safetensors")):
        name = path.relative_to(store).as_posix()
        try:
            shards.append(_shard(store, name, wanted, accept))
        except RequestError:
            raise
        except (HanmoError, LookupError, TypeError, OSError) as error:
            skipped.append((name, str(error)))
    if skipped:
        _log.warning("%s: %d damaged shards are passed over, such as %s (%s)", store, len(skipped), *skipped[0])
    return Catalogue(store, tuple(shards), tuple(skipped))


def look_at(store: Path, names: Iterable[str], wanted: Identity | None = None, accept: Accept = "exact") -> Catalogue:
    """Read the headers of these shards alone.

    Raises:
        HanmoError: one is missing or damaged.
        RequestError: it is stale.
    """
    shards = []
    for name in names:
        try:
            shards.append(_shard(store, name, wanted, accept))
        except (LookupError, TypeError, OSError) as error:
            raise HanmoError(
                f"{store / name} cannot be read ({type(error).__name__}), and a run draws from it"
            ) from None
    return Catalogue(store, tuple(shards))


def _shard(store: Path, name: str, wanted: Identity | None, accept: Accept) -> Shard:
    path = store / name
    manifest = _manifest(path)
    ids = tuple(str(row["id"]) for row in manifest.rows)
    sources = tuple(str(row["source"]) for row in manifest.rows)
    empty = tuple(wire.has_empty(manifest, row) for row in range(len(ids)))
    tags = tuple(wire.tags_at(manifest, row) for row in range(len(ids)))
    if wanted is not None:
        refuse_stale(wanted, manifest.identity, str(path), accept)
    return Shard(name, path.parent.relative_to(store).as_posix(), ids, sources, empty, tags)


def _manifest(path: Path) -> wire.Manifest:
    with path.open("rb") as file:
        first = file.read(8)
        return wire.read_manifest(first + file.read(wire.header_length(first)), path.stat().st_size)


class Reader:
    """Samples of a store, by shard and row; maps shards into memory and checks each once.

    Args:
        store: the folder.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._open: OrderedDict[str, tuple[mmap.mmap, wire.Manifest]] = OrderedDict()
        self._bad: dict[str, str] = {}
        self._checked: set[str] = set()

    @property
    def damaged(self) -> int:
        """Shards that turned out to be damaged."""
        return len(self._bad)

    def sample(self, shard: str, row: int) -> Sample | None:
        """One sample, its tensors on the mapped file (writing to them changes no file); None: the shard is damaged."""
        if shard in self._bad:
            return None
        try:
            return wire.sample_at(*self._mapped(shard), row)
        except (HanmoError, OSError, ValueError) as error:
            self._bad[shard] = str(error)
            self._open.pop(shard, None)
            _log.warning("%s/%s is damaged and passed over: %s", self._store, shard, error)
            return None

    def _mapped(self, shard: str) -> tuple[mmap.mmap, wire.Manifest]:
        found = self._open.get(shard)
        if found is None:
            path = self._store / shard
            manifest = _manifest(path)
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            if shard not in self._checked:
                wire.check_numbers(mapped, manifest)
                self._checked.add(shard)
            found = self._open[shard] = mapped, manifest
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)  # unmapped when the last of its tensors is gone
        self._open.move_to_end(shard)
        return found
