"""A store of producers' samples as the training side sees it (report section 4.1.1, the consumer on one machine).

The store's headers are read when a run begins; what producers add later is not drawn (`mixture`). It does not
know who writes the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.errors import RequestError, TrainingError
from hanmo.producer.identity import Identity
from hanmo.producer.sample import Sample
from hanmo.producer.store import Reader, look
from hanmo.train.samples import Entry


@dataclass(frozen=True)
class StoreConfig:
    """Where samples come from.

    Attributes:
        sets: finished runs of `hanmo data run` (their last set is meant), or sets.
        store: folder of what the frozen networks said of them; filled before the first step, and kept.
    """

    sets: tuple[Path, ...] = ()
    store: Path = Path("runs/store")


@dataclass
class StoreSource:
    """Samples of a store; a `samples.SampleSource` that may be asked by several threads.

    Args:
        folder: the store.
        identity: of what this run would make; a store of another is refused.

    Raises:
        RequestError: the store is stale, or holds nothing.
    """

    folder: Path
    identity: Identity
    _places: dict[str, tuple[str, int]] = field(default_factory=dict, init=False, repr=False)
    _entries: list[Entry] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the headers."""
        for shard in look(self.folder, self.identity).shards:
            task, _, size = shard.bucket.partition("/")
            width, _, height = size.partition("x")
            rows = zip(shard.ids, shard.sources, shard.tags, shard.empty, strict=True)
            for row, (key, source, tags, empty) in enumerate(rows):
                self._places[key] = (shard.name, row)
                known: dict[str, object] = {"task": task, "size": (int(width), int(height)), "source": source}
                self._entries.append(Entry(key, **known, tags=tags, empty=empty))  # type: ignore[arg-type]
        if not self._entries:
            raise RequestError(f"the store {self.folder} holds no sample: name runs of 'hanmo data' under data.sets")
        self._reader = Reader(self.folder)

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
