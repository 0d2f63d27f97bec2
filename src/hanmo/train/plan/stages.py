"""A recipe's plan, stage by stage: memory on each GPU, tokens of a step, seconds of a step.

Models are built on the meta device, so nothing is allocated. The seconds are a prediction: operations over the peak of
the stated GPU times an assumed MFU (`hardware`), or the way of weights and gradients between GPUs where that takes
longer (they go on at once), plus block swap, plus the optimizer's way through memory. Where tokens are divided, their
exchange around attention is added to the products, as attention waits for it: the bytes of `memory.exchanged` at the
full speed of a link, which is an assumption. Waiting for data, and the sums
of a tensor group, are in the assumed MFU or not at all. The condition encoder and the autoencoder's encoder have
spoken before (report 4.1.1: producers), so they are not in it.
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
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.optim import fast_bfloat16
from hanmo.train.plan.config import PlanConfig
from hanmo.train.plan.flops import Work, backward, forward
from hanmo.train.plan.hardware import HOST, gpu_named
from hanmo.train.plan.memory import (
    FULL,
    HALF,
    Checkpointing,
    Memory,
    adapted_traffic,
    adapters,
    at_work,
    exchanged,
    learning,
    looked_through,
    resting,
    sizes,
    swapped_bytes,
    together,
    traffic,
    trained,
)
from hanmo.train.plan.outline import Part, Planned, parts_of, shard_of
from hanmo.train.recipe import SamplesRecipe, VAERecipe
from hanmo.train.shard.config import ShardConfig
from hanmo.weights.blueprint import parameters, transformer_blueprint, vae_blueprint

UPDATE_BYTES = 40.0
"""Of memory read or written for one parameter's step: read and write weight, two moments and average, read gradient."""


@dataclass(frozen=True)
class StagePlan:
    """One stage.

    Attributes:
        part: what the recipe says of it.
        memory: on one GPU.
        pictures: of a step, all groups together.
        tokens: the same, both streams, at most.
        flops: of a step, on one GPU, recomputation included.
        products: seconds of a step, of products of matrices and attention.
        network: seconds of a step, of shards on their way; beside the products and exchanges.
        exchange: seconds of a step, of tokens on their way to the heads and back.
        swap: seconds of a step, of blocks on their way from the computer's memory.
        update: seconds of a step, of the optimizer.
    """

    part: Part
    memory: Memory
    pictures: int
    tokens: int
    flops: float
    products: float
    network: float
    swap: float
    update: float
    exchange: float = 0.0

    @property
    def seconds(self) -> float:
        """Of a step, predicted."""
        return max(self.products + self.exchange, self.network) + self.swap + self.update


@dataclass(frozen=True)
class RunPlan:
    """The whole run; `parameters` are those of the model that is made or adapted, `trained` those that change."""

    parameters: int
    trained: int
    stages: tuple[StagePlan, ...]


@dataclass(frozen=True)
class _Costs:
    """What does not depend on the batch: state, bytes that one batch sends, bytes that it swaps, what is updated."""

    state: Memory
    traffic: float = 0.0
    swapped: float = 0.0
    updated: int | float = 0


def plan(recipe: Planned, transformer: TransformerConfig, vae: VAEConfig) -> RunPlan:
    """Plan a recipe for a base of these architectures.

    Raises:
        ConfigError: degrees that do not divide the heads or the batches, a student deeper than its teacher, a stage
            without sizes.
    """
    if isinstance(recipe, VAERecipe):
        return _of_vae(recipe, vae)
    shard, base, autocast = shard_of(recipe), transformer, autocast_of(recipe)
    shard.check(shard.count, recipe.run.accumulate, transformer.num_attention_heads, autocast)
    model = model_of(recipe, transformer)
    size = sizes(transformer_blueprint(model).live)
    own = checkpointing_of(recipe)
    given = recipe.plan or PlanConfig()
    changed = size.total
    match recipe:
        case LoraRecipe():
            changed = adapter_parameters(base, recipe)
            memory = recipe.memory
            state = together(resting(size, memory, shard), adapters(size, changed, recipe.optim, shard))
            sent = adapted_traffic(size, changed, memory, shard)
            costs = _Costs(state, sent, swapped_bytes(size, memory), changed / shard.data)
        case DistillRecipe():
            teacher = sizes(transformer_blueprint(base).live)
            state = together(trained(size, shard, recipe.optim, autocast), looked_through(teacher, shard))
            sent = traffic(size, shard) + traffic(teacher, shard, learns=False)
            costs = _Costs(state, sent, updated=changed / shard.count)
        case _:
            state = trained(size, shard, recipe.optim, autocast)
            costs = _Costs(state, traffic(size, shard), updated=changed / shard.count)
    stages = []
    for part in parts_of(recipe):
        work = part.work(given.text)
        number = HALF if autocast else FULL
        batch = at_work(model, work, shard.tensor, own, given.reserve, number, shard.context)
        if isinstance(recipe, DistillRecipe) and recipe.method == "depth" and recipe.depth.features:
            # The teacher's streams before each matched block.
            batch = together(batch, Memory(activations=model.num_layers * work.tokens * model.inner_dim * FULL))
        flops = _flops(recipe, base, model, work, changed, own) / (shard.tensor * shard.context)
        stage = _stage(recipe, part, together(costs.state, batch), work.tokens, flops, costs)
        sent = exchanged(model, work, shard, own, number) * recipe.run.accumulate / shard.data
        stages.append(replace(stage, exchange=sent / token_wire(given, shard)))
    return RunPlan(size.total, changed, tuple(stages))


def autocast_of(recipe: Planned) -> bool:
    """Whether products are made in bfloat16."""
    run = recipe.run
    return run.precision == "bfloat16" or (run.precision == "auto" and fast_bfloat16(run.device))


def checkpointing_of(recipe: Planned) -> Checkpointing:
    """What a block keeps, by either of the two tables that may say it."""
    if isinstance(recipe, LoraRecipe | SFTRecipe) and recipe.memory.checkpointing:
        return "full"
    return shard_of(recipe).checkpointing


def model_of(
    recipe: SamplesRecipe | SFTRecipe | LoraRecipe | DistillRecipe, base: TransformerConfig
) -> TransformerConfig:
    """The architecture of what is made: new, a student of fewer blocks, or the base's.

    Raises:
        ConfigError: blocks that the teacher has not.
    """
    if isinstance(recipe, SamplesRecipe) and (new := recipe.model.new) is not None:
        return replace(
            base,
            num_layers=new.layers,
            num_attention_heads=new.heads,
            attention_head_dim=new.head_dim,
            axes_dims_rope=new.axes,
        )
    if isinstance(recipe, DistillRecipe) and recipe.method == "depth":
        keep = len(recipe.depth.blocks) or recipe.depth.keep or (base.num_layers + 1) // 2
        if keep > base.num_layers or any(not 0 <= block < base.num_layers for block in recipe.depth.blocks):
            raise ConfigError(f"depth keeps {keep} blocks; the teacher has {base.num_layers}, counted from 0")
        return replace(base, num_layers=keep)
    return base


def adapter_parameters(config: TransformerConfig, recipe: LoraRecipe) -> int:
    """Of the adapter on every linear module that its targets name; DoRA learns a length for each row beside it."""
    ends = tuple(f"{target}.weight" for target in recipe.adapter.targets)
    shapes = [
        shape for name, shape in transformer_blueprint(config).live.items() if name.endswith(ends) and len(shape) == 2
    ]
    return sum(recipe.adapter.rank * sum(shape) + recipe.adapter.dora * shape[0] for shape in shapes)


def _flops(
    recipe: Planned, base: TransformerConfig, model: TransformerConfig, work: Work, changed: int, own: Checkpointing
) -> float:
    """Of one batch of one group."""
    there = forward(model, work)
    if isinstance(recipe, LoraRecipe):  # nothing is computed for the frozen weights themselves
        extra = 6 * work.tokens * changed / 2  # a token meets one stream's half
        done = 2.0 * there + extra
    else:
        done = float(there + backward(model, work))
    if isinstance(recipe, DistillRecipe):
        done += forward(base, work) * (1 if recipe.method == "depth" else _asked(recipe))
    return done + (there if own == "full" else 0)


def _asked(recipe: DistillRecipe) -> int:
    """How often the teacher is computed for one step of a student of few: guided, it is asked twice."""
    return recipe.steps.fine * (1 if recipe.steps.cfg_scale == 1.0 else 2)


def _stage(recipe: Planned, part: Part, memory: Memory, tokens: int, flops: float, costs: _Costs) -> StagePlan:
    given, shard = recipe.plan or PlanConfig(), shard_of(recipe)
    gpu, batches = gpu_named(given.gpu), recipe.run.accumulate // shard.data
    wire = gpu.link / 2 if shard.count <= given.machine else given.network * 1e9
    return StagePlan(
        part,
        memory,
        part.batch * recipe.run.accumulate,
        tokens * recipe.run.accumulate,
        flops * batches,
        flops * batches / (gpu.peak * given.mfu),
        costs.traffic * batches / wire,
        costs.swapped * batches / HOST,
        UPDATE_BYTES * costs.updated / gpu.bandwidth,
    )


def token_wire(given: PlanConfig, shard: ShardConfig) -> float:
    """Bytes per second between GPUs that share tokens, one way; they are neighbours, with a tensor group between."""
    near = shard.context * shard.tensor <= given.machine
    return gpu_named(given.gpu).link / 2 if near else given.network * 1e9


# --- the autoencoder -------------------------------------------------------------------------------


def _of_vae(recipe: VAERecipe, config: VAEConfig) -> RunPlan:
    """The decoder alone, or all of it; perceptual networks are not counted."""
    shapes, tuned = vae_blueprint(config).live, recipe.model.train == "decoder"
    changed = parameters({name: shape for name, shape in shapes.items() if not tuned or name.startswith("decoder.")})
    given, batch = recipe.plan or PlanConfig(), recipe.run.batch
    (part,) = parts_of(recipe)
    dtype = torch.bfloat16 if autocast_of(recipe) else torch.float32
    with torch.device("meta"):
        vae = VAE(config).to(dtype)
    vae.requires_grad_(not tuned)
    vae.decoder.requires_grad_(True)
    cells = part.size[0] // config.scale
    latent = torch.empty(1, config.z_dim, cells, cells, dtype=dtype, device="meta")
    picture = torch.empty(1, 3, *part.size, dtype=dtype, device="meta")
    kept, flops = _measured(lambda: vae.decode(latent if tuned else vae.encode(picture).mean), vae)
    whole = parameters(shapes)
    state = together(learning(changed, recipe.optim), Memory(weights=FULL * (whole - changed), copies=HALF * whole))
    used = Memory(activations=kept * batch, passing=kept / 10 * batch, reserve=given.reserve * 1e9)
    costs = _Costs(state, updated=changed)
    return RunPlan(
        whole,
        changed,
        (_stage(recipe, part, together(state, used), batch * cells * cells, flops * batch, costs),),
    )


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
