"""Batches of samples of one bucket, in an order that a seed decides: what training asks for (report section 4.1.1).

`Batches` is the seam: batches, and a cursor that a checkpoint keeps. `StoreBatches` reads a store; batch number n is a
function of the seed, n and the shards that the run has begun with, so a resumed run, or any rank of a group, sees what
it would have seen, also while producers write more. `stream` has the other one, over a link. It does not know losses,
noise or tasks' weights.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hanmo.errors import HanmoError, RequestError
from hanmo.producer.identity import Accept, Identity
from hanmo.producer.sample import Sample
from hanmo.producer.store import Catalogue, Reader, look

Batch = list[Sample]
"""Samples of one bucket, so that their targets stack."""
_Ref = tuple[str, int]


@runtime_checkable
class Batches(Protocol):
    """Where batches come from."""

    def __next__(self) -> Batch:
        """The next batch.

        Raises:
            StopIteration: there are no more.
        """

    def used(self, batch: Batch) -> None:
        """Say that a batch has been trained on, so that whoever handed it out can forget it."""

    def close(self) -> None:
        """End a `__next__` that waits in another thread; `load_state_dict` begins anew."""

    def state_dict(self) -> dict[str, Any]:
        """The cursor behind the batches handed out so far; JSON."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on behind the batches that had been handed out when `state` was taken."""


class StoreBatches:
    """Batches of a store, endlessly: every epoch in another order, each sample at least once.

    A bucket's last batch of an epoch is filled up from the bucket's start, so batches are always whole.

    Args:
        store: the folder.
        size: samples of a batch.
        seed: of the order.
        wanted: what this run's networks and configuration are; None takes any, for tests and questions.
        accept: which others are taken.
        buckets: which are wanted, by name, such as lambda bucket: bucket.startswith("t2i/"); None: all.
        part: (rank, count): of every `count` batches this one takes number `rank`.

    Raises:
        RequestError: the store is stale, or has no sample of these buckets.
    """

    def __init__(
        self,
        store: Path,
        size: int,
        seed: int,
        wanted: Identity | None = None,
        accept: Accept = "exact",
        buckets: Callable[[str], bool] | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        if size < 1 or not 0 <= part[0] < part[1]:
            raise RequestError(f"batches of {size} for part {part}: a batch has 1 sample or more, parts count from 0")
        self._reader = Reader(store)
        self._size, self._seed, self._part, self._buckets = size, seed, part, buckets
        self._number = 0
        self._look: Callable[[], Catalogue] = lambda: look(store, wanted, accept)
        self._stand_on(self._look())

    def _stand_on(self, catalogue: Catalogue) -> None:
        groups: dict[str, list[tuple[str, _Ref]]] = {}
        for shard in catalogue.shards:
            if self._buckets is None or self._buckets(shard.bucket):
                refs = groups.setdefault(shard.bucket, [])
                refs += [(each, (shard.name, row)) for row, each in enumerate(shard.ids)]
        if not groups:
            raise RequestError(f"{catalogue.folder} has no samples of these buckets: run producers first")
        self._catalogue = catalogue
        # By id, once each: the order does not depend on how samples were dealt to shards, nor on repeats.
        self._groups = {bucket: [ref for _, ref in sorted(dict(groups[bucket]).items())] for bucket in sorted(groups)}
        self._epoch: tuple[int, list[tuple[str, list[_Ref]]]] | None = None

    def __iter__(self) -> StoreBatches:
        """Itself."""
        return self

    def __next__(self) -> Batch:
        """The next batch of this part; there is always one."""
        batch = self.batch(self._number * self._part[1] + self._part[0])
        self._number += 1
        return batch

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch, of all parts."""
        return sum(-(-len(refs) // self._size) for refs in self._groups.values())

    @property
    def damaged(self) -> int:
        """Shards that are passed over."""
        return len(self._catalogue.skipped) + self._reader.damaged

    @property
    def counts(self) -> dict[str, int]:
        """Samples of each bucket."""
        return {bucket: len(refs) for bucket, refs in self._groups.items()}

    def batch(self, number: int) -> Batch:
        """Batch `number` of all parts, whatever was asked for before.

        Raises:
            HanmoError: every shard of its bucket is damaged.
        """
        epoch, place = divmod(number, self.per_epoch)
        bucket, refs = self._order(epoch)[place]
        batch = [sample for ref in refs if (sample := self._reader.sample(*ref)) is not None]
        lost = self._size - len(batch)
        if lost:  # a damaged shard; its place is taken by others of the bucket
            spare = list(self._groups[bucket])
            random.Random(f"{self._seed} spare {number}").shuffle(spare)
            there = (sample for ref in spare if (sample := self._reader.sample(*ref)) is not None)
            fresh = [sample for sample, _ in zip(there, range(lost), strict=False)]
            if not fresh and not batch:
                raise HanmoError(f"every shard of {bucket} in {self._catalogue.folder} is damaged: produce it anew")
            batch += (fresh or batch) * lost
        return batch[: self._size]

    def _order(self, epoch: int) -> list[tuple[str, list[_Ref]]]:
        if self._epoch is None or self._epoch[0] != epoch:
            rng = random.Random(f"{self._seed} epoch {epoch}")
            dealt = [item for bucket, refs in self._groups.items() for item in self._deal(bucket, refs, rng)]
            rng.shuffle(dealt)
            self._epoch = epoch, dealt
        return self._epoch[1]

    def _deal(self, bucket: str, refs: Sequence[_Ref], rng: random.Random) -> list[tuple[str, list[_Ref]]]:
        order = list(refs)
        rng.shuffle(order)
        count = -(-len(order) // self._size)
        while len(order) < count * self._size:
            order += order[: count * self._size - len(order)]
        return [(bucket, order[at : at + self._size]) for at in range(0, len(order), self._size)]

    def used(self, batch: Batch) -> None:
        """Nothing to forget: samples stay in the store."""

    def close(self) -> None:
        """Nothing waits here."""

    def state_dict(self) -> dict[str, Any]:
        """The number of the next batch, and what it is a function of."""
        return {
            "number": self._number,
            "seed": self._seed,
            "size": self._size,
            "part": list(self._part),
            "shards": [shard.name for shard in self._catalogue.shards],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stand on the shards that the run has begun with, before the batch that would have been next.

        Raises:
            RequestError: another seed, size or part.
            HanmoError: a shard has gone.
        """
        for key, ours in (("seed", self._seed), ("size", self._size), ("part", list(self._part))):
            if state[key] != ours:
                raise RequestError(f"the cursor is of {key} {state[key]}, this run has {ours}: resume with the same")
        self._stand_on(self._look().only(state["shards"]))
        self._number = int(state["number"])
