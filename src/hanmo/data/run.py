"""A stage over a whole set (report section 3.2: seven of them in a row).

    collect(sources, set0)  ->  run(shards_of(set0), set1, stage1)  ->  run(shards_of(set1), set2, stage2)  -> ...

The shard is the unit of work (`stage` does one). The run may be stopped or killed at any moment, and so may each
worker: called again, it goes on, and ends with the same bytes as one that was never stopped, whatever the number of
workers. A record over which workers die ends in the rejects table. Called with other thresholds it decides again and
measures nothing; with another operator it measures that one.

Who does the shards is an `Engine`: worker processes of this machine, or a cluster (`ray_engine`), with the same bytes.

Known limits: where the machine kills the parent together with the worker, nobody notes which record did it, and the
next run tries it again; and a script that calls this must guard its main part (`if __name__ == "__main__"`), since
workers are spawned.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from hanmo.data.journal import note_death, pending
from hanmo.data.layout import alone, places, read_success, shard_in, write_success
from hanmo.data.operator import check_thresholds, operator_key
from hanmo.data.pool import run_tasks
from hanmo.data.scores import fingerprint, has_scores, scores_path
from hanmo.data.stage import Counts, Stage, Task, measure_shard, plan, run_shard
from hanmo.errors import ConfigError, HanmoError, RequestError
from hanmo.log import get_logger, progress

_log = get_logger(__name__)

_IDLE_DEATHS = 3
"""Times that workers may die over a shard without being at a record: at its writing, or while they start."""


@dataclass(frozen=True)
class RunConfig:
    """How a stage is run; no result depends on it, unless a limit is met.

    Raises:
        ConfigError: a number that is not positive.
    """

    workers: int = 2
    seconds: float = 600.0
    """Longest time of one measurement; a worker that takes longer is killed, and its record treated as poisoned."""
    memory: int | None = None
    """Bytes of address space of one worker; beyond it an operator fails with MemoryError. None is no limit."""

    def __post_init__(self) -> None:
        """See the class."""
        for name in ("workers", "seconds", "memory"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} is {value}; it must be more than 0")


@dataclass(frozen=True)
class Summary:
    """What a set holds now, and what this call did for it.

    Args:
        kept: records that go on.
        rejected: records that do not.
        measured: measurements made in this call, not counting those of workers that died.
        untouched: shards that were finished before it.
    """

    kept: int
    rejected: int
    measured: int
    untouched: int


@runtime_checkable
class Engine(Protocol):
    """Who brings shards to their `_SUCCESS`."""

    def __call__(self, tasks: Sequence[Task], stage: Stage, config: RunConfig) -> Generator[Counts, None, None]:
        """Run every task with `run_shard`; one item for each, in the order in which they are done.

        Raises:
            HanmoError: the first error of a task.
        """


def on_this_machine(tasks: Sequence[Task], stage: Stage, config: RunConfig) -> Generator[Counts, None, None]:
    """The `Engine` of worker processes."""
    work = partial(run_shard, stage=stage)
    with closing(run_tasks(tasks, work, ShardWatch(config.seconds), config.workers, config.memory)) as done:
        yield from done


def run(
    shards: Sequence[Path],
    folder: Path,
    stage: Stage,
    config: RunConfig | None = None,
    engine: Engine = on_this_machine,
) -> Summary:
    """Bring every shard through a stage.

    Args:
        shards: tars with their indexes, of different names, as `shards_of` lists them.
        folder: the set that comes out; made where it is missing, inside a folder that is there.
        stage: operators and thresholds.
        config: see `RunConfig`.
        engine: who does the shards.

    Raises:
        ConfigError: thresholds that belong to no score, or operators that cannot be named.
        RequestError: shards that are missing, or a folder that holds other shards.
        OutputError: the folder cannot be written to, or another run works on it.
        HanmoError: a damaged shard, or workers that die before they reach a record.
    """
    config, tasks = config or RunConfig(), _tasks(shards, folder, stage)
    with alone(folder):
        _check_places(folder, tasks)
        plans = {task: plan(stage, fingerprint(task.shard)) for task in tasks}
        open_tasks = [task for task in tasks if not _finished(task, plans[task])]
        measured = 0
        with (
            progress(len(tasks), "shards", initial=len(tasks) - len(open_tasks)) as bar,
            closing(engine(open_tasks, stage, config)) as done,
        ):
            for counts in done:
                measured += counts.measured
                bar.update()
        made = [read_success(task.place) or {} for task in tasks]
        kept, rejected = (sum(known[name] for known in made) for name in ("kept", "rejected"))
        write_success(folder, {"shards": len(tasks), "kept": kept, "rejected": rejected})
    return Summary(kept, rejected, measured, len(tasks) - len(open_tasks))


def measure(shards: Sequence[Path], folder: Path, stage: Stage, config: RunConfig | None = None) -> int:
    """Only measure, on this machine, so that `run` finds the scores of these operators in the set that it makes.

    What must see the scores of a whole set before it can judge, such as near duplicates, is built between the two.

    Args:
        shards: see `run`.
        folder: see `run`; a shard whose scores lie there is not looked at.
        stage: its operators; thresholds do not matter.
        config: see `run`.

    Returns:
        How many measurements were made.

    Raises:
        ConfigError, RequestError, OutputError, HanmoError: see `run`.
    """
    config, tasks = config or RunConfig(), _tasks(shards, folder, stage)
    with alone(folder):
        _check_places(folder, tasks)
        open_tasks = [task for task in tasks if not _measured(task, stage)]
        work, watch = partial(measure_shard, stage=stage), ShardWatch(config.seconds)
        measured = 0
        with (
            progress(len(tasks), "shards", initial=len(tasks) - len(open_tasks)) as bar,
            closing(run_tasks(open_tasks, work, watch, config.workers, config.memory)) as done,
        ):
            for count in done:
                measured += count
                bar.update()
    return measured


def _tasks(shards: Sequence[Path], folder: Path, stage: Stage) -> list[Task]:
    check_thresholds(stage.operators, stage.thresholds)
    for operator in stage.operators:
        operator_key(operator)
    return [Task(shard, folder / shard.stem) for shard in shards]


def _measured(task: Task, stage: Stage) -> bool:
    made_from = fingerprint(task.shard)
    return all(has_scores(scores_path(task.place, operator), made_from) for operator in stage.operators)


def _check_places(folder: Path, tasks: list[Task]) -> None:
    names = Counter(task.place.name for task in tasks)
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise RequestError(f"two shards are called {twice[0]}: give shards of different names")
    others = [place.name for place in places(folder) if place.name not in names]
    if others:
        raise RequestError(f"{folder} holds {others[0]}, which is no shard of this run: write to a new folder")


def _finished(task: Task, wanted: dict[str, object]) -> bool:
    known = read_success(task.place)
    return known is not None and wanted.items() <= known.items() and shard_in(task.place).is_file()


class ShardWatch:
    """Notes deaths in the journals, and sees who has been at one record for too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: Counter[Task] = Counter()

    def died(self, task: Task, code: int) -> None:
        """See `pool.Watch`."""
        at = pending(task.journal)
        if note_death(task.journal, code):
            _log.warning("a worker died (exit code %d) at the record %s of %s", code, at, task.shard.name)
            return
        self._idle[task] += 1
        if self._idle[task] >= _IDLE_DEATHS:
            raise HanmoError(
                f"workers died {self._idle[task]} times on {task.shard} without being at a record (exit code {code}): "
                "see whether memory or disk is short, and whether the script guards its main part"
            )

    def hangs(self, task: Task) -> bool:
        """See `pool.Watch`."""
        try:
            still = time.time() - task.journal.stat().st_mtime
        except FileNotFoundError:
            return False
        return still > self._seconds and pending(task.journal) is not None
