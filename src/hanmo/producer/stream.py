"""Batches over a link: what consumers train on while producers work (report section 4.1.1).

Delivery is at least once; what comes again (a lease that ran out, an answer that was lost, a producer that was killed
in the middle of a unit) is dropped here by its id. A lease is acked when the last of its samples was trained on. The
order is the link's, so with several producers it depends on their speed: a run that must repeat bit by bit trains
from a store (`batches`). It does not know where the link leads.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from hanmo.errors import RequestError
from hanmo.producer.batches import Batch
from hanmo.producer.identity import Accept, Identity, accepts, refuse_stale
from hanmo.producer.link import Lease, Link
from hanmo.producer.wire import bucket_of


class LinkBatches:
    """`Batches` of a link, until everything that producers make was trained on.

    Args:
        link: where to lease from.
        size: samples of a batch; only the last of a bucket may have fewer.
        bucket: the only one wanted; None takes what has waited longest.
        remember: ids that are remembered, the newest; a sample that comes again after as many others is trained on
            again, which is what a second pass over the data means. Give more than can be under way at once.
        wait: seconds of one call.
        wanted: what this run's networks and configuration are; samples of others are refused. None takes any.
        accept: which others are taken.

    Raises:
        RequestError: a size below 1, or a memory shorter than a batch.
    """

    def __init__(
        self,
        link: Link,
        size: int,
        bucket: str | None = None,
        remember: int = 8192,
        wait: float = 1.0,
        wanted: Identity | None = None,
        accept: Accept = "exact",
    ) -> None:
        if not 1 <= size <= remember:
            raise RequestError(f"batches of {size} with a memory of {remember} ids: 1 <= size <= remember")
        self._wanted, self._accept = wanted, accept
        self._link, self._size, self._bucket, self._remember, self._wait = link, size, bucket, remember, wait
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._pools: dict[str, Batch] = {}
        self._lease_of: dict[int, str] = {}  # by identity of the sample's object
        self._open: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closed = False
        self.repeated = 0
        """Samples that came again and were dropped."""

    def __iter__(self) -> LinkBatches:
        """Itself."""
        return self

    def __next__(self) -> Batch:
        """The next batch, waiting for it as long as producers are at work.

        Raises:
            RequestError: what comes is stale.
        """
        while not self._closed:
            for pool in self._pools.values():
                if len(pool) >= self._size:
                    return self._take(pool)
            lease = self._link.lease(self._size, self._bucket, self._wait)
            if lease is not None:
                self._add(lease)
                continue
            stats = self._link.stats()
            if stats.empty:
                for pool in self._pools.values():
                    if pool:
                        return self._take(pool)
            if stats.done:
                break
        raise StopIteration

    def _add(self, lease: Lease) -> None:
        if self._wanted is not None and accepts(self._wanted, lease.identity, self._accept):
            self._link.nack(lease.id)
            refuse_stale(self._wanted, lease.identity, "what the link gives", self._accept)
        fresh = []
        for sample in lease.samples:
            if sample.id in self._seen:
                self.repeated += 1
                continue
            self._seen[sample.id] = None
            fresh.append(sample)
        while len(self._seen) > self._remember:
            self._seen.popitem(last=False)
        if not fresh:
            self._link.ack(lease.id)
            return
        with self._lock:
            self._open[lease.id] = len(fresh)
            self._lease_of.update((id(sample), lease.id) for sample in fresh)
        self._pools.setdefault(bucket_of(fresh[0]), []).extend(fresh)

    def _take(self, pool: Batch) -> Batch:
        batch = pool[: self._size]
        del pool[: self._size]
        return batch

    def used(self, batch: Batch) -> None:
        """Ack the leases whose last sample this was."""
        finished = []
        with self._lock:
            for sample in batch:
                lease = self._lease_of.pop(id(sample), None)
                if lease is not None:
                    self._open[lease] -= 1
                    if not self._open[lease]:
                        finished.append(lease)
                        del self._open[lease]
        for lease in finished:
            self._link.ack(lease)

    def close(self) -> None:
        """End a `__next__` that waits, within the seconds of one call."""
        self._closed = True

    def state_dict(self) -> dict[str, Any]:
        """The ids that were handed out lately: after a resume they are not trained on again."""
        waiting = {sample.id for pool in self._pools.values() for sample in pool}
        return {"seen": [each for each in self._seen if each not in waiting]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Remember what was handed out; what is borrowed now is given back."""
        for lease in list(self._open):
            self._link.nack(lease)
        self._pools, self._open, self._lease_of, self._closed = {}, {}, {}, False
        self._seen = OrderedDict.fromkeys(state["seen"])
