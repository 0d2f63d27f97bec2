"""One shard through one stage, in a worker: measure what is not yet known, decide, write what is kept and what is not.

Scores are written first, each operator's in its own file (`scores`); from there on everything follows from scores
and thresholds, so that deciding again is a second call of the same function. The journal says at every moment which
record is being looked at. Whatever moment it is killed at, the next call ends with the same bytes. It does not know
how many shards there are, nor who else works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.journal import Journal
from hanmo.data.layout import begin, rejects_in, shard_in, write_success
from hanmo.data.limits import Limits
from hanmo.data.operator import Measured, Operator, Thresholds, decide, digest, measured, operator_key, plain
from hanmo.data.record import Json, Record, with_scores
from hanmo.data.rejects import Reject, rejected, write_rejects
from hanmo.data.scores import Results, fingerprint, read_earlier, read_scores, scores_path, state, write_scores
from hanmo.data.shards import read_index, read_shard, write_shard
from hanmo.errors import HanmoError


@dataclass(frozen=True)
class Stage:
    """The operators of one stage, in the order in which their verdicts count, and the thresholds of their scores.

    Args:
        operators: see `Operator`.
        thresholds: see `decide`.
        limits: of what is read.
        spared: sources whose records are measured but not judged by scores, such as drawn ones, which the report lets
            in after its second stage. What cannot be measured is kept back all the same.
    """

    operators: tuple[Operator, ...]
    thresholds: Thresholds = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    spared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One shard to work on.

    Args:
        shard: the tar that goes in.
        place: the folder of the shard that comes out.
    """

    shard: Path
    place: Path

    @property
    def journal(self) -> Path:
        """The journal's place; it is there while something is being measured."""
        return self.place / "journal.jsonl"


@dataclass(frozen=True)
class Counts:
    """Records of one shard, and how many measurements were made for it in this run."""

    kept: int
    rejected: int
    measured: int = 0


def plan(stage: Stage, made_from: str) -> dict[str, Json]:
    """What a shard's `_SUCCESS` says of how it was made; a finished shard of the same plan is not touched.

    Args:
        stage: its operators and thresholds.
        made_from: `fingerprint` of the shard that goes in.
    """
    operators = {operator.name: operator_key(operator) for operator in stage.operators}
    return {
        "input": made_from,
        "operators": operators,
        "operators_hash": digest([list(operators), operators]),
        "thresholds": plain(stage.thresholds),
        "spared": sorted(stage.spared),
    }


def run_shard(task: Task, stage: Stage) -> Counts:
    """Bring one shard to its `_SUCCESS`.

    Raises:
        HanmoError: the shard is damaged.
        RequestError: the shard is missing, or larger than the limits.
        OutputError: the folder cannot be written to.
    """
    made_from = fingerprint(task.shard)
    begin(task.place)
    results, made = _results(task, stage, made_from)
    rejects: list[Reject] = []
    kept = write_shard(shard_in(task.place), _kept(task, stage, results, rejects), stage.limits)
    write_rejects(rejects_in(task.place), rejects)
    came = sum(1 for _ in read_index(task.shard, ["id"]))
    if kept + len(rejects) != came:
        raise HanmoError(f"{task.shard} has {came} records, but {kept} were kept and {len(rejects)} rejected")
    counts = {"kept": kept, "rejected": len(rejects)}
    write_success(task.place, {**plan(stage, made_from), **counts})
    return Counts(kept, len(rejects), made)


def measure_shard(task: Task, stage: Stage) -> int:
    """Only measure, so that `run_shard` finds the scores of these operators; how many measurements were made.

    Raises:
        HanmoError: the shard is damaged.
        RequestError: the shard is missing, or larger than the limits.
        OutputError: the folder cannot be written to.
    """
    made_from = fingerprint(task.shard)
    begin(task.place)
    return _results(task, stage, made_from)[1]


def _results(task: Task, stage: Stage, made_from: str) -> tuple[dict[str, Results], int]:
    """What every operator found, by its name, from its file or measured now; and how many measurements were made."""
    known: dict[str, Results] = {}
    missing: list[Operator] = []
    for operator in stage.operators:
        found = read_scores(scores_path(task.place, operator), operator, made_from)
        if found is None:
            missing.append(operator)
        else:
            known[operator.name] = found
    made = 0
    if missing:
        earlier = {operator.name: read_earlier(scores_path(task.place, operator), operator) for operator in missing}
        now, states, made = _measure(task, missing, earlier, made_from, stage.limits)
        for operator in missing:
            path, name = scores_path(task.place, operator), operator.name
            write_scores(path, operator, made_from, now[name], states, earlier[name])
        known |= now
    task.journal.unlink(missing_ok=True)
    return {operator.name: known[operator.name] for operator in stage.operators}, made


def _measure(
    task: Task,
    operators: list[Operator],
    earlier: dict[str, dict[tuple[str, str], Measured]],
    made_from: str,
    limits: Limits,
) -> tuple[dict[str, dict[str, Measured]], dict[str, str], int]:
    """One pass over the shard, picking up where a worker before this one ended; also the state of each record."""
    states: dict[str, str] = {}
    results: dict[str, dict[str, Measured]] = {operator.name: {} for operator in operators}
    made = 0
    name = digest([made_from, *(operator_key(operator) for operator in operators)])
    with Journal(task.journal, name) as journal:
        for record in read_shard(task.shard, limits):
            here = record.id, state(record)
            states[record.id] = here[1]
            for operator in operators:
                found = earlier[operator.name].get(here) or journal.found(operator.name, record.id)
                if found is None:
                    journal.begin(operator.name, record.id)
                    found = measured(operator, record)
                    journal.done(operator.name, record.id, found)
                    made += 1
                results[operator.name][record.id] = found
    return results, states, made


def _kept(task: Task, stage: Stage, results: dict[str, Results], rejects: list[Reject]) -> Iterator[Record]:
    """The records that go on; the others become lines of `rejects`."""
    for record in read_shard(task.shard, stage.limits):
        found = {name: result[record.id] for name, result in results.items()}
        verdicts = decide(found, {} if record.source in stage.spared else stage.thresholds)
        scores = {f"{name}.{score}": value for name, one in found.items() for score, value in one.scores.items()}
        metadata = {name: dict(one.metadata) for name, one in found.items() if one.metadata}
        known = with_scores(record, scores, metadata, verdicts)
        against = next((verdict for verdict in verdicts if verdict.outcome != "kept"), None)
        if against is None:
            yield known
        else:
            rejects.append(rejected(known, against))
