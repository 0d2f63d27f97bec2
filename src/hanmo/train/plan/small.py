"""The dry run of a recipe without a table [plan]: a run for the machine at hand, and what it takes there.

It trains nothing and writes nothing. It does not know other machines (`planned`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

from hanmo.errors import HanmoError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.plan import checks
from hanmo.train.plan.checks import GB, Check, DryRun
from hanmo.train.plan.stages import adapter_parameters, model_of
from hanmo.train.recipe import FlowRecipe, Recipe, SamplesRecipe, VAERecipe
from hanmo.train.vae_files import vae_home
from hanmo.weights.blueprint import parameters, transformer_blueprint, vae_blueprint
from hanmo.weights.hub import BUNDLED, bundled

STATE_BYTES = 16.0
"""Of a snapshot or of memory for each parameter that learns: weight, average, two moments, float32."""


def small(recipe: Recipe, resume: bool) -> DryRun:
    """Check such a recipe.

    Args:
        recipe: of any kind.
        resume: whether the run would be resumed.
    """
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


def _flow(recipe: FlowRecipe, resume: bool) -> DryRun:
    given = recipe.model
    found: list[Check] = []
    sizes = given.transformer
    config: TransformerConfig | None = None
    if given.init is not None:
        base = checks.base_model(str(given.init), "model.init")
        config = base.transformer
        found += base.checks
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
    base = checks.base_model(recipe.model.init or str(bundled()), "model.init")
    config = base.transformer
    if config is not None:
        config = model_of(recipe, config)
    found = list(base.checks)
    found += [checks.data_folder("data.sets", path) for path in recipe.data.sets]
    found += checks.producers(recipe.data)
    count = parameters(transformer_blueprint(config).live) if config is not None else 0
    lines = [
        f"{recipe.name} (samples): {recipe.run.steps:,} steps of {recipe.run.batch * recipe.run.accumulate} samples "
        f"in {recipe.run.processes} processes on {recipe.run.device}",
        f"parameters {count:,} of the transformer; its checkpoint's other networks are frozen",
    ]
    return _small(recipe, count, lines, found, resume, transformer=config)


def _from_folder(recipe: LoraRecipe | SFTRecipe, resume: bool) -> DryRun:
    base = checks.base_model(recipe.model or str(bundled()))
    found = list(base.checks)
    found.append(checks.data_folder("data.folder", recipe.data.folder))
    shapes = {} if base.transformer is None else transformer_blueprint(base.transformer).live
    whole = parameters(shapes)
    learned = whole
    if isinstance(recipe, LoraRecipe) and base.transformer is not None:
        learned = adapter_parameters(base.transformer, recipe)
    lines = [
        f"{recipe.name} ({recipe.kind}): {recipe.run.steps:,} steps of {recipe.run.batch * recipe.run.accumulate} "
        f"pictures on {recipe.run.device}",
        f"parameters that learn {learned:,}, of the transformer {whole:,}",
    ]
    bytes_each = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "float8": 1.0}[recipe.memory.base]
    return _small(
        recipe, learned, lines, found, resume, bytes_each * whole if learned != whole else 0.0, base.transformer
    )


def _distill(recipe: DistillRecipe, resume: bool) -> DryRun:
    base = checks.base_model(recipe.teacher or str(bundled()), "teacher")
    found = [*base.checks, *(checks.data_folder("data.sets", path) for path in recipe.data.sets)]
    config, whole, learned = base.transformer, 0, 0
    if config is not None:
        whole = parameters(transformer_blueprint(config).live)
        learned = parameters(transformer_blueprint(model_of(recipe, config)).live)
    lines = [
        f"{recipe.name} (distill, {recipe.method}): {recipe.run.steps:,} steps of "
        f"{recipe.run.batch * recipe.run.accumulate} pictures on {recipe.run.device}",
        f"parameters {learned:,} of the student, {whole:,} of its teacher",
    ]
    return _small(recipe, learned, lines, found, resume, 4.0 * whole, config)


def _vae(recipe: VAERecipe, resume: bool) -> DryRun:
    given = recipe.model
    config: VAEConfig | None = VAEConfig(
        base_dim=given.base_dim,
        dim_mult=given.dim_mult,
        num_res_blocks=given.num_res_blocks,
        temperal_downsample=(False, *(True,) * (len(given.dim_mult) - 2)),
    )
    found: list[Check] = []
    if given.init is not None and (str(given.init) == BUNDLED or given.init.exists()):
        config, check = _vae_folder(vae_home(given.init))
        found.append(check)
    elif given.init is not None:
        base = checks.base_model(str(given.init), "model.init", part="vae")
        config = base.vae
        found += base.checks
    shapes = {} if config is None else vae_blueprint(config).live
    learned = parameters({name: s for name, s in shapes.items() if given.train == "all" or name.startswith("decoder.")})
    size = f"{recipe.run.batch * recipe.run.accumulate} pictures on {recipe.run.device}"
    lines = [
        f"{recipe.name} (vae): {recipe.run.steps:,} steps of {size}",
        f"parameters that learn {learned:,}, of the autoencoder {parameters(shapes):,}",
    ]
    return _small(recipe, learned, lines, found, resume, resting=4.0 * (parameters(shapes) - learned))


def _small(
    recipe: Recipe,
    count: int,
    lines: list[str],
    found: list[Check],
    resume: bool,
    resting: float = 0.0,
    transformer: TransformerConfig | None = None,
) -> DryRun:
    """What every small recipe has; `resting` are bytes of weights that rest, `transformer` is what may be divided."""
    folder, state = recipe.run.folder / recipe.name, STATE_BYTES * count
    found += checks.run_folder(folder, resume)
    found += checks.shards(recipe, transformer)
    if count:  # else the model could not be read, which `found` says already
        found += checks.disk(folder, state, recipe.run.keep)
    if recipe.run.device == "cuda" and not torch.cuda.is_available():
        found.append(Check("wrong", "run.device is cuda, but torch sees no GPU here: use cpu"))
    if recipe.run.device == "cpu" and count:
        needed = (state + 4.0 * count + resting) * recipe.run.processes  # shards together are one copy
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
