"""A stage over a whole set on a Ray cluster, with pools of actors that hold GPUs (report section 3.2).

    run(shards, folder, stage, config, on_ray(RayConfig(groups=(RayGroup(("siglip",), actors=8, gpus=1.0),))))

Ray Data `map_batches` moves batches of shard paths through one pool of actors for each group of operators, and a last
one that measures the rest, decides and writes. Paths, and not records, since the shard is what a stage commits: records
that travelled alone would have to be gathered again, in order, before anything could be written, and what a killed
worker had found would be gone. Groups work on different shards at the same time; each reads its shard again, which a
group with a model can afford. Between groups the scores lie on disk, where they lie anyway.

In each actor stands the pool of `pool` with one worker: it is that worker, not Ray's, which a poisoned record kills, so
the journal, the exit codes and the limits of time and memory are those of this machine, and so are the bytes. A node
that is lost costs no more than a measurement: Ray gives its shards to another actor, and the journals go on.

All paths must mean the same files on every node (a shared file system), and the modules of operators must be importable
there. On other hardware, learned scores may differ in their last digits. A node that Ray has given up but that still
lives would write to the same journal; that is not seen here. Needs the extra `ray`.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hanmo.data.operator import check_thresholds
from hanmo.data.pool import run_tasks
from hanmo.data.run import Engine, RunConfig, ShardWatch
from hanmo.data.stage import Counts, Stage, Task, measure_shard, run_shard
from hanmo.errors import ConfigError, HanmoError, RequestError

_BLOCKS = 1000
"""Most pieces that the list of shards is cut into: Ray keeps track of each."""

_KNOCK = 10.0
"""Seconds that the head of a cluster has to answer."""


@dataclass(frozen=True)
class RayGroup:
    """Operators that share actors.

    Args:
        operators: their names.
        actors: how many; each measures one shard at a time and loads the operators' models once.
        cpus: that each actor holds.
        gpus: that each actor holds, such as 1, or 0.25 for four actors on one.

    Raises:
        ConfigError: no operator, or resources that nothing can be done with.
    """

    operators: tuple[str, ...]
    actors: int = 1
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        """See the class."""
        if (
            not self.operators
            or self.actors < 1
            or not (self.cpus >= 0 and self.gpus >= 0 and self.cpus + self.gpus > 0)
        ):
            raise ConfigError(f"{self}: a group needs an operator, an actor or more, and CPUs or GPUs that are not 0")


@dataclass(frozen=True)
class RayConfig:
    """Where a stage runs.

    Args:
        address: of a cluster, or "auto" for the one that this machine belongs to; "" uses what the process is connected
            to, else starts one on this machine, without a dashboard or usage reports, and stops it at the end.
        groups: which operators have actors of their own, in the order in which a shard meets them.
        cpus: of a cluster that is started here; None takes all.
        object_store: bytes of shared memory of a cluster that is started here. Paths need next to nothing.
    """

    address: str = ""
    groups: tuple[RayGroup, ...] = ()
    cpus: int | None = None
    object_store: int = 100 << 20


def on_ray(ray: RayConfig) -> Engine:
    """The `Engine` of a Ray cluster. Of a `RunConfig`, `workers` is how many actors decide and write.

    Raises:
        RequestError: Ray is not installed, or there is no cluster at the address.
        ConfigError: when it runs: a group names an operator that the stage does not have, or that another group has.
    """
    _import()

    def engine(tasks: Sequence[Task], stage: Stage, config: RunConfig) -> Generator[Counts, None, None]:
        steps = _steps(stage, ray.groups, config)
        if not tasks:
            return
        started = _connect(ray)
        try:
            for row in _rows(tasks, steps):
                if row["error"]:
                    raise pickle.loads(row["error"])
                yield Counts(int(row["kept"]), int(row["rejected"]), int(row["measured"]))
        except _import().exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise HanmoError(f"Ray gave up: {' ... '.join([*lines[:1], *lines[-1:]])[:400]}") from error
        finally:
            if started:
                _import().shutdown()

    return engine


@dataclass(frozen=True)
class _Step:
    """One pool of actors."""

    work: Callable[[Task], Counts]
    group: RayGroup
    run: RunConfig


def _steps(stage: Stage, groups: tuple[RayGroup, ...], run: RunConfig) -> list[_Step]:
    named = [name for group in groups for name in group.operators]
    if len(set(named)) < len(named):
        raise ConfigError(f"an operator stands in two groups of actors: {', '.join(sorted(named))}")
    there = {operator.name: operator for operator in stage.operators}
    absent = [name for name in named if name not in there]
    if absent:
        raise ConfigError(f"a group of actors names {absent[0]!r}; the stage has: {', '.join(there) or 'no operator'}")
    check_thresholds(stage.operators, stage.thresholds)
    steps = []
    for group in groups:
        part = replace(stage, operators=tuple(there[name] for name in group.operators))
        steps.append(_Step(partial(_measured, stage=part), group, run))
    last = RayGroup(("the rest",), actors=run.workers)
    return [*steps, _Step(partial(run_shard, stage=stage), last, run)]


def _measured(task: Task, stage: Stage) -> Counts:
    return Counts(0, 0, measure_shard(task, stage))


def _rows(tasks: Sequence[Task], steps: list[_Step]) -> Iterator[dict[str, Any]]:
    """Each task's row, as soon as it has been through all steps."""
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    empty = {"kept": 0, "rejected": 0, "measured": 0, "error": b""}
    rows = [{"shard": str(task.shard), "place": str(task.place), **empty} for task in tasks]
    shards = data.from_items(rows, override_num_blocks=min(len(rows), _BLOCKS))
    for step in steps:
        shards = shards.map_batches(
            _Actor,
            fn_constructor_args=(step,),
            batch_size=1,
            batch_format="numpy",
            num_cpus=step.group.cpus,
            num_gpus=step.group.gpus,
            compute=data.ActorPoolStrategy(size=step.group.actors),
        )
    yield from shards.iter_rows()


class _Actor:
    """Stands on a node and has one worker process, which it replaces when it dies."""

    def __init__(self, step: _Step) -> None:
        watch = ShardWatch(step.run.seconds)
        self._tasks: deque[Task] = deque()
        coming = iter(self._tasks.popleft, None)
        self._counts = run_tasks(coming, step.work, watch, 1, step.run.memory)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """One shard; what another step has found to be wrong is passed on."""
        if rows["error"][0]:
            return rows
        error = b""
        counts = Counts(0, 0)
        self._tasks.append(Task(Path(str(rows["shard"][0])), Path(str(rows["place"][0]))))
        try:
            counts = next(self._counts)
        except HanmoError as problem:
            error = pickle.dumps(problem)
        except StopIteration:  # an earlier shard ended the work of this actor
            error = pickle.dumps(HanmoError("not done, because of an error before"))
        measured = int(rows["measured"][0]) + counts.measured
        found = {"kept": counts.kept, "rejected": counts.rejected, "measured": measured, "error": error}
        return {**rows, **{name: [value] for name, value in found.items()}}


def _connect(config: RayConfig) -> bool:
    """Be connected to a cluster; return whether it was started for us."""
    ray = _import()
    if ray.is_initialized():
        if config.address:
            raise ConfigError("this process is connected to a Ray cluster already: leave the address out")
        return False
    try:
        if config.address:
            _knock(config.address)
            ray.init(address=config.address, log_to_driver=False)
            return True
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            num_cpus=config.cpus,
            include_dashboard=False,
            object_store_memory=config.object_store,
            log_to_driver=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise RequestError(f"no Ray cluster ({config.address or 'on this machine'}): {str(error)[:200]}") from None
    return True


def _knock(address: str) -> None:
    """Ray tries for minutes to reach a machine that is not there.

    Raises:
        OSError: nobody answers.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_KNOCK).close()


def _import() -> Any:
    try:
        import ray
    except ImportError:
        raise RequestError("Ray is not installed: pip install 'hanmo[ray]', or leave the engine out") from None
    return ray
