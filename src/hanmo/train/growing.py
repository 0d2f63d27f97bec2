"""From which step on a run draws which shards of a store that grows, the same in every process and after a resume.

    shards.jsonl     {"step": 40, "shards": ["t2i/256x256/ab12.safetensors"]}, one line for each decision

The first process knows from the collector (`live`) what was written; at steps that all know it tells the others, and
they draw it from `NOTICE` steps later on, because batches are made ahead. The line is on the disk before it matters,
also where nothing is new; so a run that was killed and goes on repeats every decision up to the last line, and decides
anew behind it. Where a stage would have nothing to draw, all processes wait here. It does not know who makes samples.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from hanmo.errors import OutputError, TrainingError
from hanmo.log import get_logger
from hanmo.train.curriculum import NOTICE
from hanmo.train.mixture import Mixture
from hanmo.train.ranks import Ranks
from hanmo.train.samples import Entry
from hanmo.train.stored import StoreSource
from hanmo.train.validation import Held

log = get_logger(__name__)
FILE = "shards.jsonl"
_TURN, _TOLD = 1.0, 30.0
"""Seconds between questions while all wait, and between lines that say so."""


@dataclass(frozen=True)
class News:
    """What the first process knows of its producers.

    Attributes:
        shards: names of those that came since the last question.
        error: why no more will come though there should; "" while all is well.
        done: whether everything has come.
    """

    shards: tuple[str, ...] = ()
    error: str = ""
    done: bool = False


@runtime_checkable
class Feed(Protocol):
    """Producers at work (`live.Live`), in the first process."""

    def news(self) -> News:
        """What has come since the last call."""

    def wait(self, seconds: float) -> None:
        """Until something comes, or so many seconds."""


@dataclass(frozen=True)
class Grown:
    """A decision: from step number `step` on these shards too."""

    step: int
    shards: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """The decisions of a run, in a file that is only added to."""

    path: Path

    def read(self) -> list[Grown]:
        """All of them; a last line that was cut off, which never mattered, is taken away.

        Raises:
            TrainingError: the file is damaged.
        """
        if not self.path.exists():
            return []
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            os.truncate(self.path, len(whole))
        try:
            lines = [json.loads(line) for line in whole.decode().splitlines()]
            return [Grown(int(line["step"]), tuple(line["shards"])) for line in lines]
        except (ValueError, LookupError, TypeError) as error:
            raise TrainingError(f"{self.path} is damaged ({error}): without it the run cannot be repeated") from None

    def add(self, grown: Grown) -> None:
        """Write a decision to the disk.

        Raises:
            OutputError: there is no room.
        """
        line = json.dumps({"step": grown.step, "shards": list(grown.shards)}).encode() + b"\n"
        before = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("ab", buffering=0) as file:
                if file.write(line) != len(line):
                    raise OSError("no room")
                os.fsync(file.fileno())
        except OSError as error:
            if self.path.exists():
                os.truncate(self.path, before)
            raise OutputError(f"{self.path} cannot be written: {error.strerror or error}; make room") from error

    def begin(self) -> None:
        """Forget a run that never came to a snapshot."""
        self.path.unlink(missing_ok=True)


@dataclass
class Growing:
    """The growth of a run's store; every process has one, and makes the same calls.

    Attributes:
        source: of samples.
        mixture: what draws them.
        held: what is kept from them.
        record: of decisions.
        ranks: the processes.
        steps: of the run.
        every: steps between decisions.
        check: raises where new samples cannot be trained on (`batches.Maker.check`).
        feed: in the first process.
    """

    source: StoreSource
    mixture: Mixture
    held: Held
    record: Record
    ranks: Ranks
    steps: int
    every: int
    check: Callable[[Sequence[Entry]], None]
    feed: Feed | None
    _decided: int = -1
    _waiting: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    def begin(self, start: int, least: int) -> None:
        """Take up decisions of a run that goes on at step `start`, and wait until there is something to begin with.

        Args:
            start: steps done; 0 forgets what is recorded.
            least: samples that the first stage of a new run shall have; fewer will do when no more come.

        Raises:
            TrainingError: producers have failed or are done, and there is nothing to draw; or the run that goes on
                was fed before its first step.
            OutputError: a decision cannot be written.
        """
        if self.ranks.first and not start:
            self.record.begin()
        known = self.ranks.told(self.record.read() if self.ranks.first else [])
        if start and not known:
            raise TrainingError(f'{self.record.path} is missing: a run fed before goes on with data.feed = "before"')
        for grown in known:
            self._take(grown)
        if not start:
            self._wait(0, least)
        for step in range(start, min(start + NOTICE, self.steps)):
            if self.mixture.lacks(step):
                self._wait(step, 1)

    def after(self, done: int) -> float:
        """Look for new shards behind step number `done - 1`, where that is due; seconds spent waiting for them.

        Raises:
            TrainingError, OutputError: see `begin`.
        """
        step = done + NOTICE
        if step >= self.steps or step <= self._decided:
            return 0.0
        if self.mixture.lacks(step):
            began = time.perf_counter()
            self._wait(step, 1)
            return time.perf_counter() - began
        if done % self.every == 0:
            self._decide(step)
        return 0.0

    def _decide(self, step: int) -> None:
        news = self._asked()
        if news.error:
            raise TrainingError(news.error)
        names = (*self._waiting, *news.shards)
        if self._written(Grown(step, names)):
            self._waiting = []
            self._take(Grown(step, names))
        else:
            self._waiting = list(names)

    def _wait(self, step: int, least: int) -> None:
        """Until `least` samples may be drawn at a step, and decide that they are."""
        names: list[str] = self._waiting
        entries = self._added(step, names)
        self._waiting, told, news = [], time.monotonic(), News()
        while (count := self.mixture.drawable(step)) < least:
            news = self._asked()
            if news.error:
                raise TrainingError(news.error)
            names += news.shards
            entries += self._added(step, news.shards)
            if news.done and not news.shards:
                break
            if self.ranks.first and time.monotonic() - told > _TOLD:
                told = time.monotonic()
                log.info("step %d waits for producers: %d of %d samples are there", step, count, least)
            if self.feed is not None and not news.shards:
                self.feed.wait(_TURN)
        if not count:
            config = self.mixture.curriculum.config
            stage = config.stages[self.mixture.curriculum.stage(step)]
            raise TrainingError(
                f"producers are done, and curriculum.stages.{stage.name} has nothing to draw at step {step}: "
                "name runs of 'hanmo data' under data.sets, or widen the stage"
            )
        grown = Grown(step, tuple(names))
        if not self._written(grown):
            raise OutputError(f"{self.record.path} cannot be written, and step {step} must be known: make room, resume")
        self._decided = step
        self.held.grow(step, entries)

    def _asked(self) -> News:
        """News of the first process, in all of them, without shards that are decided on."""
        news = self.ranks.told(News() if self.feed is None else self.feed.news())
        return replace(news, shards=tuple(name for name in news.shards if name not in self._known))

    def _written(self, grown: Grown) -> bool:
        """Whether a decision is on the disk; every process knows."""
        written = True
        if self.ranks.first:
            try:
                self.record.add(grown)
            except OutputError as error:
                log.warning("%s; the run goes on with the samples that it has", error)
                written = False
        return self.ranks.told(written)

    def _take(self, grown: Grown) -> None:
        self._decided = grown.step
        entries = self._added(grown.step, grown.shards)
        self.held.grow(grown.step, entries)
        if grown.shards and self.ranks.first:
            there = len(self.source.entries())
            log.info("from step %d on %d more samples, %d in all", grown.step, len(entries), there)

    def _added(self, step: int, names: Sequence[str]) -> list[Entry]:
        self._known.update(names)
        entries = self.source.add(names)
        self.check(entries)
        if entries:
            self.mixture.grow(step, entries)
        return entries
