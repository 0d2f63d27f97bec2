"""The dry run of a recipe with a table [plan]: what it takes of GPUs that are elsewhere, and what is still missing.

What a run could not do is "wrong" here too; what is only not on this machine yet is a note. It does not know how the
figures are found (`stages`, `memory`).
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import torch

from hanmo.errors import HanmoError
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import LoraRecipe
from hanmo.train.plan import checks
from hanmo.train.plan.checks import GB, Base, Check, DryRun
from hanmo.train.plan.config import PlanConfig
from hanmo.train.plan.hardware import HOST, gpu_named
from hanmo.train.plan.memory import Memory, moments
from hanmo.train.plan.outline import Planned, shard_of
from hanmo.train.plan.stages import RunPlan, StagePlan, autocast_of, checkpointing_of, plan, token_wire
from hanmo.train.recipe import SamplesRecipe, VAERecipe
from hanmo.weights.hub import bundled


def planned(recipe: Planned, resume: bool) -> DryRun:
    """Check and plan such a recipe.

    Args:
        recipe: with a table [plan].
        resume: whether the run would be resumed.
    """
    base = _base(recipe)
    found = [*base.checks, *_data(recipe), *_refused(recipe)]
    folder = recipe.run.folder / recipe.name
    found += checks.run_folder(folder, resume)
    given, shard = recipe.plan or PlanConfig(), shard_of(recipe)
    gpu, here = gpu_named(given.gpu), torch.cuda.device_count() >= min(shard.count, given.machine)
    if not here:
        found.append(Check("note", f"this machine has not the GPUs of the plan: {shard.count} {gpu.name}"))
    if base.transformer is None or base.vae is None:
        return DryRun((f"{recipe.name} ({recipe.kind}): no plan without its model",), tuple(found))
    try:
        made = plan(recipe, base.transformer, base.vae)
    except HanmoError as error:
        return DryRun((f"{recipe.name} ({recipe.kind}): no plan",), (*found, Check("wrong", str(error))))
    found += checks.disk(folder, (8.0 + moments(recipe.optim)) * made.trained, recipe.run.keep, here)
    for stage in made.stages:
        room = f"{stage.part.name}: {stage.memory.total / GB:.1f} of {gpu.memory / GB:.0f} GB on each {gpu.name}"
        if stage.memory.total > gpu.memory:
            found.append(Check("wrong", f"{room} do not fit: {_advice(recipe)}"))
        else:
            found.append(Check("ok", room))
    return DryRun(tuple(_lines(recipe, given, made)), tuple(found))


def _base(recipe: Planned) -> Base:
    own = str(bundled())
    match recipe:
        case SamplesRecipe():
            return checks.base_model(recipe.model.init or own, "model.init", fresh=recipe.model.new is not None)
        case DistillRecipe():
            return checks.base_model(recipe.teacher or own, "teacher")
        case VAERecipe():
            return checks.base_model(str(recipe.model.init or own), "model.init", part="vae")
        case _:
            return checks.base_model(recipe.model or own, "model")


def _data(recipe: Planned) -> list[Check]:
    match recipe:
        case SamplesRecipe() | DistillRecipe():
            key, folders = "data.sets", recipe.data.sets
            if not folders and not recipe.data.store.is_dir():
                return [Check("wrong", "data.sets is empty, and so is data.store: name what is trained on")]
        case VAERecipe():
            given = recipe.pictures
            key, folders = "pictures.sets", (*given.sets, *((given.folder,) if given.folder is not None else ()))
        case _:
            key, folders = "data.folder", (recipe.data.folder,)
    return [checks.data_folder(key, Path(folder), planned=True) for folder in folders]


def _refused(recipe: Planned) -> list[Check]:
    """What a run would not begin with, or not do."""
    found = checks.shards(recipe)
    if isinstance(recipe, SamplesRecipe):
        found += checks.producers(recipe.data, planned=True)
    if recipe.run.device == "cpu":
        found.append(Check("wrong", 'run.device is "cpu", but the plan is for GPUs: set run.device = "cuda"'))
    return found


def _advice(recipe: Planned) -> str:
    match recipe:
        case LoraRecipe():
            return 'lower memory.resident_blocks, memory.base = "int8", memory.checkpointing, or more of shard.data'
        case VAERecipe():
            return "lower run.batch (and raise run.accumulate), or pictures.size"
        case _:
            return (
                "more of shard.data, shard.tensor or shard.context, a smaller batch with more run.accumulate, or "
                "shard.checkpointing"
            )


# --- for people ------------------------------------------------------------------------------------


def _lines(recipe: Planned, given: PlanConfig, made: RunPlan) -> list[str]:
    shard, gpu = shard_of(recipe), gpu_named(given.gpu)
    format_ = "bfloat16" if autocast_of(recipe) else "float32"
    how = f"products in {format_}, checkpointing {checkpointing_of(recipe)}"
    if shard.count > 1:
        gather: str = shard.gather
        if isinstance(recipe, LoraRecipe) and gather == "float32":
            gather = recipe.memory.base  # a frozen base travels as it rests
        context = f" x {shard.context} context" if shard.context > 1 else ""
        how = f"{shard.data} data{context} x {shard.tensor} tensor, blocks gathered in {gather}, {how}"
    where = "beside" if isinstance(recipe, LoraRecipe) else "of"
    part = "" if made.trained == made.parameters else f", {where} which {made.trained:,} learn"
    network = f"; {given.network:g} GB/s from each GPU to other machines" if shard.count > given.machine else ""
    if shard.context > 1:
        network += f"; {token_wire(given, shard) / 1e9:g} GB/s between GPUs that share tokens"
    swap = isinstance(recipe, LoraRecipe) and recipe.memory.resident_blocks
    words = "" if isinstance(recipe, VAERecipe) else f"; conditions of {given.text} tokens"
    lines = [
        f"{recipe.name} ({recipe.kind}): {recipe.run.steps:,} steps on {shard.count} {gpu.name}, {how}",
        f"parameters {made.parameters:,}{part}",
        f"assumed: {gpu.peak / 1e12:,.0f} TFLOP/s bfloat16 ({gpu.source}) x MFU {given.mfu:g}{network}"
        + (f"; {HOST / 1e9:.0f} GB/s from the computer's memory" if swap else "")
        + f"; {given.reserve:g} GB a GPU for CUDA and NCCL{words}",
    ]
    lines += [line for stage in made.stages for line in _stage(recipe, stage)]
    if all(stage.part.steps is not None for stage in made.stages):
        days = sum(stage.seconds * (stage.part.steps or 0) for stage in made.stages) / 86_400
        pictures = sum(stage.pictures * (stage.part.steps or 0) for stage in made.stages)
        hours = f"{days:.1f} days" if days >= 2 else f"{days * 24:.1f} hours"
        lines.append(f"in all {pictures:,} pictures in {hours} predicted, without previews, snapshots and waiting")
    return lines


def _stage(recipe: Planned, stage: StagePlan) -> list[str]:
    part, shard = stage.part, shard_of(recipe)
    unit = "latent cells" if isinstance(recipe, VAERecipe) else "tokens"
    width, height = part.size
    size = f"{width}x{height}" + (f", the largest of {part.sizes} sizes" if part.sizes > 1 else "")
    sources = f", {part.sources} source each" if part.sources else ""
    times = f"products {stage.products:.2f}"
    if stage.exchange:
        times += f" and tokens exchanged {stage.exchange:.2f}"
    if stage.network:
        times += f" beside shards on their way {stage.network:.2f}"
    if stage.swap:
        times += f", blocks swapped {stage.swap:.2f}"
    if stage.update >= 0.005:
        times += f", update {stage.update:.2f}"
    parts = ", ".join(
        f"{field.name} {getattr(stage.memory, field.name) / GB:.1f}"
        for field in fields(Memory)
        if getattr(stage.memory, field.name) >= 0.05 * GB
    )
    dealt = f"{recipe.run.accumulate} batches of {part.batch}"
    if shard.data > 1:
        dealt += f", {recipe.run.accumulate // shard.data} for each of {shard.data} groups"
    return [
        f"stage {part.name}: {part.length}, {stage.pictures:,} pictures a step ({dealt}) of {size}{sources}",
        f"  {stage.tokens:,} {unit} a step at most, {stage.seconds:.2f} s a step predicted ({times})",
        f"  memory per GPU {stage.memory.total / GB:.1f} GB: {parts}",
    ]
