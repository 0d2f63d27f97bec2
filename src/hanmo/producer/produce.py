"""Producers at work: a shard of the data engine becomes samples, into a store or over a link (report section 4.1.1).

`fill_store` brings a set into a folder once and for all; stopped and called again, it goes on. `work` serves a link:
it claims a shard, puts its samples, and takes the link's newest configuration for the next one, so that filters and
sizes change while training goes on. `working` runs some of these in threads of this process, the default for one
machine. Networks are asked by one thread at a time. It does not know consumers.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hanmo.data.layout import shards_of
from hanmo.data.operator import Operator
from hanmo.errors import ConfigError, HanmoError, RequestError
from hanmo.log import get_logger, progress
from hanmo.producer.broker import Broker
from hanmo.producer.config import ProducerConfig, producer_config
from hanmo.producer.encode import Fitted, Networks, encode, fitted, grouped, identity_of, words_of
from hanmo.producer.filled import known_of, mark_of, write_mark
from hanmo.producer.identity import Identity, refuse_stale
from hanmo.producer.index import write_indexed
from hanmo.producer.items import items_of, operators_of
from hanmo.producer.link import Claim, Link, Meta, put_all
from hanmo.producer.posteriors import Posteriors
from hanmo.producer.sample import Sample
from hanmo.producer.store import Known, look
from hanmo.producer.wire import bucket_of

_log = get_logger(__name__)
LACKING = "without tags of now"
"""Count of samples that were made when their records had fewer tags; a sample keeps those it was made with."""
_NONE: Known = {}
_PAUSE, _TELL = 0.2, 60.0
"""Seconds between looks whether there is work, and between lines of the log."""


@dataclass(frozen=True)
class RunConfig:
    """How producers work; no sample depends on it, but for the last digits that a batch's padding changes.

    Args:
        batch: items that are encoded together.
        per_shard: samples of a shard of the store.
        modules: more modules with operators.

    Raises:
        ConfigError: a number below 1.
    """

    batch: int = 8
    per_shard: int = 256
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        for name in ("batch", "per_shard"):
            if getattr(self, name) < 1:
                raise ConfigError(f"producer.{name} is {getattr(self, name)}; it must be 1 or more")


def samples_of(
    shard: Path,
    networks: Networks,
    config: ProducerConfig,
    run: RunConfig,
    operators: Sequence[Operator] = (),
    known: Known = _NONE,
    counts: Counter[str] | None = None,
) -> Iterator[list[Sample]]:
    """The samples of one shard, some at a time, each group of one bucket.

    Args:
        shard: a tar that `hanmo data run` left.
        networks: what encodes.
        config: what becomes of records.
        run: sizes of batches.
        operators: from `operators_of`.
        known: samples that need not be made, and their tags, by id.
        counts: of samples made and of what was left out, by reason.

    Raises:
        RequestError, HanmoError: see `items_of`.
    """
    counts = Counter() if counts is None else counts
    identity = identity_of(networks, config.encode)
    ready = _fitted(shard, networks, config, identity, operators, known, counts)
    posteriors, words = Posteriors(networks.vae), words_of(networks)
    for group in grouped(ready, run.batch):
        made = encode(group, networks, config.encode, posteriors, words)
        counts["made"] += len(made)
        counts["too many words"] += len(group) - len(made)
        if made:
            yield made


def _fitted(
    shard: Path,
    networks: Networks,
    config: ProducerConfig,
    identity: Identity,
    operators: Sequence[Operator],
    known: Known,
    counts: Counter[str],
) -> Iterator[Fitted]:
    seen: set[str] = set()
    for item in items_of(shard, config.choose, operators, counts):
        sizes = fitted(item, networks, config.encode, identity)
        if not sizes:
            counts["too small"] += 1
        for one in sizes:
            if one.id in known or one.id in seen:
                counts["known"] += 1
                counts[LACKING] += not item.tags <= known.get(one.id, item.tags)
            else:
                seen.add(one.id)
                yield one


def fill_store(
    data: Path, store: Path, networks: Networks, config: ProducerConfig | None = None, run: RunConfig | None = None
) -> Counter[str]:
    """Bring a finished set of the data engine into a store.

    A set that went through before, unchanged, is not looked at again (`filled`).

    Args:
        data: the set's folder, such as runs/NAME/set7.
        store: the folder; what is there already is not made again.
        networks: what encodes.
        config: what becomes of records.
        run: sizes of batches and shards.

    Returns:
        How many samples were made, were known, and were left out, by reason.

    Raises:
        RequestError: there is no finished set, or the store is stale.
        ConfigError: an operator or a threshold that there is not.
        OutputError: the store cannot be written to.
    """
    config, run = config or ProducerConfig(), run or RunConfig()
    tars, counts = shards_of(data), Counter[str]()
    operators = operators_of(config.choose, run.modules)
    identity = identity_of(networks, config.encode)
    mark, there = mark_of(store, data, identity, config, run.modules), look(store, identity)
    if (before := known_of(mark, there)) is not None:
        return +before
    known = there.tags
    waiting: dict[str, list[Sample]] = {}
    _log.info("%s: %d shards go through the frozen networks, into %s", data, len(tars), store)
    told = time.monotonic()
    with progress(len(tars), "shards") as bar:
        for number, tar in enumerate(tars):
            if time.monotonic() - told > _TELL:
                told = time.monotonic()
                _log.info("%s: %d of %d shards, %d samples made", data, number, len(tars), counts["made"])
            for made in samples_of(tar, networks, config, run, operators, known, counts):
                bucket = bucket_of(made[0])
                known |= {sample.id: sample.tags for sample in made}
                waiting.setdefault(bucket, []).extend(made)
                while len(waiting[bucket]) >= run.per_shard:
                    write_indexed(store, waiting[bucket][: run.per_shard], identity)
                    del waiting[bucket][: run.per_shard]
            bar.update()
        for rest in waiting.values():
            if rest:
                write_indexed(store, rest, identity)
    write_mark(mark, data, look(store, identity), counts)
    if counts[LACKING]:
        _log.warning(
            "%s: %d samples keep the tags that they were made with and lack some that %s would give them now: name the "
            "most refined set first, or fill another store", store, counts[LACKING], data,
        )  # fmt: skip
    return +counts


def work(
    link: Link,
    networks: Networks,
    run: RunConfig | None = None,
    stop: threading.Event | None = None,
    alone: threading.Lock | None = None,
    known: Known = _NONE,
) -> Counter[str]:
    """Claim shards from a link and put their samples, until there are no more.

    A claim that was lost (this producer was too slow) is left to whoever has it now; so is a shard whose samples the
    link calls stale, which is begun again under the new configuration. A damaged shard is counted and passed over.

    Args:
        link: where work comes from and samples go.
        networks: what encodes.
        run: sizes of batches.
        stop: ends the work after the batch at hand, and gives the claim back.
        alone: held while the networks are asked.
        known: tags of samples that need not be made, by id; looked at for every sample, so others may add to them.

    Returns:
        Counts, as `fill_store`.

    Raises:
        RequestError: the link wants samples of other networks.
    """
    run, stop, counts = run or RunConfig(), stop or threading.Event(), Counter[str]()
    current = _Current(link.meta(), networks, run)
    while not stop.is_set():
        claim = link.claim()
        if claim is None:
            if link.stats().complete:
                break
            stop.wait(_PAUSE)
            continue
        if claim.version != current.version:
            current = _Current(link.meta(), networks, run)
        done = False
        try:
            done = _unit(link, claim, networks, current, run, stop, alone or threading.Lock(), known, counts)
        except HanmoError as error:
            if isinstance(error, RequestError):  # every shard would end like this one
                raise
            counts["damaged shards"] += 1
            done = True
            _log.warning("%s is passed over: %s", claim.unit, error)
        finally:
            link.finish(claim.id, done)
    return +counts


class _Current:
    """The configuration that a producer works by.

    Raises:
        RequestError: the link wants what these networks do not make, or its configuration leaves defaults out.
    """

    def __init__(self, meta: Meta, networks: Networks, run: RunConfig) -> None:
        self.version = meta.version
        self.config = producer_config(meta.config)
        self.identity = identity_of(networks, self.config.encode)
        refuse_stale(meta.identity, self.identity, "what this producer would make")
        self.operators = operators_of(self.config.choose, run.modules)


def _unit(
    link: Link,
    claim: Claim,
    networks: Networks,
    current: _Current,
    run: RunConfig,
    stop: threading.Event,
    alone: threading.Lock,
    known: Known,
    counts: Counter[str],
) -> bool:
    """Whether the unit is done; False: somebody (perhaps we) shall do it again."""
    groups = samples_of(Path(claim.unit), networks, current.config, run, current.operators, known, counts)
    while True:
        with alone:
            made = next(groups, None)
        if made is None:
            return True
        if stop.is_set():
            return False
        found = put_all(link, made, current.identity, claim.id, stop.is_set)
        if found.stale or found.settled < len(made):
            return False


@contextmanager
def working(
    link: Broker,
    networks: Networks,
    count: int = 1,
    run: RunConfig | None = None,
    alone: threading.Lock | None = None,
    known: Known = _NONE,
    failed: Callable[[str], None] | None = None,
) -> Iterator[Counter[str]]:
    """Producers in `count` threads of this process while the block runs; gives what those that have ended counted.

    When the last of them has failed, the link says so to whoever waits for samples.

    Args:
        link: where work comes from and samples go.
        networks: what encodes.
        count: threads.
        run: sizes of batches.
        alone: held while the networks are asked, by whoever asks them.
        known: see `work`.
        failed: told, instead of the link and of whoever ends the block, what ended the last of them.

    Raises:
        HanmoError: what ended a producer, when the block ends.
    """
    stop, alone, counts = threading.Event(), alone or threading.Lock(), Counter[str]()
    errors: list[BaseException] = []

    def body() -> None:
        try:
            found = work(link, networks, run, stop, alone, known)
            with alone:
                counts.update(found)
        except BaseException as error:
            _log.error("a producer has ended: %s", error)
            errors.append(error)
            if len(errors) == count:
                (failed or link.fail)(f"no producer is left; the last ended with: {error}")

    threads = [threading.Thread(target=body, name=f"producer-{n}", daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if errors and failed is None:
        raise errors[0]
