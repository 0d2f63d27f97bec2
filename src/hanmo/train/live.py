"""Producers that work while a run trains, in its first process (report section 4.1.1).

A broker hands out the shards of the run's sets; threads of this process, workers of a Ray cluster, and whoever joins
over HTTP make samples of them; a collector writes these into the store (`producer.collect`), and `growing` decides from
which step on they are drawn. Sets that the store has wholly are not gone through again, samples that it has are not
encoded again by threads and dropped by their id from elsewhere. When the run ends, producers end: what they had handed
over is stored, and a shard at hand is begun anew by the next run. It does not know steps or losses.

When all producers have failed and none can join, the run stops with their error: it would else train, without anybody
noticing, on a part of what its recipe names. What they made is kept, and `--resume` goes on.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.layout import shards_of
from hanmo.errors import HanmoError
from hanmo.log import get_logger
from hanmo.producer.broker import Broker
from hanmo.producer.client import ClientConfig
from hanmo.producer.collect import Collector
from hanmo.producer.config import ProducerConfig
from hanmo.producer.encode import Networks, identity_of
from hanmo.producer.filled import known_of, mark_of, write_mark
from hanmo.producer.produce import working
from hanmo.producer.ray_engine import RayProducers, on_ray
from hanmo.producer.server import VARIABLE, serving
from hanmo.producer.store import look
from hanmo.producer.worker import WorkerConfig
from hanmo.train.choice import Check, Watched, begin, checked
from hanmo.train.filled import last_set
from hanmo.train.growing import News
from hanmo.train.stored import StoreConfig

log = get_logger(__name__)
_LOOK, _TELL, _GOODBYE = 0.5, 60.0, 2.0
"""Seconds between looks at the file of choices, between lines about progress, and for workers to hear that it ends."""


@dataclass
class Live:
    """What producers do; see `growing.Feed`. Any thread may ask.

    Attributes:
        link: between producers and the collector.
        collector: fills the store.
        alone: held by whoever asks the networks.
        address: for other machines; "" for none.
    """

    link: Broker
    collector: Collector
    alone: threading.Lock
    address: str = ""
    _before: tuple[str, ...] = ()
    _error: str = ""
    _ended: threading.Event = field(default_factory=threading.Event)

    def news(self) -> News:
        """What has come since the last call; the first one names what the store had, too."""
        ended, error = self._ended.is_set(), self._error
        before, self._before = self._before, ()
        return News((*before, *self.collector.fresh()), error, ended)

    def wait(self, seconds: float) -> None:
        """Until something is stored, or so many seconds."""
        self.collector.news.wait(0.0 if self._ended.is_set() else seconds)

    def failed(self, why: str, others: bool = True) -> None:
        """A kind of producers has ended with an error; the run's, unless `others` may join."""
        why = why.splitlines()[0]
        if self.address and others:
            log.warning("%s; others may join at %s", why, self.address)
        else:
            self._error = why

    def collect(self, ending: threading.Event) -> None:
        """Let the collector work."""
        try:
            self.collector.run(ending)
        except Exception as error:
            self._error = f"samples cannot be stored: {error}"
        self._ended.set()


@contextmanager
def producing(
    data: StoreConfig,
    networks: Networks,
    producers: ProducerConfig,
    checkpoint: Path,
    folder: Path,
    resume: bool,
    check: Check,
) -> Iterator[Live]:
    """Producers at work while the block runs.

    Args:
        data: sets, store, and who works.
        networks: of this process; its threads ask them.
        producers: what becomes of records; `choice` may change what is chosen.
        checkpoint: folder of the networks, as workers of a cluster find it.
        folder: of the run.
        resume: whether the run goes on.
        check: says whether the run can be trained on what is chosen.

    Raises:
        RequestError: a set is not finished, the store is stale, an address without a token, or no Ray.
        OutputError: the address is taken.
    """
    config = begin(folder, producers, resume, check)
    identity = identity_of(networks, config.encode)
    there = look(data.store, identity)
    marks = {place: mark_of(data.store, place, identity, config) for place in map(last_set, data.sets)}
    sets = [place for place, mark in marks.items() if known_of(mark, there) is None]
    units = [str(shard) for place in sets for shard in shards_of(place)]
    link = Broker(networks.identity, units, None, config.to_json(), lambda new: checked(new, config, check))
    if not units:
        link.complete()
    log.info("producers have %d shards to go through; %d samples are stored", len(units), len(there.ids))
    collector = Collector(link, data.store, identity, there.tags)
    live = Live(link, collector, threading.Lock(), _before=tuple(shard.name for shard in there.shards))
    counts = Counter[str]()
    with ExitStack() as stack:
        stack.callback(lambda: _mark(data, live, sets, marks, counts))
        ending = threading.Event()
        stack.enter_context(_thread("collector", live.collect, ending.set, ending))
        stack.callback(link.complete)
        stack.enter_context(_thread("choices", _watch, None, live, Watched(folder, link, config, check), len(units)))
        if data.listen:
            host, _, port = data.listen.rpartition(":")
            live.address = stack.enter_context(serving(link, host, int(port), os.environ.get(VARIABLE, "")))
            log.info("producers may join: python -m hanmo.producer.worker %s --checkpoint %s", live.address, checkpoint)
            stack.callback(_goodbye, link)
        if data.engine == "ray":
            worker = WorkerConfig(live.address, checkpoint, client=ClientConfig(token=os.environ.get(VARIABLE, "")))
            waiter = stack.enter_context(on_ray(worker, RayProducers(data.producers)))
            threading.Thread(target=_ray_ends, args=(waiter, live), name="ray", daemon=True).start()
        elif data.producers:
            counts = stack.enter_context(
                working(link, networks, data.producers, None, live.alone, collector.known, live.failed)
            )
        yield live


@contextmanager
def _thread(name: str, body: Callable[..., None], end: Callable[[], None] | None, *given: object) -> Iterator[None]:
    """Let a function work while the block runs; without `end` it takes an event that says so, first."""
    stop = threading.Event()
    arguments = given if end is not None else (stop, *given)
    thread = threading.Thread(target=body, args=arguments, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        (end or stop.set)()
        thread.join()


def _watch(stop: threading.Event, live: Live, watched: Watched, units: int) -> None:
    """Look at the file of choices, and tell how producers get on."""
    told, said = time.monotonic() - _TELL + 5.0, -1
    while True:
        last = stop.wait(_LOOK)
        watched.look()
        stats, stored = live.link.stats(), live.collector.stored
        if stored != said and (last or stats.complete or time.monotonic() - told > _TELL):
            told, said = time.monotonic(), stored
            log.info(
                "producers: %d of %d shards are done, %d at work; %d samples stored, %d came again%s%s",
                max(0, units - stats.units - stats.claimed), units, stats.claimed, stored, live.collector.repeated,
                f", {stats.abandoned} shards given up" if stats.abandoned else "",
                "; that was all" if stats.done else "",
            )  # fmt: skip
        if last:
            return


def _goodbye(link: Broker) -> None:
    """Let workers hear that there is nothing more to do, before nobody answers them."""
    link.complete()
    until = time.monotonic() + _GOODBYE
    time.sleep(_GOODBYE / 4)  # those without a shard ask again in less
    while link.stats().claimed and time.monotonic() < until:
        time.sleep(0.05)


def _ray_ends(waiter: Callable[[], list[Counter[str]]], live: Live) -> None:
    try:
        waiter()
    except Exception as error:  # Ray's own, and what a worker raised
        if not live.link.stats().complete:
            live.failed(f"no Ray worker is left; the last ended with: {str(error).splitlines()[-1]}", others=False)


def _mark(data: StoreConfig, live: Live, sets: list[Path], marks: dict[Path, Path], counts: Counter[str]) -> None:
    """Write down that sets are in the store, where threads of this process have seen all of them by one choice."""
    stats, meta = live.link.stats(), live.link.meta()
    alone = not data.listen and data.engine == "threads"
    whole = not (stats.units or stats.claimed or stats.abandoned or counts["damaged shards"])
    if not (sets and alone and whole and stats.done and meta.version == 1) or live.news().error:
        return
    there = look(data.store, meta.identity)
    try:
        for place in sets:
            write_mark(marks[place], place, there, Counter())
    except HanmoError as error:
        log.warning("it is not written down that the sets are in the store: %s", error)
