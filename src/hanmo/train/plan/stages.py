"""A full-size recipe's plan, stage by stage: memory on each GPU, tokens of a step, seconds of a step.

Models are built on the meta device, so nothing is allocated. The seconds are a prediction: operations over the peak of
the stated GPU times an assumed MFU (`hardware`), plus the optimizer's way through memory; waiting for data or for
other GPUs is in the assumed MFU, or not at all. The condition encoder and the autoencoder's encoder work elsewhere
(report 4.1.1: producers), so they are not in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.vae import VAE
from hanmo.train.full_recipe import BatchConfig, FullRecipe, work_of
from hanmo.train.plan.flops import Work, backward, forward
from hanmo.train.plan.hardware import gpu_named
from hanmo.train.plan.memory import (
    Memory,
    ShardConfig,
    adapters,
    at_work,
    check_heads,
    frozen,
    sizes,
    together,
    trained,
)
from hanmo.weights.blueprint import parameters, transformer_blueprint, vae_blueprint

UPDATE_BYTES = 38.0
"""Of memory read or written for one parameter's step: master, gradient, two moments, average, the bfloat16 copy."""


@dataclass(frozen=True)
class StagePlan:
    """One stage of a curriculum.

    Attributes:
        name: of the stage.
        batch: one data-parallel group's.
        memory: on one GPU.
        pictures: of a step, all groups together.
        tokens: the same, both streams.
        flops: of a step, on one GPU, recomputation included.
        seconds: predicted, of a step.
    """

    name: str
    batch: BatchConfig
    memory: Memory
    pictures: int
    tokens: int
    flops: float
    seconds: float


@dataclass(frozen=True)
class FullPlan:
    """The whole run; `parameters` are those of the model that is made, `trained` those that change."""

    parameters: int
    trained: int
    stages: tuple[StagePlan, ...]


def plan(recipe: FullRecipe, transformer: TransformerConfig, vae: VAEConfig) -> FullPlan:
    """Plan a recipe for a base of these architectures.

    Raises:
        ConfigError: a tensor degree that does not divide the heads, or a student deeper than its teacher.
    """
    if recipe.kind == "vae_decoder":
        return _decoder_plan(recipe, vae)
    check_heads(transformer, recipe.shard)
    student = transformer
    if recipe.kind == "distill":
        if not 1 <= recipe.distill.layers <= transformer.num_layers:
            raise ConfigError(
                f"distill.layers is {recipe.distill.layers}; the teacher has {transformer.num_layers} blocks, so 1 to "
                f"{transformer.num_layers} are allowed"
            )
        student = replace(transformer, num_layers=recipe.distill.layers)
    size = sizes(transformer_blueprint(student).live)
    changed = adapter_parameters(transformer, recipe.lora.rank) if recipe.kind == "lora" else size.total
    state = _state(recipe, transformer, student)
    stages = []
    for name, batch in recipe.stages():
        work = work_of(batch)
        memory = together(state, at_work(student, work, recipe.shard))
        flops = _flops(recipe, transformer, student, work) * batch.accumulate / recipe.shard.tensor
        stages.append(_stage(name, recipe.shard, batch, memory, work.tokens, flops, changed))
    return FullPlan(size.total, changed, tuple(stages))


def adapter_parameters(config: TransformerConfig, rank: int) -> int:
    """Of LoRA on the twelve projections of each block: eight D to D, two D to 4D, two back."""
    return config.num_layers * rank * config.inner_dim * (8 * 2 + 4 * 5)


def _state(recipe: FullRecipe, base: TransformerConfig, student: TransformerConfig) -> Memory:
    average, shard = recipe.optim.ema > 0, recipe.shard
    whole = sizes(transformer_blueprint(base).live)
    match recipe.kind:
        case "lora":
            return together(
                frozen(whole, shard, recipe.lora.bits), adapters(adapter_parameters(base, recipe.lora.rank), average)
            )
        case "distill":
            return together(frozen(whole, shard), trained(sizes(transformer_blueprint(student).live), shard, average))
        case _:
            return trained(whole, shard, average)


def _flops(recipe: FullRecipe, base: TransformerConfig, student: TransformerConfig, work: Work) -> float:
    """Of one batch of one group."""
    there = forward(student, work)
    if recipe.kind == "lora":  # nothing is computed for the frozen weights themselves
        extra = 6 * work.tokens * adapter_parameters(base, recipe.lora.rank) / 2  # a token meets one stream's half
        done = 2.0 * there + extra
    else:
        done = float(there + backward(student, work))
    if recipe.kind == "distill":
        done += forward(base, work)
    return done + (there if recipe.shard.checkpointing == "full" else 0)


def _stage(
    name: str, shard: ShardConfig, batch: BatchConfig, memory: Memory, tokens: int, flops: float, changed: int
) -> StagePlan:
    gpu = gpu_named(shard.gpu)
    update = UPDATE_BYTES * changed / shard.gpus / gpu.bandwidth
    steps = batch.accumulate * shard.data
    seconds = flops / (gpu.peak * shard.mfu) + update
    return StagePlan(name, batch, memory, batch.pictures * steps, tokens * steps, flops, seconds)


# --- the autoencoder's decoder ---------------------------------------------------------------------


def _decoder_plan(recipe: FullRecipe, config: VAEConfig) -> FullPlan:
    shapes = vae_blueprint(config).live
    decoder = parameters({name: shape for name, shape in shapes.items() if _of_decoder(name)})
    crop, shard = recipe.decoder.crop, replace(recipe.shard, tensor=1)
    if recipe.shard.tensor != 1:
        raise ConfigError(f"shard.tensor is {recipe.shard.tensor}; the autoencoder has no heads to deal out, so 1")
    with torch.device("meta"):
        vae = VAE(config).to(torch.bfloat16)
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    cells = crop // config.scale
    latent = torch.empty(1, config.z_dim, cells, cells, dtype=torch.bfloat16, device="meta")
    kept, flops = _measured(lambda: vae.decode(latent), vae)
    state = together(adapters(decoder, recipe.optim.ema > 0), Memory(weights=2.0 * parameters(shapes)))
    stages = []
    for name, batch in recipe.stages():
        used = Memory(
            activations=kept * batch.pictures, passing=kept / 10 * batch.pictures, reserve=shard.reserve * 1e9
        )
        work = flops * batch.pictures * batch.accumulate
        tokens = batch.pictures * cells * cells
        # Every GPU moves the whole decoder, so the update is not divided: `_stage` divides by the GPUs.
        stages.append(_stage(name, shard, batch, together(state, used), tokens, work, decoder * shard.gpus))
    return FullPlan(parameters(shapes), decoder, tuple(stages))


def _of_decoder(name: str) -> bool:
    return name.startswith("decoder.")


def _measured(run: Callable[[], Tensor], module: torch.nn.Module) -> tuple[float, float]:
    """Bytes that autograd keeps, and operations forward and backward, of one call on the meta device."""
    own = {weight.untyped_storage()._cdata for weight in module.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage()._cdata not in own:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        made = run()
    with counter:
        made.sum().backward()
    return float(sum(tensor.untyped_storage().nbytes() for tensor in kept.values())), float(counter.get_total_flops())
