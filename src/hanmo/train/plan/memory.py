"""What a run of the full size takes, before it begins: bytes on each GPU, tokens of a step, seconds of a step.

Report section 4.1.2: data parallelism with a distributed optimizer, four-way tensor parallelism by heads, activation
checkpointing tried and disabled. Nothing is allocated. Activations are counted as autograd keeps them (a test measures
them on a small model); a backward pass's passing gradients are taken as large as one block's activations. It does not
know what NCCL, CUDA's context and the allocator's gaps take: `reserve` stands for them.

Letters: D width, S image tokens, T text tokens, N = S + T, t tensor degree, P parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Literal

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig
from hanmo.train.plan.flops import WAVES, Work
from hanmo.train.plan.hardware import MFU, gpu_named

Checkpointing = Literal["off", "selective", "full"]
HALF, FULL = 2.0, 4.0
"""Bytes of a bfloat16 and of a float32."""
_SPLIT = re.compile(r"^transformer_blocks\.\d+\.(attn\.(to|add)_|(img|txt)_mlp)")
_MODULATION = re.compile(r"^transformer_blocks\.\d+\.(img|txt)_mod")


@dataclass(frozen=True)
class ShardConfig:
    """How a model lies on GPUs.

    Attributes:
        data: data-parallel degree: groups that see pictures of their own.
        tensor: GPUs of a group, among which heads and the MLPs' inner width are dealt out.
        style: "fsdp" shards weights, gradients and optimizer over `data` and gathers one block at a time;
            "distributed_optimizer" (the report's) shards the optimizer only.
        modulation: whether the layers behind shift, scale and gate, a third of all parameters, are dealt out over
            `tensor` too ("split"), or every GPU of a group has them ("whole").
        checkpointing: activations kept: all ("off"), products without what is cheap to make anew ("selective"), or
            only what enters each block ("full").
        gpu: a name of `hardware.GPUS`.
        mfu: share of the peak that is assumed for the predicted time.
        reserve: bytes of each GPU that the plan leaves to CUDA, NCCL and the allocator, in GB.
    """

    data: int = 1
    tensor: int = 1
    style: Literal["fsdp", "distributed_optimizer"] = "fsdp"
    modulation: Literal["split", "whole"] = "split"
    checkpointing: Checkpointing = "off"
    gpu: str = "h100"
    mfu: float = MFU
    reserve: float = 4.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a degree below 1, an unknown GPU, or a share outside (0, 1]; the message names the key.
        """
        for key in ("data", "tensor"):
            if getattr(self, key) < 1:
                raise ConfigError(f"shard.{key} is {getattr(self, key)}; it must be at least 1")
        if not 0 < self.mfu <= 1:
            raise ConfigError(f"shard.mfu is {self.mfu}; it must be above 0 and at most 1")
        if self.reserve < 0:
            raise ConfigError(f"shard.reserve is {self.reserve}; it must be at least 0 (GB)")
        gpu_named(self.gpu)

    @property
    def gpus(self) -> int:
        """GPUs in all."""
        return self.data * self.tensor


def check_heads(config: TransformerConfig, shard: ShardConfig) -> None:
    """Refuse a tensor degree that does not divide the heads.

    Raises:
        ConfigError: as said.
    """
    heads = config.num_attention_heads
    if heads % shard.tensor:
        allowed = ", ".join(str(degree) for degree in range(1, heads + 1) if heads % degree == 0)
        raise ConfigError(f"shard.tensor is {shard.tensor}, but the model has {heads} heads; allowed: {allowed}")


@dataclass(frozen=True)
class Sizes:
    """Parameters of a transformer by how tensor parallelism treats them, and those of its largest block."""

    split: int
    modulation: int
    outside: int
    blocks: int

    @property
    def total(self) -> int:
        """All parameters."""
        return self.split + self.modulation + self.outside

    def on_rank(self, shard: ShardConfig) -> int:
        """Parameters that one GPU of a tensor group answers for."""
        modulation = self.modulation // (shard.tensor if shard.modulation == "split" else 1)
        return self.split // shard.tensor + modulation + self.outside

    def of_block(self, shard: ShardConfig) -> int:
        """Of these, those of one block."""
        return (self.on_rank(shard) - self.outside) // self.blocks


def sizes(shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
    """Count a transformer's parameters from the shapes of its tensors."""
    split = modulation = outside = 0
    blocks: set[str] = set()
    for name, shape in shapes.items():
        if name.startswith("transformer_blocks."):
            blocks.add(name.split(".")[1])
        if _SPLIT.match(name):
            split += prod(shape)
        elif _MODULATION.match(name):
            modulation += prod(shape)
        else:
            outside += prod(shape)
    return Sizes(split, modulation, outside, max(len(blocks), 1))


# --- activations -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kept:
    """Numbers, in D per token, that a block keeps for its backward pass: whole on each GPU, and dealt out by heads."""

    whole: int
    split: int

    def on_rank(self, tensor: int) -> float:
        return self.whole + self.split / tensor


# A block keeps for each token (in D): its input, the norm of it and the modulated norm, twice over; what attention and
# MLP gave. By heads: queries and keys, their norms, both rotated, values; attention's output, as it came and as the
# projection took it; the MLP's inside before and after GELU, four each.
_BLOCK = _Kept(whole=8, split=17)
_CHEAP = _Kept(whole=4, split=9)  # norms, modulated norms; norms and rotations of queries and keys, copies, GELU
# The last block: no queries, no output of the text; queries and MLP of the target only.
_LAST_TARGET = _Kept(whole=5, split=12)
_LAST_ALL = _Kept(whole=3, split=4)
_STATISTICS = 4  # float32 a token: mean and deviation of two norms


def block_bytes(config: TransformerConfig, work: Work, tensor: int, checkpointing: Checkpointing, size: float) -> float:
    """What one block keeps (not the last), where activations have `size` bytes a number."""
    tokens, width, heads = work.tokens, config.inner_dim, config.num_attention_heads / tensor
    if checkpointing == "full":
        return tokens * width * size
    kept = _BLOCK.on_rank(tensor) - (_CHEAP.on_rank(tensor) if checkpointing == "selective" else 0)
    rows = work.pictures * width * size * (12 + 4)  # both modulation tables, and 1 + scale four times
    statistics = tokens * FULL * (_STATISTICS + 3 * heads)  # of the norms of queries and keys, and attention's sums
    tables = 2 * (work.image + work.text) * (config.attention_head_dim // 2) * 2 * FULL  # the rotation, complex
    return tokens * width * size * kept + rows + statistics + tables


def activation_bytes(
    config: TransformerConfig, work: Work, tensor: int, checkpointing: Checkpointing, size: float = HALF
) -> float:
    """What autograd keeps between the forward and the backward pass of one batch, on one GPU.

    Args:
        config: of the model.
        work: the batch.
        tensor: degree.
        checkpointing: of every block.
        size: bytes of a number; 2 under bfloat16.
    """
    width = config.inner_dim
    target, image = work.pictures * work.target, work.pictures * work.image
    text = work.pictures * work.text
    blocks = (config.num_layers - 1) * block_bytes(config, work, tensor, checkpointing, size)
    tables = config.num_layers * work.pictures * 12 * width * size if checkpointing == "full" else 0.0
    if checkpointing == "full":
        last = work.tokens * width * size
    else:
        cheap = 0.5 if checkpointing == "selective" else 1.0
        numbers = target * _LAST_TARGET.on_rank(tensor) + work.tokens * _LAST_ALL.on_rank(tensor)
        last = numbers * cheap * width * size
    head = image * config.in_channels + 2 * text * config.joint_attention_dim + 3 * target * width
    head += work.pictures * (WAVES + 5 * width)  # times, their embedding and what it became
    return blocks + tables + last + head * size


# --- memory ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU."""

    weights: float = 0.0
    gathered: float = 0.0
    gradients: float = 0.0
    optimizer: float = 0.0
    average: float = 0.0
    activations: float = 0.0
    passing: float = 0.0
    reserve: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return float(sum(getattr(self, field.name) for field in fields(self)))


def trained(size: Sizes, shard: ShardConfig, ema: bool) -> Memory:
    """A model whose every weight is trained in bfloat16 with float32 masters and Adam's two moments."""
    count, block, data = size.on_rank(shard), size.of_block(shard), shard.data
    average = FULL * count / data if ema else 0.0
    if shard.style == "distributed_optimizer":
        return Memory(weights=HALF * count, gradients=FULL * count, optimizer=3 * FULL * count / data, average=average)
    return Memory(
        weights=FULL * count / data,
        gathered=2 * HALF * block + HALF * block if data > 1 else 2 * HALF * block,  # this, the next; a gradient
        gradients=FULL * count / data,
        optimizer=2 * FULL * count / data,
        average=average,
    )


def frozen(size: Sizes, shard: ShardConfig, bits: int = 16) -> Memory:
    """A model that is only looked through: a teacher, or the base under adapters."""
    count, block = size.on_rank(shard) * bits / 8, size.of_block(shard)
    if shard.style == "distributed_optimizer":
        return Memory(weights=count)
    return Memory(weights=count / shard.data, gathered=2 * HALF * block)


def adapters(parameters: int, ema: bool) -> Memory:
    """Adapters in float32, whole on each GPU, with their gradients and moments."""
    return Memory(
        weights=FULL * parameters,
        gradients=FULL * parameters,
        optimizer=2 * FULL * parameters,
        average=FULL * parameters if ema else 0.0,
    )


def at_work(config: TransformerConfig, work: Work, shard: ShardConfig) -> Memory:
    """What a batch takes beside the weights."""
    return Memory(
        activations=activation_bytes(config, work, shard.tensor, shard.checkpointing),
        passing=block_bytes(config, work, shard.tensor, "off", HALF),
        reserve=shard.reserve * 1e9,
    )


def together(*parts: Memory) -> Memory:
    """Several things on one GPU."""
    return Memory(**{field.name: sum(getattr(part, field.name) for part in parts) for field in fields(Memory)})
