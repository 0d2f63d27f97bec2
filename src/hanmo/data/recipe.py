"""The recipe of a data run: which sources, which stages, which thresholds (report sections 3.1 and 3.2).

    [run]
    folder = "runs/data"

    [[sources]]
    kind = "folder"
    name = "photos"
    path = "pictures"

    [[stages]]
    name = "looks"
    use = ["clarity", "luma"]
    [stages.config.clarity]
    side = 512
    [stages.thresholds.clarity.variance]
    low = 50.0

Where run.engine is "ray", the table [ray] says which cluster, and [[ray.groups]] which operators have their own actors.

What is left out has the default of its class; an override such as `stages.looks.thresholds.luma.mean.low=0.1` or
`sources.photos.count=10` comes last and finds its table by name. It does not know how any of it is done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from hanmo.config import dump_recipe, from_mapping, nearest, read_tables
from hanmo.data.collect import CollectConfig
from hanmo.data.operator import Threshold
from hanmo.data.operators import Wanted, find_operators
from hanmo.data.ray_engine import RayConfig
from hanmo.data.run import RunConfig
from hanmo.data.sources.tables import KINDS
from hanmo.data.sources.tables_read import SourceTable
from hanmo.errors import ConfigError

Engine = Literal["local", "ray"]
"""Where the work is done: on worker processes of this machine, or on a cluster."""


@dataclass(frozen=True)
class RunTable:
    """[run]: where and how; but for `seed` and `items_per_shard`, no result depends on it.

    Attributes:
        folder: the run's; made where it is missing.
        seed: of sources that are drawn.
        workers: processes.
        seconds: longest time of one measurement.
        memory: bytes of address space of a worker; "none" is no limit.
        engine: where the work is done.
        items_per_shard: records and rejects of a shard, the unit of work.
        modules: modules with operators of your own (`OPERATORS`), by their names in Python.

    Raises:
        ConfigError: a number that is not positive.
    """

    folder: Path
    seed: int = 0
    workers: int = 2
    seconds: float = 600.0
    memory: int | None = None
    engine: Engine = "local"
    items_per_shard: int = 1000
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        _ = self.config, self.collect

    @property
    def config(self) -> RunConfig:
        """For `run`."""
        return RunConfig(self.workers, self.seconds, self.memory)

    @property
    def collect(self) -> CollectConfig:
        """For `collect`."""
        return CollectConfig(self.items_per_shard)


@dataclass(frozen=True)
class StageTable:
    """One of [[stages]].

    Attributes:
        name: a word; no two stages have the same.
        use: operators, in the order in which their verdicts count.
        thresholds: operator -> score -> what is kept.
        config: operator -> its table.
        spare: names of sources that the stage measures and does not judge, such as drawn ones in stages 1 to 3.

    Raises:
        ConfigError: a name that is no word, or a stage that does nothing.
    """

    name: str
    use: tuple[str, ...]
    thresholds: dict[str, dict[str, Threshold]] = field(default_factory=dict)
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    spare: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        if not re.fullmatch(r"\w[\w-]*", self.name):
            raise ConfigError(f"a stage is called {self.name!r}; use letters, digits, '_' and '-'")
        if not self.use:
            raise ConfigError(f"the stage {self.name} uses no operator: name some in 'use'")
        for operator in self.thresholds:
            if operator not in self.use:
                raise ConfigError(
                    f"stages.{self.name}.thresholds.{operator} belongs to no operator of the stage; "
                    + _hint(operator, self.use)
                )


@dataclass(frozen=True)
class Recipe:
    """A whole recipe; `wanted` has the operators of each stage, and `ray` counts where run.engine is "ray"."""

    run: RunTable
    sources: tuple[SourceTable, ...]
    stages: tuple[StageTable, ...] = ()
    ray: RayConfig = field(default_factory=RayConfig)


@dataclass(frozen=True)
class _Kind:
    kind: str


_TABLES = ("run", "sources", "stages", "ray")


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: a TOML file.
        overrides: `a.b=c`, applied last and in order; see `hanmo.config`.

    Raises:
        ConfigError: what is wrong in it, in one line.
    """
    data = read_tables(path, overrides)
    for key in data:
        if key not in _TABLES:
            raise ConfigError(f"unknown key {key!r}; {_hint(key, _TABLES)}")
    run = from_mapping(_table(data.get("run", {}), "run"), RunTable, ("run",))
    sources = tuple(_source(table, where) for where, table in _array(data, "sources"))
    stages = tuple(from_mapping(table, StageTable, ("stages", where)) for where, table in _array(data, "stages"))
    ray = from_mapping(_table(data.get("ray", {}), "ray"), RayConfig, ("ray",))
    if not sources:
        raise ConfigError(f"the recipe {path} has no source: give at least one table of [[sources]]")
    for key, names in (("sources", [one.name for one in sources]), ("stages", [one.name for one in stages])):
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigError(f"two of [[{key}]] are called {twice[0]!r}; give them different names")
    known = tuple(one.name for one in sources)
    for stage in stages:
        if unknown := [name for name in stage.spare if name not in known]:
            raise ConfigError(f"stages.{stage.name}.spare names the source {unknown[0]!r}; {_hint(unknown[0], known)}")
    return Recipe(run, sources, stages, ray)


def wanted(recipe: Recipe) -> list[tuple[Wanted, ...]]:
    """The operators of each stage, with their configurations; their modules are imported now.

    Raises:
        ConfigError: see `find_operators`.
    """
    return [
        find_operators(stage.use, stage.config, recipe.run.modules, ("stages", stage.name)) for stage in recipe.stages
    ]


def dump(recipe: Recipe, operators: Sequence[Sequence[Wanted]]) -> str:
    """A recipe as TOML, with every default written out.

    Args:
        recipe: what was read.
        operators: `wanted` of it.
    """
    stages = tuple(
        replace(stage, config={one.name: _fields(one.config) for one in some})
        for stage, some in zip(recipe.stages, operators, strict=True)
    )
    return dump_recipe(replace(recipe, stages=stages))


def _fields(config: Any) -> dict[str, Any]:
    return {one.name: getattr(config, one.name) for one in fields(config)}


def _source(table: Mapping[str, Any], where: str) -> SourceTable:
    if "kind" not in table:
        raise ConfigError(f"sources.{where} has no kind; there are: {', '.join(KINDS)}")
    kind = from_mapping({"kind": table["kind"]}, _Kind, ("sources", where)).kind
    if kind not in KINDS:
        raise ConfigError(f"sources.{where} is of the kind {kind!r}, which is not there; {_hint(kind, KINDS)}")
    return from_mapping(table, KINDS[kind], ("sources", where))


def _array(data: Mapping[str, Any], key: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Each table of an array, with what it is called in errors: its name, or its number."""
    tables = data.get(key, [])
    if not isinstance(tables, list):
        raise ConfigError(f"{key} is no array of tables; write [[{key}]] above each")
    return [(str(_table(table, key).get("name", number)), table) for number, table in enumerate(tables)]


def _table(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} is {value!r}; it must be a table")
    return value


def _hint(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near else f"there are: {', '.join(known)}"
