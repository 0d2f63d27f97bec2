"""From a link into a store while training goes on: what makes a store grow (report section 4.1.1).

A collector leases samples, drops what the store has already by its id, writes shards, and acks what is on the disk: so
the link's promises (at least once, back-pressure, nothing stale) end in a store where everything is once. A shard is
written when it is full or when its first sample has waited for a while, short at first, so that training soon has
something, and doubled with every such shard. A full disk costs nothing but time: producers wait for room. It does not
know who makes samples, nor who reads the store.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path

from hanmo.errors import OutputError
from hanmo.log import get_logger
from hanmo.producer.identity import Identity, refuse_stale
from hanmo.producer.index import write_indexed
from hanmo.producer.link import Lease, Link
from hanmo.producer.sample import Sample
from hanmo.producer.store import Known
from hanmo.producer.wire import bucket_of

_log = get_logger(__name__)
FIRST, LONGEST = 1.0, 60.0
"""Seconds for which a sample waits for its shard to be filled: the first one's, and at most."""
_TURN = 0.2
"""Seconds of one lease."""
AGAIN = 10.0
"""Seconds until a shard that found no room is tried again."""


class Collector:
    """Writes what comes over a link into a store; `run` in a thread of its own, everything else from any.

    Args:
        link: to lease from.
        store: a folder.
        identity: that samples shall have.
        known: tags of the samples that are there, by id.
        per_shard: samples of a full shard.
    """

    def __init__(
        self, link: Link, store: Path, identity: Identity, known: Known | None = None, per_shard: int = 256
    ) -> None:
        self._link, self._store, self._identity, self._size = link, store, identity, per_shard
        self.known = dict(known or {})
        """Tags of samples that are stored, or will be by this process, by id."""
        self.stored = self.repeated = 0
        """Samples written, and samples that came though they were there."""
        self._hand: dict[str, list[tuple[str, Sample]]] = {}  # by bucket, with their leases
        self._since: dict[str, float] = {}
        self._hold, self._blocked = FIRST, 0.0
        self._fresh: deque[str] = deque()
        self.news = threading.Event()
        """Set when a shard was written."""

    def fresh(self) -> tuple[str, ...]:
        """Names of the shards written since the last call, as `store.Shard` has them."""
        self.news.clear()
        return tuple(self._fresh.popleft() for _ in range(len(self._fresh)))

    def run(self, ending: threading.Event) -> None:
        """Collect until nothing more will come over the link.

        Args:
            ending: set when a full disk is not to be waited for any more.

        Raises:
            OutputError: not even the first shard can be written.
            RequestError: samples of another identity.
        """
        while True:
            if self._blocked > time.monotonic():
                time.sleep(_TURN)
                lease, last = None, ending.is_set()
            else:
                lease = self._link.lease(1, wait=_TURN)
                last = lease is None and self._link.stats().empty
            if lease is not None:
                self._take(lease)
            now = time.monotonic()
            for bucket, hand in list(self._hand.items()):
                full = len(hand) >= self._size
                if hand and (last or (self._blocked <= now and (full or now - self._since[bucket] >= self._hold))):
                    self._write(bucket, full)
            if last:
                break
        if lost := sum(map(len, self._hand.values())):
            _log.warning("%d samples found no room in %s; a resumed run makes them anew", lost, self._store)

    def _take(self, lease: Lease) -> None:
        refuse_stale(self._identity, lease.identity, "what the link gives")
        for sample in lease.samples:  # one
            if sample.id in self.known:
                self.repeated += 1
                self._link.ack(lease.id)
                continue
            self.known[sample.id] = sample.tags
            bucket = bucket_of(sample)
            if not self._hand.setdefault(bucket, []):
                self._since[bucket] = time.monotonic()
            self._hand[bucket].append((lease.id, sample))

    def _write(self, bucket: str, full: bool) -> None:
        hand = self._hand[bucket]
        try:
            path = write_indexed(self._store, [sample for _, sample in hand], self._identity)
        except OutputError as error:
            if not self.stored and not self._blocked:
                raise
            if self._blocked < time.monotonic() - 2 * AGAIN:
                _log.warning("%s; producers wait, and it is tried again every %.0f s", error, AGAIN)
            self._blocked = time.monotonic() + AGAIN
            return
        self._blocked = 0.0
        self.stored += len(hand)
        self._hand[bucket] = []
        for lease, _ in hand:
            self._link.ack(lease)
        if not full:
            self._hold = min(2 * self._hold, LONGEST)
        self._fresh.append(path.relative_to(self._store).as_posix())
        self.news.set()
