"""Operators by their names in a recipe (report section 3.2): each stage's file says which it has.

    OPERATORS: Mapping[str, type[Operator]]      at the end of a stage's file, or of a module of your own

A module is imported when a recipe uses an operator of it, so what one stage needs (a detector, a reader of text) is
needed only there. An operator's class takes one frozen dataclass `config`, built from the recipe's table. Where it
must see the whole set first, as near duplicates do, its class has a static method

    prepare(config: Wanted, shards: Sequence[Path], folder: Path, measured: Path) -> config of the operator

which is called when the stage's other operators have measured every record. `shards` go into the stage, `folder` is
its own, in `measured`, the stage's set, lie the others' scores (`scores.read_scores`); the recipe's table is then a
`Wanted`. It is called again when a run goes on, so it must know its own finished work; and what it returns must
change with what it found (put a hash in), since results are kept by the config. It does not know thresholds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from hanmo.config import from_mapping, nearest
from hanmo.data.operator import Operator
from hanmo.errors import ConfigError

STAGES = {
    "stage1_files": "hanmo.data.filters.stage1_files",
    "stage2_looks": "hanmo.data.filters.stage2_looks",
    "stage3_captions": "hanmo.data.filters.stage3_captions",
    "stage4_text": "hanmo.data.filters.stage4_text",
    "stage5_beauty": "hanmo.data.filters.stage5_beauty",
    "stage6_portraits": "hanmo.data.filters.stage6_portraits",
    "stage7_taxonomy": "hanmo.data.filters.stage7_taxonomy",
    "balance": "hanmo.data.balance",
}
"""Stage -> the module with its operators."""


Kind = Callable[..., Operator]
"""An operator's class; a protocol with properties is no type that Python can check classes against."""


@dataclass(frozen=True)
class Wanted:
    """An operator that a recipe names, with what it says of it.

    Args:
        name: its name.
        kind: its class.
        config: what the recipe's table became; where the class prepares, not yet what the operator takes.
    """

    name: str
    kind: Kind
    config: Any

    @property
    def prepares(self) -> bool:
        """Whether it must see the whole set before it can be built."""
        return hasattr(self.kind, "prepare")

    def build(self, shards: Sequence[Path], folder: Path, measured: Path) -> Operator:
        """The operator, after what it has to prepare.

        Args:
            shards: that go into the stage.
            folder: for what it prepares; made where it does.
            measured: the set with the scores of the stage's operators that prepare nothing.
        """
        config = self.config
        if self.prepares:
            folder.mkdir(parents=True, exist_ok=True)
            config = self.kind.prepare(config, shards, folder, measured)  # type: ignore[attr-defined]
        return self.kind(config)


def find_operators(
    names: Sequence[str],
    configs: Mapping[str, Mapping[str, Any]],
    modules: Sequence[str] = (),
    where: tuple[str, ...] = (),
) -> tuple[Wanted, ...]:
    """The operators of these names, in their order.

    Args:
        names: as a recipe's `use` has them.
        configs: operator -> its table in the recipe; those without one take their defaults.
        modules: more modules with OPERATORS, asked before those of the stages.
        where: keys that lead to the stage, for errors.

    Raises:
        ConfigError: an operator that no module has, a module that cannot be imported, a table of an operator that is
            not used, or a wrong value in one.
    """
    for name in configs:
        if name not in names:
            raise _unknown((*where, "config", name), name, names)
    if twice := [name for name in names if list(names).count(name) > 1]:
        raise ConfigError(f"{'.'.join((*where, 'use'))} names {twice[0]} twice; name it once")
    return tuple(
        Wanted(name, kind, from_mapping(configs.get(name, {}), _config_of(kind), (*where, "config", name)))
        for name, kind in zip(names, _classes(names, modules, where), strict=True)
    )


def _classes(names: Sequence[str], modules: Sequence[str], where: tuple[str, ...]) -> list[Kind]:
    """A class for each name; no module is imported after the last name is found."""
    known: dict[str, Kind] = {}
    unloaded: list[str] = []
    for module in (*modules, *STAGES.values()):
        if all(name in known for name in names):
            break
        try:
            for name, kind in import_module(module).OPERATORS.items():
                known.setdefault(name, kind)
        except ImportError as error:
            if module in modules:
                raise ConfigError(f"run.modules names {module}, which cannot be imported: {error}") from error
            if error.name != module:  # a stage that this version does not have needs no word
                unloaded.append(f"{module.rpartition('.')[2]} needs {error.name or error}")
        except AttributeError:
            raise ConfigError(f"the module {module} has no OPERATORS: a mapping of names to operator classes") from None
    for name in names:
        if name not in known:
            unknown = _unknown((*where, "use"), name, tuple(known))
            extra = f"; not loaded: {', '.join(unloaded)} (pip install 'hanmo[data]')" if unloaded else ""
            raise ConfigError(f"{unknown}{extra}")
    return [known[name] for name in names]


def _config_of(kind: Kind) -> Any:
    """The dataclass of the recipe's table."""
    prepare = getattr(kind, "prepare", None)
    config = get_type_hints(kind if prepare is None else prepare)["config"]
    if not dataclasses.is_dataclass(config):
        raise ConfigError(
            f"the config of the operator {getattr(kind, '__name__', kind)} is {config}; it must be a frozen dataclass"
        )
    return config


def _unknown(where: tuple[str, ...], name: str, known: Sequence[str]) -> ConfigError:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
    return ConfigError(f"{'.'.join(where)} names the operator {name!r}, which is not there; {hint}")
