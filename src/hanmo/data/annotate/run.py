"""Annotation of many pictures: several at once, within a budget, to be gone on with after any end.

What becomes of a picture depends on it and the model alone, not on the others, their order, or how many are asked
about at once; the journal's lines stand in the order in which they came, and `read_outcomes` sorts them by id.
Threads are enough: a model behind an endpoint is waited for, one on this machine answers one at a time.

It does not know where pictures come from, nor where annotations go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.annotate.budget import Budget, BudgetConfig
from hanmo.data.annotate.journal import Journal, open_journal
from hanmo.data.annotate.one import AskConfig, Item, annotate
from hanmo.data.annotate.outcome import Outcome, Status
from hanmo.data.annotate.prompt import fingerprint
from hanmo.data.annotate.vision import Vision
from hanmo.errors import RequestError
from hanmo.log import Progress, get_logger, progress

_log = get_logger(__name__)
_Tasks = dict[Future[Outcome | None], str]


@dataclass(frozen=True)
class AnnotateConfig:
    """A run.

    Attributes:
        workers: pictures that are asked about at once.
        give_up: pictures in a row whose model kept silent, after which the run ends: a wrong key or a server that is
            down need not be found out a million times. None never gives up.
        ask: how a model is asked.
        budget: what may be spent.

    Raises:
        RequestError: at construction.
    """

    workers: int = 4
    give_up: int | None = 20
    ask: AskConfig = field(default_factory=AskConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 1 <= self.workers <= 1024:
            raise RequestError(f"workers {self.workers} is not allowed: give 1 to 1024")
        if self.give_up is not None and self.give_up < 1:
            raise RequestError(f"give_up {self.give_up} is not allowed: give 1 or more, or none")


@dataclass(frozen=True)
class Report:
    """What a run has done.

    Attributes:
        ends: how many pictures came to each end, in this run.
        already: pictures that were decided before it, or came twice.
        undecided: pictures that it had begun with when it was stopped.
        requests: to the model.
        tokens: as far as the model says.
        stopped: why it ended before the last picture; None when it did not.
    """

    ends: Mapping[Status, int] = field(default_factory=dict)
    already: int = 0
    undecided: int = 0
    requests: int = 0
    tokens: int = 0
    stopped: str | None = None


def annotate_all(
    items: Iterable[Item],
    vision: Vision,
    path: Path,
    config: AnnotateConfig,
    total: int | None = None,
    show: bool | None = None,
) -> Report:
    """Annotate pictures that the journal has not decided yet.

    Args:
        items: taken one after the other, a few ahead of what is being asked about.
        vision: the model.
        path: the journal; it is begun, or gone on with.
        config: settings.
        total: how many items there are, for the progress bar.
        show: the progress bar; None where stderr is a terminal.

    Raises:
        RequestError: the journal belongs to another model or prompt, or is being written elsewhere.
        OutputError: the journal cannot be written.
        Exception: what `items` raises, after what is under way has been written down.
    """
    with open_journal(path, vision.name, fingerprint(config.ask.language)) as journal:
        run = _Run(vision, journal, config)
        with progress(total, "annotate", show=show) as bar:
            report = run.through(iter(items), bar)
    if report.stopped is not None:
        _log.warning("annotation stopped early: %s; run again to go on", report.stopped)
    return report


class _Run:
    """A run under way. Only the thread that calls `through` writes the journal."""

    def __init__(self, vision: Vision, journal: Journal, config: AnnotateConfig) -> None:
        self._vision = vision
        self._journal = journal
        self._config = config
        self._budget = Budget(config.budget)
        self._ends: Counter[Status] = Counter()
        self._already = self._undecided = self._silent = 0
        self._fault: Exception | None = None

    def through(self, items: Iterator[Item], bar: Progress) -> Report:
        tasks: _Tasks = {}
        pool = ThreadPoolExecutor(self._config.workers, thread_name_prefix="hanmo-annotate")
        stopped: str | None = None
        try:
            while True:
                stopped = stopped or self._fill(tasks, items, pool, bar)
                if not tasks:
                    break
                self._empty(tasks, bar)
            pool.shutdown()
        except BaseException:
            self._budget.stop("interrupted")
            pool.shutdown(wait=False, cancel_futures=True)  # what is in flight ends with its time limit
            raise
        if self._fault is not None:
            raise self._fault
        budget = self._budget
        if self._undecided:
            stopped = stopped or budget.reason
        return Report(dict(self._ends), self._already, self._undecided, budget.requests, budget.tokens, stopped)

    def _fill(self, tasks: _Tasks, items: Iterator[Item], pool: ThreadPoolExecutor, bar: Progress) -> str | None:
        """Begin with pictures until enough are under way; why no more are to come, if the budget is over."""
        while len(tasks) < 2 * self._config.workers:
            reason = self._budget.reason
            item = self._next(items)
            if item is None:
                return None
            if item.id in self._journal.done or item.id in tasks.values():
                self._already += 1
                bar.update()
                continue
            if reason is not None:
                return reason
            tasks[pool.submit(annotate, item, self._vision, self._config.ask, self._budget)] = item.id
        return None

    def _next(self, items: Iterator[Item]) -> Item | None:
        """The next picture; None after the last, or after a fault of their source, which is raised in the end."""
        if self._fault is not None:
            return None
        try:
            return next(items, None)
        except Exception as error:
            self._fault = error
            return None

    def _empty(self, tasks: _Tasks, bar: Progress) -> None:
        """Wait for at least one picture, and write down what became of it."""
        for task in wait(tasks, return_when=FIRST_COMPLETED).done:
            del tasks[task]
            outcome = task.result()
            if outcome is None:
                self._undecided += 1
                continue
            self._journal.write(outcome)
            self._ends[outcome.status] += 1
            self._silent = self._silent + 1 if outcome.status == "silent" else 0
            if self._silent == self._config.give_up:
                self._budget.stop(f"{self._silent} pictures in a row had no answer (the last: {outcome.fault})")
            bar.update(postfix={str(end): count for end, count in self._ends.items()})
