"""`hanmo train RECIPE --dry-run`: everything that can be known before the first step, in seconds and without a batch.

The recipe itself is read as a run would read it, so an unknown key ends here too. Then folders, disk, data and
checkpoints (`checks`), and for full-size recipes the plan (`full_plan`). It trains nothing and writes nothing.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch

from hanmo.errors import ConfigError, HanmoError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.full_recipe import FullRecipe, read_full
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.plan import checks
from hanmo.train.plan.checks import GB, Check
from hanmo.train.plan.hardware import gpu_named
from hanmo.train.plan.stages import FullPlan, StagePlan, plan
from hanmo.train.recipe import FlowRecipe, Recipe, SamplesRecipe, VAERecipe, read
from hanmo.train.vae_files import vae_home
from hanmo.weights.blueprint import parameters, transformer_blueprint, vae_blueprint
from hanmo.weights.hub import bundled

STATE_BYTES = 16.0
"""Of a snapshot or of memory for each parameter that is trained: weight, average, two moments, float32."""


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


def is_full(path: Path) -> bool:
    """Whether a recipe is one of the published size that is planned here: its table [shard] says so.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return "shard" in tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error.strerror}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the recipe {path} is not TOML: {error}") from error


def refuse_full(path: Path) -> None:
    """Stop a full-size recipe that was started without `--dry-run`.

    Raises:
        ConfigError: as said.
    """
    if is_full(path):
        recipe = read_full(path)
        raise ConfigError(
            f"{path} is a run of {recipe.shard.gpus} {recipe.shard.gpu} GPUs on the published model, which this "
            "version plans but does not start: see what it takes with --dry-run"
        )


def dry_run(path: Path, overrides: Sequence[str] = (), resume: bool = False) -> DryRun:
    """Check a recipe of any kind.

    Args:
        path: the TOML file.
        overrides: `a.b=c` strings over it.
        resume: whether the run would be resumed.

    Raises:
        ConfigError: the recipe itself; the message names the key.
    """
    if is_full(path):
        return _full(read_full(path, overrides), resume)
    recipe = read(path, overrides)
    match recipe:
        case FlowRecipe():
            return _flow(recipe, resume)
        case SamplesRecipe():
            return _samples(recipe, resume)
        case VAERecipe():
            return _vae(recipe, resume)
        case LoraRecipe() | SFTRecipe():
            return _from_folder(recipe, resume)
        case DistillRecipe():
            return _distill(recipe, resume)


# --- the published size ----------------------------------------------------------------------------


def _full(recipe: FullRecipe, resume: bool) -> DryRun:
    part: checks.Part = "vae" if recipe.kind == "vae_decoder" else "transformer"
    base = checks.base_model(recipe.model.base, recipe.model.fresh, part)
    found = list(base.checks)
    found += [checks.data_folder(f"data.sets.{one.name}.path", one.path) for one in recipe.data.sets]
    if not recipe.data.sets:
        found.append(Check("wrong", "data.sets is empty: name what is trained on"))
    folder = recipe.run.folder / recipe.name
    found += checks.run_folder(folder, resume)
    if base.transformer is None or base.vae is None:
        return DryRun((f"{recipe.name} ({recipe.kind}): no plan without its model",), tuple(found))
    planned = plan(recipe, base.transformer, base.vae)
    gpu, here = gpu_named(recipe.shard.gpu), torch.cuda.device_count() >= recipe.shard.tensor
    found += checks.disk(folder, STATE_BYTES * planned.trained, recipe.run.keep, here)
    for stage in planned.stages:
        room = f"{stage.name}: {stage.memory.total / GB:.1f} of {gpu.memory / GB:.0f} GB on each {gpu.name}"
        if stage.memory.total > gpu.memory:
            advice = "more of shard.data or shard.tensor, fewer batch.pictures, or shard.checkpointing"
            found.append(Check("wrong", f"{room} do not fit: {advice}"))
        else:
            found.append(Check("ok", room))
    return DryRun(tuple(_plan_lines(recipe, planned)), tuple(found))


def _plan_lines(recipe: FullRecipe, planned: FullPlan) -> list[str]:
    shard, gpu = recipe.shard, gpu_named(recipe.shard.gpu)
    part = "" if planned.trained == planned.parameters else f", {planned.trained:,} of them or beside them trained"
    lines = [
        f"{recipe.name} ({recipe.kind}): {recipe.run.steps:,} steps on {shard.gpus} {gpu.name}"
        f" = {shard.data} data x {shard.tensor} tensor, {shard.style}, checkpointing {shard.checkpointing}",
        f"parameters {planned.parameters:,}{part}",
        f"assumed: {gpu.peak / 1e12:,.0f} TFLOP/s bfloat16 ({gpu.source}) x MFU {shard.mfu:g}; "
        f"{shard.reserve:g} GB a GPU for CUDA and NCCL",
    ]
    return [*lines, *(line for stage in planned.stages for line in _stage_lines(recipe, stage))]


def _stage_lines(recipe: FullRecipe, stage: StagePlan) -> list[str]:
    what = f"{recipe.decoder.crop} pixels" if recipe.kind == "vae_decoder" else f"{stage.batch.resolution}p"
    parts = ", ".join(
        f"{field.name} {getattr(stage.memory, field.name) / GB:.1f}"
        for field in fields(stage.memory)
        if getattr(stage.memory, field.name) >= 0.05 * GB
    )
    tokens = "latent cells" if recipe.kind == "vae_decoder" else "tokens"
    return [
        f"stage {stage.name}: {what}, {stage.pictures:,} pictures and {stage.tokens:,} {tokens} a step, "
        f"{stage.seconds:.2f} s a step predicted",
        f"  memory per GPU {stage.memory.total / GB:.1f} GB: {parts}",
    ]


# --- small recipes ---------------------------------------------------------------------------------


def _flow(recipe: FlowRecipe, resume: bool) -> DryRun:
    given, found = recipe.model, []
    sizes = given.transformer
    config: TransformerConfig | None = None
    if given.init is not None:
        base = checks.base_model(str(given.init))
        config = base.transformer
        found += [Check(one.level, one.what.replace("model.base", "model.init")) for one in base.checks]
    else:
        config = TransformerConfig(
            num_layers=sizes.layers,
            attention_head_dim=sizes.head_dim,
            num_attention_heads=sizes.heads,
            axes_dims_rope=sizes.axes,
            joint_attention_dim=given.encoder.hidden,
        )
        assert given.vae is not None, "NewModel checks that one of init and vae is given"
        found.append(_vae_folder(given.vae)[1])
    count = parameters(transformer_blueprint(config).live) if config is not None else 0
    lines = [
        f"{recipe.name} (flow): {recipe.run.steps:,} steps of {recipe.run.batch * recipe.run.accumulate} pictures "
        f"in {recipe.run.processes} processes on {recipe.run.device}",
        f"parameters {count:,} of the transformer, and its condition encoder's",
    ]
    return _small(recipe, count, lines, found, resume)


def _samples(recipe: SamplesRecipe, resume: bool) -> DryRun:
    base = checks.base_model(recipe.model.init or str(bundled()))
    config, new = base.transformer, recipe.model.new
    if new is not None and config is not None:
        config = replace(
            config,
            num_layers=new.layers,
            num_attention_heads=new.heads,
            attention_head_dim=new.head_dim,
            axes_dims_rope=new.axes,
        )
    found = [Check(one.level, one.what.replace("model.base", "model.init")) for one in base.checks]
    found += [checks.data_folder("data.sets", path) for path in recipe.data.sets]
    count = parameters(transformer_blueprint(config).live) if config is not None else 0
    lines = [
        f"{recipe.name} (samples): {recipe.run.steps:,} steps of {recipe.run.batch * recipe.run.accumulate} samples "
        f"in {recipe.run.processes} processes on {recipe.run.device}",
        f"parameters {count:,} of the transformer; its checkpoint's other networks are frozen",
    ]
    return _small(recipe, count, lines, found, resume)


def _from_folder(recipe: LoraRecipe | SFTRecipe, resume: bool) -> DryRun:
    base = checks.base_model(recipe.model or str(bundled()))
    found = [Check(one.level, one.what.replace("model.base", "model")) for one in base.checks]
    found.append(checks.data_folder("data.folder", recipe.data.folder))
    shapes = {} if base.transformer is None else transformer_blueprint(base.transformer).live
    whole = parameters(shapes)
    if isinstance(recipe, LoraRecipe):
        ends = tuple(f"{target}.weight" for target in recipe.adapter.targets)
        sides = sum(sum(shape) for name, shape in shapes.items() if name.endswith(ends) and len(shape) == 2)
        learned = recipe.adapter.rank * sides
    else:
        learned = whole
    lines = [
        f"{recipe.name} ({recipe.kind}): {recipe.run.steps:,} steps of {recipe.run.batch * recipe.run.accumulate} "
        f"pictures on {recipe.run.device}",
        f"parameters that learn {learned:,}, of the transformer {whole:,}",
    ]
    bytes_each = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "float8": 1.0}[recipe.memory.base]
    return _small(recipe, learned, lines, found, resume, resting=bytes_each * whole if learned != whole else 0.0)


def _distill(recipe: DistillRecipe, resume: bool) -> DryRun:
    base = checks.base_model(str(recipe.teacher or bundled()))
    found = [Check(one.level, one.what.replace("model.base", "teacher")) for one in base.checks]
    config, whole, learned = base.transformer, 0, 0
    if config is not None:
        whole = learned = parameters(transformer_blueprint(config).live)
        if recipe.method == "depth":
            blocks = len(recipe.depth.blocks) or recipe.depth.keep or config.num_layers // 2
            learned = parameters(transformer_blueprint(replace(config, num_layers=blocks)).live)
    lines = [
        f"{recipe.name} (distill, {recipe.method}): {recipe.run.steps:,} steps of "
        f"{recipe.run.batch * recipe.run.accumulate} pictures on {recipe.run.device}",
        f"parameters {learned:,} of the student, {whole:,} of its teacher",
    ]
    return _small(recipe, learned, lines, found, resume, resting=4.0 * whole)


def _vae(recipe: VAERecipe, resume: bool) -> DryRun:
    given = recipe.model
    config: VAEConfig | None = VAEConfig(
        base_dim=given.base_dim,
        dim_mult=given.dim_mult,
        num_res_blocks=given.num_res_blocks,
        temperal_downsample=(False, *(True,) * (len(given.dim_mult) - 2)),
    )
    found = []
    if given.init is not None:
        config, check = _vae_folder(vae_home(given.init))
        found.append(check)
    shapes = {} if config is None else vae_blueprint(config).live
    learned = parameters({name: s for name, s in shapes.items() if given.train == "all" or name.startswith("decoder.")})
    size = f"{recipe.run.batch * recipe.run.accumulate} pictures on {recipe.run.device}"
    lines = [
        f"{recipe.name} (vae): {recipe.run.steps:,} steps of {size}",
        f"parameters that learn {learned:,}, of the autoencoder {parameters(shapes):,}",
    ]
    return _small(recipe, learned, lines, found, resume, resting=4.0 * (parameters(shapes) - learned))


def _small(
    recipe: Recipe, count: int, lines: list[str], found: list[Check], resume: bool, resting: float = 0.0
) -> DryRun:
    """What every small recipe has; `resting` are bytes of weights that do not learn."""
    folder, state = recipe.run.folder / recipe.name, STATE_BYTES * count
    found += checks.run_folder(folder, resume)
    if count:  # else the model could not be read, which `found` says already
        found += checks.disk(folder, state, recipe.run.keep)
    if recipe.run.device == "cuda" and not torch.cuda.is_available():
        found.append(Check("wrong", "run.device is cuda, but torch sees no GPU here: use cpu"))
    if recipe.run.device == "cpu" and count:
        needed = (state + 4.0 * count + resting) * recipe.run.processes
        room = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        words = f"memory: weights, gradients, moments and averages take {needed / GB:.2f} of {room / GB:.0f} GB"
        found.append(Check("wrong" if needed > room else "ok", words))
    return DryRun(tuple(lines), tuple(found))


def _vae_folder(folder: Path) -> tuple[VAEConfig | None, Check]:
    place = folder / "vae" / "config.json"
    try:
        config = VAEConfig.from_dict(json.loads(place.read_text(encoding="utf-8")))
        return config, checks.headers(folder, config)
    except OSError as error:
        said = f"{folder / 'vae'} holds no VAE ({error.strerror}): train one first, or give its folder"
        return None, Check("wrong", said)
    except (HanmoError, TypeError, ValueError) as error:
        return None, Check("wrong", f"{place}: {error}")
