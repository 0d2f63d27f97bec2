"""The link within one process: bounded queues by bucket, leases that run out, and units of work (report section 4.1.1).

`server` offers the same to other machines. One lock guards everything; who waits, waits on its condition. Given one
producer and one consumer, everything comes out in the order in which it was put. It does not know what producers do.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanmo.errors import ConfigError, HanmoError, RequestError
from hanmo.log import get_logger
from hanmo.producer.identity import Accept, Identity, accepts, refuse_stale
from hanmo.producer.link import Claim, Lease, Link, Meta, Put, Stats
from hanmo.producer.sample import Sample
from hanmo.producer.wire import bucket_of

_log = get_logger(__name__)


@dataclass(frozen=True)
class BrokerConfig:
    """How much is held, and for how long something is lent.

    Args:
        room: samples that may wait in one bucket; a consumer's batch must fit.
        lease_seconds: that a consumer has for what it borrowed, batches made ready included.
        claim_seconds: that a producer may be silent over a unit.
        accept: what is taken from producers that have not seen a new configuration yet.
        passes: how often all units are worked through; 0 is without end.
        tries: after so many producers vanished over a unit, it is given up.

    Raises:
        ConfigError: a number out of range.
    """

    room: int = 256
    lease_seconds: float = 600.0
    claim_seconds: float = 120.0
    accept: Accept = "exact"
    passes: int = 1
    tries: int = 5

    def __post_init__(self) -> None:
        """See the class."""
        for name, least in (("room", 1), ("passes", 0), ("tries", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"broker.{name} is {getattr(self, name)}; it must be {least} or more")
        for name in ("lease_seconds", "claim_seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"broker.{name} is {getattr(self, name)}; it must be above 0")


@dataclass
class _Lent:
    """Something lent, until when."""

    what: Any
    until: float


_Queue = deque[tuple[int, Sample]]
"""Samples by the number of their arrival; one for each bucket and configuration, so that a lease never mixes them."""


class Broker(Link):
    """See `Link`.

    Args:
        identity: that samples shall have; its config hash follows `config`.
        units: of work, in their order; without any, producers just put, and `complete` ends it.
        config: see `BrokerConfig`.
        producing: configuration of producers, as JSON. Of its table "encode" the identity's config hash is made, so
            that other filters make no sample stale, but another resolution does.
        check: says what is wrong with a new configuration, as a `RequestError`; then the old one stays.
    """

    def __init__(
        self,
        identity: Identity,
        units: Sequence[str] = (),
        config: BrokerConfig | None = None,
        producing: Mapping[str, Any] | None = None,
        check: Callable[[Mapping[str, Any]], object] | None = None,
    ) -> None:
        self._config, self._check = config or BrokerConfig(), check
        self._changed = threading.Condition()
        producing = dict(producing or {})
        self._meta = Meta(1, identity.with_config(producing.get("encode", {})), producing)
        self._all, self._passes = tuple(units), self._config.passes
        self._units: deque[str] = deque()
        self._complete = False
        self._queues: dict[tuple[str, Identity], _Queue] = {}
        self._leases: dict[str, _Lent] = {}
        self._claims: dict[str, _Lent] = {}
        self._here: set[str] = set()
        self._arrived = 0
        self._counts = dict.fromkeys(("acked", "returned", "repeated", "stale", "reclaimed", "abandoned"), 0)
        self._blocked = 0.0
        self._lost: Counter[str] = Counter()
        self._failure = ""
        self._next_pass()

    def meta(self) -> Meta:
        """See `Link`."""
        with self._changed:
            return self._meta

    def configure(self, config: Mapping[str, Any]) -> Meta:
        """See `Link`.

        Raises:
            RequestError: `check` does not take it.
        """
        if self._check is not None:
            self._check(config)
        with self._changed:
            identity = self._meta.identity.with_config(config.get("encode", {}))
            self._meta = Meta(self._meta.version + 1, identity, dict(config))
            for key in [key for key in self._queues if accepts(identity, key[1], self._config.accept)]:
                gone = self._queues.pop(key)
                self._here -= {sample.id for _, sample in gone}
                self._counts["stale"] += len(gone)
            self._changed.notify_all()
            return self._meta

    def stats(self) -> Stats:
        """See `Link`."""
        with self._changed:
            self._sweep()
            waiting: dict[str, int] = {}
            for (bucket, _), queue in self._queues.items():
                waiting[bucket] = waiting.get(bucket, 0) + len(queue)
            return Stats(
                waiting=waiting,
                leased=sum(len(lent.what[1]) for lent in self._leases.values()),
                units=-1 if self._all and not self._config.passes else len(self._units) + self._passes * len(self._all),
                claimed=len(self._claims),
                blocked=self._blocked,
                complete=self._complete,
                **self._counts,
            )

    def complete(self) -> None:
        """Nothing more will be put: consumers get what is left, and then know that it was all."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    # --- work --------------------------------------------------------------------------------------

    def claim(self) -> Claim | None:
        """See `Link`."""
        with self._changed:
            self._sweep()
            if not self._units:
                self._next_pass()
            if not self._units or self._complete:
                return None
            claim = Claim(uuid.uuid4().hex, self._units.popleft(), self._meta.version)
            self._claims[claim.id] = _Lent(claim.unit, time.monotonic() + self._config.claim_seconds)
            return claim

    def renew(self, claim: str) -> bool:
        """See `Link`."""
        with self._changed:
            self._sweep()
            if claim in self._claims:
                self._claims[claim].until = time.monotonic() + self._config.claim_seconds
            return claim in self._claims

    def finish(self, claim: str, done: bool = True) -> bool:
        """See `Link`."""
        with self._changed:
            self._sweep()
            lent = self._claims.pop(claim, None)
            if lent is None:
                return False
            if not done:
                self._units.appendleft(lent.what)
                self._counts["reclaimed"] += 1
            self._see_whether_complete()
            return True

    def fail(self, why: str) -> None:
        """No producer is left and none will come: whoever leases is told."""
        with self._changed:
            self._failure = why
            self._changed.notify_all()

    def _see_whether_complete(self) -> None:
        if self._all and self._config.passes and not (self._units or self._claims or self._passes):
            self._complete = True
        self._changed.notify_all()

    def _next_pass(self) -> None:
        if self._all and (self._passes or not self._config.passes):
            self._passes = max(0, self._passes - 1)
            self._units.extend(self._all)

    # --- samples -----------------------------------------------------------------------------------

    def put(self, samples: Sequence[Sample], identity: Identity, wait: float = 10.0) -> Put:
        """See `Link`."""
        until = time.monotonic() + wait
        with self._changed:
            refuse_stale(self._meta.identity, identity, "what a producer sends", "same_networks")
            for number, sample in enumerate(samples):
                key = bucket_of(sample), identity
                has_room = self._has_room(key, until)
                if self._complete or accepts(self._meta.identity, identity, self._config.accept):
                    stale = len(samples) - number
                    self._counts["stale"] += stale
                    return Put(len(samples), stale)
                if sample.id in self._here:
                    self._counts["repeated"] += 1
                    continue
                if not has_room:
                    return Put(number)
                self._arrived += 1
                self._queues.setdefault(key, deque()).append((self._arrived, sample))
                self._here.add(sample.id)
                self._changed.notify_all()
            return Put(len(samples))

    def _has_room(self, key: tuple[str, Identity], until: float) -> bool:
        """Wait for room in a queue; what has changed meanwhile is the caller's to see."""
        began = now = time.monotonic()
        while self._is_full(key) and not self._complete and now < until:
            self._changed.wait(until - now)
            now = time.monotonic()
        self._blocked += now - began
        return not self._is_full(key)

    def _is_full(self, key: tuple[str, Identity]) -> bool:
        return len(self._queues.get(key, ())) >= self._config.room

    def lease(self, count: int, bucket: str | None = None, wait: float = 1.0) -> Lease | None:
        """See `Link`.

        Raises:
            RequestError: more samples than ever wait in a bucket.
            HanmoError: producers have failed for good.
        """
        if not 1 <= count <= self._config.room:
            raise RequestError(
                f"{count} samples were asked for, and {self._config.room} wait in a bucket at most: raise broker.room"
            )
        until = time.monotonic() + wait
        with self._changed:
            while True:
                self._sweep()
                if self._failure:
                    raise HanmoError(self._failure)
                chosen = self._choose(count, bucket)
                if chosen is not None:
                    queue = self._queues[chosen]
                    taken = [queue.popleft() for _ in range(min(count, len(queue)))]
                    lease = Lease(uuid.uuid4().hex, tuple(sample for _, sample in taken), chosen[1])
                    self._leases[lease.id] = _Lent((chosen, taken), time.monotonic() + self._config.lease_seconds)
                    self._changed.notify_all()
                    return lease
                left = until - time.monotonic()
                if left <= 0 or (self._complete and not self._leases):
                    return None
                self._changed.wait(min([left, *(lent.until - time.monotonic() for lent in self._leases.values())]))

    def _choose(self, count: int, bucket: str | None) -> tuple[str, Identity] | None:
        """The queue that has waited longest among those with enough."""
        least = 1 if self._complete else count
        ready = {
            queue[0][0]: key for key, queue in self._queues.items() if len(queue) >= least and bucket in (None, key[0])
        }
        return ready[min(ready)] if ready else None

    def ack(self, lease: str) -> bool:
        """See `Link`."""
        with self._changed:
            self._sweep()
            lent = self._leases.pop(lease, None)
            if lent is not None:
                taken = lent.what[1]
                self._here -= {sample.id for _, sample in taken}
                self._counts["acked"] += len(taken)
                self._changed.notify_all()
            return lent is not None

    def nack(self, lease: str) -> bool:
        """See `Link`."""
        with self._changed:
            lent = self._leases.pop(lease, None)
            if lent is not None:
                self._give_back(lent)
            return lent is not None

    def _give_back(self, lent: _Lent) -> None:
        key, taken = lent.what
        if accepts(self._meta.identity, key[1], self._config.accept):
            self._here -= {sample.id for _, sample in taken}
            self._counts["stale"] += len(taken)
        else:
            self._queues.setdefault(key, deque()).extendleft(reversed(taken))
            self._counts["returned"] += len(taken)
        self._changed.notify_all()

    def _sweep(self) -> None:
        """Take back what was lent for too long."""
        now = time.monotonic()
        for lease in [lease for lease, lent in self._leases.items() if lent.until <= now]:
            self._give_back(self._leases.pop(lease))
        for claim in [claim for claim, lent in self._claims.items() if lent.until <= now]:
            unit = self._claims.pop(claim).what
            self._lost[unit] += 1
            if self._lost[unit] >= self._config.tries:
                self._counts["abandoned"] += 1
                _log.warning("%s is given up: %d producers vanished over it", unit, self._lost[unit])
                self._see_whether_complete()
            else:
                self._units.appendleft(unit)
                self._counts["reclaimed"] += 1
