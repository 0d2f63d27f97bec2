"""A whole recipe, from its sources to the last stage's set (report section 3.2: seven stages in a row).

    RUN/recipe.toml         what was run, every default written out
    RUN/set0                what the sources gave (`collect`)
    RUN/set1, set2, ...     what each stage let through, and its rejects (`run`)
    RUN/prepared/STAGE/     what operators made of the whole set before a stage, such as a table of near duplicates
    RUN/history.jsonl       a line for each part of each call: when, how long, what was measured, by which version

It may be stopped or killed at any moment: called again, it goes on. Called with other thresholds it decides again;
records that a looser one lets into a later stage are measured there. It does not know how a stage is done.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from hanmo import __version__
from hanmo.data.collect import collect
from hanmo.data.layout import alone, read_success, shards_of
from hanmo.data.operator import check_thresholds
from hanmo.data.operators import Wanted
from hanmo.data.ray_engine import RayConfig, on_ray
from hanmo.data.recipe import Recipe, dump, read_recipe, wanted
from hanmo.data.record import Json, canonical_json
from hanmo.data.run import RunConfig, Summary, measure, run
from hanmo.data.sources.tables import open_source
from hanmo.data.sources.tables_read import SourceTable
from hanmo.data.stage import Stage
from hanmo.errors import ConfigError, OutputError, RequestError
from hanmo.log import get_logger
from hanmo.weights.files import atomic_file

_log = get_logger(__name__)

COLLECT = "collect"
"""What the part before the first stage is called in the history."""


@dataclass(frozen=True)
class Part:
    """What one call did for one set: the sources' (`COLLECT`), or a stage's.

    Attributes:
        name: the stage's.
        began: ISO 8601, UTC.
        seconds: it took.
        kept: records of the set.
        rejected: records, or items of a source, that did not get into it.
        measured: measurements made in this call.
        untouched: shards that were finished before it.
        workers: processes.
        engine: where the work was done.
        versions: of Hanmo and Python.
    """

    name: str
    began: str
    seconds: float
    kept: int
    rejected: int
    measured: int
    untouched: int
    workers: int
    engine: str
    versions: str


def recipe_of(folder: Path) -> Path:
    """The resolved recipe of a run."""
    return folder / "recipe.toml"


def set_of(folder: Path, number: int) -> Path:
    """A set of a run: 0 is what was collected, 1 what the first stage let through."""
    return folder / f"set{number}"


def run_recipe(recipe: Recipe, *, look_at_sources: bool = True) -> list[Part]:
    """Bring a recipe to its end, or go on where a call before this one ended.

    Args:
        recipe: see `read_recipe`.
        look_at_sources: read the sources again, to see that they still give what was collected; False believes a
            whole first set, so that deciding anew needs them no more.

    Returns:
        What this call did: the sources (where they were read), then each stage.

    Raises:
        ConfigError: an operator or a threshold that there is not; said before any work, but for thresholds of
            operators that prepare.
        RequestError: a source is not there, or the folder holds a run of other sources or of more stages.
        OutputError: the folder cannot be written, or another process works in it.
        HanmoError: see `run`.
    """
    operators = wanted(recipe)
    _check(recipe, operators)
    _runner(recipe)
    folder = recipe.run.folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}; choose another run.folder") from None
    with alone(folder):
        extra = set_of(folder, len(recipe.stages) + 1)
        if extra.exists():
            raise RequestError(f"{extra} is of a recipe with more stages: delete it, or choose another run.folder")
        collected = None if look_at_sources else read_success(set_of(folder, 0))
        parts = [] if collected else [_timed(recipe, COLLECT, lambda: _collect(recipe))]
        with atomic_file(recipe_of(folder)) as file:  # not before it is known that the folder holds these sources
            file.write(dump(recipe, operators).encode())
        for number, some in enumerate(operators):
            parts.append(_timed(recipe, recipe.stages[number].name, _stage(recipe, number, some)))
    return parts


def _check(recipe: Recipe, operators: Sequence[Sequence[Wanted]]) -> None:
    """Thresholds that belong to no score, before days of work."""
    for stage, some in zip(recipe.stages, operators, strict=True):
        ready = [one.build((), recipe.run.folder, recipe.run.folder) for one in some if not one.prepares]
        known = {operator.name for operator in ready}
        try:
            check_thresholds(ready, {name: found for name, found in stage.thresholds.items() if name in known})
        except ConfigError as error:
            raise ConfigError(f"stages.{stage.name}.{error}") from None


def _collect(recipe: Recipe) -> Summary:
    there = [table for table in recipe.sources if not _absent(table)]
    sources = [open_source(table, recipe.run.seed) for table in there]
    found = collect(sources, set_of(recipe.run.folder, 0), recipe.run.collect)
    return Summary(found.records, found.rejects, 0, 0)


def _absent(table: SourceTable) -> bool:
    """Whether an optional source is not there; said, never silent."""
    path = getattr(table, "path", None)
    absent = table.optional and path is not None and not Path(path).exists()
    if absent:
        _log.warning("the source %s is left out: it is optional, and %s is not there", table.name, path)
    return absent


def _stage(recipe: Recipe, number: int, some: Sequence[Wanted]) -> Callable[[], Summary]:
    table, folder = recipe.stages[number], recipe.run.folder

    def work() -> Summary:
        shards, made = shards_of(set_of(folder, number)), set_of(folder, number + 1)
        runner, config = _runner(recipe), recipe.run.config
        own = folder / "prepared" / table.name
        first = [one.build(shards, own, made) for one in some if not one.prepares]
        measured = 0
        if len(first) < len(some):
            measured = _measure(recipe, shards, made, Stage(tuple(first)), config)
        operators = tuple(one.build(shards, own / one.name, made) for one in some)
        found = runner(shards, made, Stage(operators, table.thresholds, spared=table.spare), config)
        return replace(found, measured=found.measured + measured)

    return work


Runner = Callable[[Sequence[Path], Path, Stage, RunConfig], Summary]


def _runner(recipe: Recipe) -> Runner:
    """What brings a set through a stage."""
    match recipe.run.engine:
        case "local":
            return run
        case "ray":
            stages = [set(stage.use) for stage in recipe.stages]
            for group in recipe.ray.groups:
                if not any(stage.issuperset(group.operators) for stage in stages):
                    names = ", ".join(group.operators)
                    raise ConfigError(f"a group of [[ray.groups]] names {names}; one stage must use all of a group's")
            on_ray(recipe.ray)  # says now whether Ray is there
            return partial(_on_ray, recipe.ray)


def _measure(recipe: Recipe, shards: Sequence[Path], made: Path, stage: Stage, config: RunConfig) -> int:
    """The scores that the others of a stage wait for."""
    if recipe.run.engine == "local":
        return measure(shards, made, stage, config)
    return _on_ray(recipe.ray, shards, made, stage, config).measured


def _on_ray(config: RayConfig, shards: Sequence[Path], made: Path, stage: Stage, how: RunConfig) -> Summary:
    """Run a stage, or a part of one, with those groups whose operators it has."""
    there = {operator.name for operator in stage.operators}
    groups = ((group, tuple(name for name in group.operators if name in there)) for group in config.groups)
    of_stage = tuple(replace(group, operators=names) for group, names in groups if names)
    return run(shards, made, stage, how, on_ray(replace(config, groups=of_stage)))


def _timed(recipe: Recipe, name: str, work: Callable[[], Summary]) -> Part:
    """Do one part and write its line of the history."""
    began, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    found = work()
    seconds = round(time.monotonic() - clock, 3)
    part = Part(
        name,
        began,
        seconds,
        found.kept,
        found.rejected,
        found.measured,
        found.untouched,
        recipe.run.workers,
        recipe.run.engine,
        f"hanmo {__version__}, python {platform.python_version()}",
    )
    _log.info(
        "%s: %d kept, %d rejected, %d measurements, %.1f s", name, part.kept, part.rejected, part.measured, seconds
    )
    _note(recipe.run.folder / "history.jsonl", canonical_json(vars(part)))
    return part


def _note(path: Path, line: str) -> None:
    """Append a line, on a line of its own even where a kill cut off the one before."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")


def decided_anew(folder: Path, overrides: Sequence[str]) -> Recipe:
    """The recipe of a run with other thresholds.

    Args:
        folder: the run.
        overrides: such as `stages.looks.thresholds.luma.mean.low=0.1`.

    Raises:
        RequestError: there is no run, or an override changes more than thresholds.
        ConfigError: an override that is wrong in itself.
    """
    path = recipe_of(folder)
    if not path.is_file():
        raise RequestError(f"{folder} is no run of the data engine: give the folder that 'hanmo data run' wrote")
    before, after = read_recipe(path), read_recipe(path, overrides)
    same = tuple(replace(new, thresholds=old.thresholds) for old, new in zip(before.stages, after.stages, strict=True))
    if replace(after, stages=same) != before:
        raise RequestError("deciding anew changes thresholds (stages.NAME.thresholds) only: run the recipe instead")
    return replace(after, run=replace(after.run, folder=folder))


def read_history(folder: Path) -> list[Part]:
    """What was done for a run, oldest first; a line that a kill cut off is left out."""
    try:
        lines = (folder / "history.jsonl").read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [Part(**known) for line in lines if (known := _known(line)) is not None]


def _known(line: bytes) -> dict[str, Json] | None:
    try:
        known: Json = json.loads(line)
    except ValueError:
        return None
    return known if isinstance(known, dict) else None
