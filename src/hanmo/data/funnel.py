"""How many records each step of a run took in, let through and kept back, and who kept them back.

It counts lines of the rejects tables and reads the totals that every set states; no picture and no score is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from hanmo.data.engine import COLLECT, recipe_of, set_of
from hanmo.data.layout import places, read_success, rejects_in
from hanmo.data.recipe import Recipe, read_recipe
from hanmo.errors import RequestError


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Attributes:
        name: `COLLECT`, or the stage's.
        came: records, or items of the sources, that came in.
        kept: that went on.
        dropped: operator -> records out of a threshold of it; at the sources: kind of reject -> items.
        failed: operator -> records that it could not measure.
    """

    name: str
    came: int
    kept: int
    dropped: Mapping[str, int]
    failed: Mapping[str, int]


def recipe_of_run(folder: Path) -> Recipe:
    """What a run was made by.

    Raises:
        RequestError: the folder is no run.
    """
    if not recipe_of(folder).is_file():
        raise RequestError(f"{folder} is no run of the data engine: give the folder that 'hanmo data run' wrote")
    return read_recipe(recipe_of(folder))


def funnel(folder: Path, recipe: Recipe) -> list[Step]:
    """The steps of a finished run, in order.

    Raises:
        RequestError: a set is not finished.
    """
    steps: list[Step] = []
    for number, name in enumerate([COLLECT, *(stage.name for stage in recipe.stages)]):
        place = set_of(folder, number)
        known = read_success(place)
        if known is None:
            raise RequestError(f"{place} is not finished: run 'hanmo data run {recipe_of(folder)}' to its end")
        kept = known["records"] if number == 0 else known["kept"]
        dropped, failed = _rejects(place, by_kind=number == 0)
        came = kept + dropped.total() + failed.total()
        steps.append(Step(name, came, kept, dict(dropped), dict(failed)))
    return steps


def _rejects(folder: Path, *, by_kind: bool) -> tuple[Counter[str], Counter[str]]:
    dropped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for place in places(folder):
        table = pq.read_table(rejects_in(place), columns=["operator", "kind"])
        for operator, kind in zip(*(table[name].to_pylist() for name in ("operator", "kind")), strict=True):
            if by_kind:
                dropped[kind] += 1
            elif kind == "failed":
                failed[operator] += 1
            else:
                dropped[operator] += 1
    return dropped, failed


def as_lines(steps: list[Step]) -> list[str]:
    """A table for a terminal."""
    rows = [("", "in", "kept", "", "kept back by")]
    for step in steps:
        share = f"{100 * step.kept / step.came:.1f} %" if step.came else "-"
        why = [f"{name} {count}" for name, count in sorted(step.dropped.items(), key=lambda item: -item[1])]
        why += [f"{name} failed {count}" for name, count in sorted(step.failed.items(), key=lambda item: -item[1])]
        rows.append((step.name, str(step.came), str(step.kept), share, ", ".join(why) or "nobody"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    ]
