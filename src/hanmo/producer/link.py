"""What producers and consumers say to each other, whether in one process or over HTTP (report section 4.1.1).

Producers claim units of work (shards of the data engine), put samples, and finish the unit. Consumers lease samples of
one bucket and ack them when they were trained on. Whatever was leased or claimed and is neither acked nor renewed in
time goes to somebody else: so every sample arrives at least once, whoever is killed, and consumers drop repeats by id.
The link is bounded: `put` waits while a bucket is full. It does not know what a unit or a configuration means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from hanmo.producer.identity import Identity
from hanmo.producer.sample import Sample

_TURN = 2.0
"""Seconds that a producer waits for room before it says that it is still there."""


@dataclass(frozen=True)
class Meta:
    """What producers shall do now.

    Attributes:
        version: counted up by every `configure`.
        identity: that samples shall have.
        config: of producers, as JSON: hot-reloaded when the version has changed.
    """

    version: int
    identity: Identity
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Put:
    """What became of samples.

    Attributes:
        settled: how many, from the front, need not be put again.
        stale: how many of these were refused, because the configuration has changed.
    """

    settled: int
    stale: int = 0


@dataclass(frozen=True)
class Lease:
    """Samples of one bucket and one identity, lent."""

    id: str
    samples: tuple[Sample, ...]
    identity: Identity


@dataclass(frozen=True)
class Claim:
    """A unit of work, lent; `version` is the configuration's when it was."""

    id: str
    unit: str
    version: int


@dataclass(frozen=True)
class Stats:
    """Counts.

    Attributes:
        waiting: samples ready, by bucket.
        leased: samples lent and not acked.
        acked: samples that were.
        returned: samples whose lease ran out or was given back.
        repeated: samples put while the same was here.
        stale: samples refused for their configuration.
        units: units of work that nobody has claimed; -1 is without end.
        claimed: units being worked on.
        reclaimed: units whose claim ran out or was given back.
        abandoned: units given up, because producers vanished over each of them again and again.
        blocked: seconds that producers have waited for room.
        complete: whether no more samples will be put.
    """

    waiting: Mapping[str, int]
    leased: int
    acked: int
    returned: int
    repeated: int
    stale: int
    units: int
    claimed: int
    reclaimed: int
    abandoned: int
    blocked: float
    complete: bool

    @property
    def empty(self) -> bool:
        """Whether everything that will ever come is with consumers, or was acked."""
        return self.complete and not any(self.waiting.values())

    @property
    def done(self) -> bool:
        """Whether everything was acked."""
        return self.empty and not self.leased


@runtime_checkable
class Link(Protocol):
    """`Broker` in one process, `HttpLink` to a `Broker` of another."""

    def meta(self) -> Meta:
        """What producers shall do now."""

    def stats(self) -> Stats:
        """Counts."""

    def configure(self, config: Mapping[str, Any]) -> Meta:
        """From now on this configuration is used for new work."""

    def claim(self) -> Claim | None:
        """A unit of work; None: there is none now (`stats().complete` says whether there will be)."""

    def renew(self, claim: str) -> bool:
        """Say that a claim is worked on; False: it has run out, and somebody else does it."""

    def finish(self, claim: str, done: bool = True) -> bool:
        """A unit's samples were all put, or (not `done`) somebody else shall do it; False: the claim has run out."""

    def put(self, samples: Sequence[Sample], identity: Identity, wait: float = 10.0) -> Put:
        """Hand samples over, waiting up to `wait` seconds for room.

        Raises:
            RequestError: they were made by other networks.
        """

    def lease(self, count: int, bucket: str | None = None, wait: float = 1.0) -> Lease | None:
        """Borrow `count` samples of one bucket (fewer only at the end of all), or None after `wait` seconds.

        Args:
            count: at most the link's room for a bucket.
            bucket: its name; None takes the bucket that has waited longest. Who insists on one while producers wait
                for room in another may wait for long.
            wait: seconds.
        """

    def ack(self, lease: str) -> bool:
        """The samples were trained on; False: the lease has run out, and somebody else gets them too."""

    def nack(self, lease: str) -> bool:
        """Give samples back; they are lent again first."""


def put_all(
    link: Link,
    samples: Sequence[Sample],
    identity: Identity,
    claim: str = "",
    stopped: Callable[[], bool] = lambda: False,
) -> Put:
    """Hand samples over, waiting for room as long as it takes; the claim is renewed meanwhile.

    Returns:
        What became of them; fewer are settled than were given when the claim was lost, or somebody has stopped it.
    """
    settled = stale = 0
    while settled < len(samples):
        found = link.put(samples[settled:], identity, _TURN)
        settled, stale = settled + found.settled, stale + found.stale
        if (claim and not link.renew(claim)) or stopped():
            break
    return Put(settled, stale)
