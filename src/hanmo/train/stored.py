"""A store of producers' samples as the training side sees it (report section 4.1.1, the consumer on one machine).

The store's headers are read when a run begins, or shard by shard as the store grows (`growing`). It does not know
who writes the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hanmo.errors import ConfigError, RequestError, TrainingError
from hanmo.producer.identity import Identity
from hanmo.producer.sample import Sample
from hanmo.producer.store import Reader, Shard, look, look_at
from hanmo.train.samples import Entry


@dataclass(frozen=True)
class StoreConfig:
    """Where samples come from.

    Attributes:
        sets: finished runs of `hanmo data run` (their last set is meant), or sets.
        store: folder of what the frozen networks said of them, and kept.
        feed: when they speak: "before" the first step, or "live", while training goes on; the keys below are for that.
        producers: threads of this process that let them speak; with engine = "ray", workers.
        listen: HOST:PORT for producers on other machines (`hanmo.producer.worker`); empty for none.
        engine: where `producers` are: "threads" of this process, or workers of a "ray" cluster.
        begin: samples of the first stage with which training begins; 0 for four steps' worth.
        refresh: steps between looks for new samples.
    """

    sets: tuple[Path, ...] = ()
    store: Path = Path("runs/store")
    feed: Literal["before", "live"] = "before"
    producers: int = 1
    listen: str = ""
    engine: Literal["threads", "ray"] = "threads"
    begin: int = 0
    refresh: int = 10

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ConfigError: a number out of range, an address that is none, nobody who works, or a key that only a live
                feed asks; the message names it.
        """
        if self.feed == "before":
            for key in ("producers", "listen", "engine", "begin", "refresh"):
                if getattr(self, key) != getattr(StoreConfig, key):
                    raise ConfigError(f'data.{key} is for data.feed = "live": set that too, or leave data.{key} out')
            return
        for key, least in {"producers": 0, "begin": 0, "refresh": 1}.items():
            if getattr(self, key) < least:
                raise ConfigError(f"data.{key} is {getattr(self, key)}; it must be at least {least}")
        host, colon, port = self.listen.rpartition(":")
        if self.listen and not (host and colon and port.isdecimal() and int(port) < 65536):
            raise ConfigError(f"data.listen is {self.listen!r}; give HOST:PORT, such as 127.0.0.1:8123")
        if self.producers == 0 and not self.listen:
            raise ConfigError("data.producers is 0 and data.listen empty, so nobody works: give one of them")
        if self.engine == "ray" and (not self.producers or not self.listen or host == "0.0.0.0" or int(port) == 0):
            raise ConfigError(
                'data.engine is "ray": give data.producers (workers, 1 or more) and data.listen, the HOST:PORT at '
                "which the cluster reaches this machine"
            )

    @property
    def live(self) -> bool:
        """Whether producers work while training goes on."""
        return self.feed == "live"

    def refuse_live(self, kind: str) -> None:
        """For kinds of runs that want everything before their first step.

        Raises:
            ConfigError: the feed is live.
        """
        if self.live:
            raise ConfigError(
                f'data.feed is "live", which is for kind = "samples"; for {kind!r} set data.feed = "before"'
            )


@dataclass
class StoreSource:
    """Samples of a store; a `samples.SampleSource` that may be asked by several threads.

    Args:
        folder: the store.
        identity: of what this run would make; a store of another is refused.
        growing: begin with nothing, and take what `add` names.

    Raises:
        RequestError: the store is stale, or holds nothing.
    """

    folder: Path
    identity: Identity
    growing: bool = False
    _places: dict[str, tuple[str, int]] = field(default_factory=dict, init=False, repr=False)
    _entries: list[Entry] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the headers."""
        self._reader = Reader(self.folder)
        if self.growing:
            return
        for shard in look(self.folder, self.identity).shards:
            self._entries += self._take(shard)
        if not self._entries:
            raise RequestError(f"the store {self.folder} holds no sample: name runs of 'hanmo data' under data.sets")

    def add(self, names: Iterable[str]) -> list[Entry]:
        """Take these shards too; their samples, without those that were there.

        Raises:
            HanmoError: one is missing or damaged.
            RequestError: it is stale.
        """
        fresh = [entry for shard in look_at(self.folder, names, self.identity).shards for entry in self._take(shard)]
        self._entries += fresh
        return fresh

    def _take(self, shard: Shard) -> list[Entry]:
        task, _, size = shard.bucket.partition("/")
        width, _, height = size.partition("x")
        known: dict[str, object] = {"task": task, "size": (int(width), int(height))}
        found = []
        rows = zip(shard.ids, shard.sources, shard.tags, shard.empty, strict=True)
        for row, (key, source, tags, empty) in enumerate(rows):
            if key in self._places:
                continue
            self._places[key] = (shard.name, row)
            found.append(Entry(key, **known, source=source, tags=tags, empty=empty))  # type: ignore[arg-type]
        return found

    def entries(self) -> Sequence[Entry]:
        """Everything."""
        return self._entries

    def sample(self, key: str) -> Sample:
        """See `SampleSource`.

        Raises:
            TrainingError: its shard is damaged, or there is no such sample.
        """
        place = self._places.get(key)
        found = None if place is None else self._reader.sample(*place)
        if found is None:
            where = self.folder if place is None else self.folder / place[0]
            raise TrainingError(f"the sample {key} cannot be read from {where}: remove the file, and produce it anew")
        return found
