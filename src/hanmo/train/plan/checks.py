"""What can be wrong before the first step: folders, disk, data, checkpoints. Headers are read, no tensor is.

Each check gives one line; none raises for what it finds. It does not know what is done with the lines.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from huggingface_hub import try_to_load_from_cache

from hanmo.errors import ConfigError, HanmoError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.producer.server import HERE, VARIABLE
from hanmo.train.checkpoint import snapshots
from hanmo.train.recipe import FlowRecipe, Recipe, VAERecipe
from hanmo.train.shard.config import check_optimizer
from hanmo.train.stored import StoreConfig
from hanmo.weights.blueprint import parameters, transformer_blueprint, vae_blueprint
from hanmo.weights.check import check
from hanmo.weights.folder import DIFFUSION_STEM, open_folder
from hanmo.weights.released import RELEASED
from hanmo.weights.tensors import Entry, open_tensors

GB = 1e9


@dataclass(frozen=True)
class Check:
    """One line: "ok", "note" (know this before you begin) or "wrong" (it would fail)."""

    level: Literal["ok", "note", "wrong"]
    what: str


@dataclass(frozen=True)
class DryRun:
    """What a dry run found: lines of the plan, and of the checks."""

    plan: tuple[str, ...]
    checks: tuple[Check, ...]

    @property
    def wrong(self) -> int:
        """How many checks would make the run fail."""
        return sum(check.level == "wrong" for check in self.checks)

    def text(self) -> str:
        """For people."""
        return "\n".join([*self.plan, *(f"{check.level:<7}{check.what}" for check in self.checks)])


@dataclass(frozen=True)
class Base:
    """A base model's architectures, where they are known, and what was found on the way."""

    transformer: TransformerConfig | None
    vae: VAEConfig | None
    checks: tuple[Check, ...]


def run_folder(path: Path, resume: bool) -> list[Check]:
    """Whether a run can be written into `path`, and whether one is there already."""
    standing = path
    while not standing.exists():
        standing = standing.parent
    if not standing.is_dir():
        return [Check("wrong", f"run folder {path}: {standing} is a file; choose another run.folder")]
    if not _writable(standing):
        return [Check("wrong", f"run folder {path}: {standing} cannot be written; choose another run.folder")]
    found = len(snapshots(path / "checkpoints"))
    if found and not resume:
        return [Check("wrong", f"run folder {path} holds a run already; add --resume, or choose another name")]
    if resume and not found:
        return [Check("wrong", f"run folder {path} holds no snapshot to resume; leave --resume out")]
    return [Check("ok", f"run folder {path}" + (f", {found} snapshots to resume from" if found else ""))]


def _writable(folder: Path) -> bool:
    """Try it: permissions lie to the administrator, and on mounted file systems."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".hanmo-"):
            return True
    except OSError:
        return False


def disk(path: Path, snapshot: float, keep: int, here: bool = True) -> list[Check]:
    """Whether `keep` snapshots and the one that is being written fit, and the export.

    Args:
        path: of the run.
        snapshot: bytes of one.
        keep: snapshots kept.
        here: whether the run is for this machine; elsewhere too little room is only noted.
    """
    standing = path
    while not standing.exists():
        standing = standing.parent
    needed, free = snapshot * (keep + 1), float(shutil.disk_usage(standing).free)
    words = f"disk: {keep} snapshots and one being written take {_size(needed)}; {_size(free)} are free in {standing}"
    if needed <= free:
        return [Check("ok", words)]
    if not here:
        return [Check("note", f"{words}, which is not the machine of this plan")]
    return [Check("wrong", f"{words}: free some, lower run.keep, or choose another run.folder")]


def shards(recipe: Recipe, transformer: TransformerConfig | None = None) -> list[Check]:
    """What a run refuses of a divided model, beside what the recipe itself does.

    Args:
        recipe: of any kind.
        transformer: what is divided, where it is known and the plan does not look at it.
    """
    if isinstance(recipe, FlowRecipe | VAERecipe) or recipe.shard.count == 1:
        return []
    try:
        check_optimizer(recipe.optim.kind)
        if transformer is not None:
            heads, autocast = transformer.num_attention_heads, recipe.run.precision != "float32"
            recipe.shard.check(recipe.shard.count, recipe.run.accumulate, heads, autocast)
    except ConfigError as error:
        return [Check("wrong", str(error))]
    return []


def data_folder(key: str, path: Path, planned: bool = False) -> Check:
    """Whether a folder of samples is there, can be read, and has something in it.

    Args:
        key: of the recipe, for people.
        path: of the folder.
        planned: whether the run is for another machine; then a missing one is only noted.
    """
    if not path.exists() and planned:
        return Check(
            "note", f"{key} {path} is no folder yet, which the run needs: make it, or give another with --set {key}="
        )
    if not path.is_dir():
        return Check("wrong", f"{key} is {path}, which is no folder: correct it, or make the set first")
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        return Check("wrong", f"{key} is {path}, which cannot be read: {error.strerror}")
    if empty:
        return Check("wrong", f"{key} is {path}, which is empty: make the set first")
    return Check("ok", f"{key} {path}")


def producers(data: StoreConfig, planned: bool = False) -> list[Check]:
    """What producers need that work while training goes on; nothing where they work before.

    Args:
        data: where samples come from.
        planned: whether the run is for another machine; then what this one lacks is only noted.
    """
    if not data.live:
        return []
    lacks: Literal["note", "wrong"] = "note" if planned else "wrong"
    found, who = [], [f"{data.producers} {'Ray workers' if data.engine == 'ray' else 'threads'}"] * bool(data.producers)
    if data.engine == "ray" and importlib.util.find_spec("ray") is None:
        found.append(Check(lacks, "data.engine is \"ray\", which is not installed: pip install 'hanmo[ray]'"))
    if data.listen:
        who.append(f"whoever joins at {data.listen}")
        host = data.listen.rpartition(":")[0]
        if host not in HERE and not os.environ.get(VARIABLE):
            said = f"data.listen is {data.listen}, which other machines reach: set {VARIABLE}, here and for workers"
            found.append(Check(lacks, said))
    return [Check("ok", f"producers that work while training goes on: {' and '.join(who)}"), *found]


Part = Literal["transformer", "vae"]


def base_model(name: str, key: str = "model", fresh: bool = False, part: Part = "transformer") -> Base:
    """Look at a checkpoint: a folder's headers, or what is known of a published one; nothing is fetched.

    Args:
        name: a folder or a hub id.
        key: of the recipe, for people.
        fresh: whether new weights take the place of its transformer's.
        part: the component whose weights are used.
    """
    released = next((one for one in RELEASED.values() if one.hub_id == name), None)
    folder = Path(name).expanduser()
    if not folder.is_dir() and released is not None:
        cached = try_to_load_from_cache(name, "model_index.json")
        if not isinstance(cached, str):
            whole = (
                transformer_blueprint(released.transformer) if part == "transformer" else vae_blueprint(released.vae)
            )
            size = _size(2.0 * parameters(whole.stored))
            fetched = "encoder and VAE are its own, and its config is known" if fresh else f"its {part} is {size}"
            note = f"{key} {name} is not on this machine: {fetched}; the run fetches the checkpoint first"
            return Base(released.transformer, released.vae, (Check("note", note),))
        folder = Path(cached).parent
    elif not folder.is_dir():
        ids = ", ".join(one.hub_id for one in RELEASED.values())
        wrong = Check("wrong", f"{key} is {name!r}: neither a folder here nor one of {ids}")
        return Base(None, None, (wrong,))
    try:
        opened = open_folder(folder)
    except HanmoError as error:
        return Base(None, None, (Check("wrong", f"{key}: {error}"),))
    checks = () if fresh else (headers(folder, opened.transformer if part == "transformer" else opened.vae),)
    return Base(opened.transformer, opened.vae, checks)


def check_transformer(folder: Path, config: TransformerConfig) -> int:
    """Names and shapes of a checkpoint's transformer against its config.

    Returns:
        Its parameters.

    Raises:
        WeightsError: as `weights.check.check`.
    """
    found = open_tensors(folder / "transformer", DIFFUSION_STEM)
    expected = transformer_blueprint(config).live
    check(str(folder / "transformer"), expected, _shapes(found))
    return parameters(expected)


def check_vae(folder: Path, config: VAEConfig) -> int:
    """Names and shapes of `folder/vae` against its config; video's layers may be missing.

    Returns:
        Its parameters, as pictures need them.

    Raises:
        WeightsError: as `weights.check.check`.
    """
    blueprint = vae_blueprint(config)
    found = _shapes(open_tensors(folder / "vae", DIFFUSION_STEM))
    expected = {name: shape for name, shape in blueprint.stored.items() if name not in blueprint.optional}
    check(str(folder / "vae"), expected, {n: shape for n, shape in found.items() if n not in blueprint.optional})
    return parameters(blueprint.live)


def headers(folder: Path, config: TransformerConfig | VAEConfig) -> Check:
    """The check of the component of `folder` that `config` describes, as a line."""
    part = "transformer" if isinstance(config, TransformerConfig) else "vae"
    try:
        if isinstance(config, TransformerConfig):
            count = check_transformer(folder, config)
        else:
            count = check_vae(folder, config)
    except HanmoError as error:
        return Check("wrong", str(error))
    return Check("ok", f"{folder / part}: {count:,} parameters, every name and shape as its config says")


def _shapes(entries: dict[str, Entry]) -> dict[str, tuple[int, ...]]:
    return {name: entry.shape for name, entry in entries.items()}


def _size(size: float) -> str:
    return f"{size / GB:,.1f} GB" if size < 1000 * GB else f"{size / GB / 1000:,.1f} TB"
