"""Bytes on each GPU of a run that is divided as `train/shard` divides it (report section 4.1.2).

Weights, gradients, moments and averages lie in shards over data and context processes; heads, MLPs and modulations are
dealt out over a tensor group, tokens over a context group. Nothing is allocated. Activations are counted as autograd
keeps them (tests measure them on small models); a backward pass's passing gradients are taken as large as one block's
activations. It does not know what NCCL, CUDA's context and the allocator's gaps take: `reserve` stands for them.

Letters: D width, S image tokens, T text tokens, N = S + T, t tensor degree, c context degree,
P parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Literal

from hanmo.model.config import TransformerConfig
from hanmo.train.lora_recipe import MemoryConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.plan.flops import WAVES, Work
from hanmo.train.shard.config import ShardConfig

Checkpointing = Literal["off", "selective", "full"]
HALF, FULL = 2.0, 4.0
"""Bytes of a bfloat16 and of a float32."""
_SPLIT = re.compile(r"^transformer_blocks\.\d+\.(attn\.(to|add)_|(img|txt)_mlp)")
_MODULATION = re.compile(r"^transformer_blocks\.\d+\.(img|txt)_mod")


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

    def on_rank(self, tensor: int) -> int:
        """Parameters that one GPU of a tensor group answers for: modulations are dealt out as heads and MLPs are."""
        return (self.split + self.modulation) // tensor + self.outside

    def of_block(self, tensor: int) -> int:
        """Of these, those of one block."""
        return (self.on_rank(tensor) - self.outside) // self.blocks

    @property
    def swapped(self) -> int:
        """Of the larger of what block swap moves as one: a block without its modulations, or one of those."""
        return max(self.split, self.modulation // 2) // self.blocks


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


def block_bytes(
    config: TransformerConfig, work: Work, tensor: int, checkpointing: Checkpointing, size: float, context: int = 1
) -> float:
    """What one block keeps (not the last), where activations have `size` bytes a number."""
    tokens, width, heads = work.tokens / context, config.inner_dim, config.num_attention_heads / tensor
    if checkpointing == "full":
        return tokens * width * size
    kept = _BLOCK.on_rank(tensor) - (_CHEAP.on_rank(tensor) if checkpointing == "selective" else 0)
    if checkpointing == "selective" and context > 1:
        kept += 4 / tensor  # queries, keys, values and attention's output as they came from other processes
    rows = work.pictures * width * size * (12 + 4)  # both modulation tables, and 1 + scale four times
    statistics = tokens * FULL * (_STATISTICS + 3 * heads)  # of the norms of queries and keys, and attention's sums
    tables = (
        2 * (work.image + work.text) / context * (config.attention_head_dim // 2) * 2 * FULL
    )  # the rotation, complex
    return tokens * width * size * kept + rows + statistics + tables


def activation_bytes(
    config: TransformerConfig,
    work: Work,
    tensor: int,
    checkpointing: Checkpointing,
    size: float = HALF,
    context: int = 1,
) -> float:
    """What autograd keeps between the forward and the backward pass of one batch, on one GPU.

    Args:
        config: of the model.
        work: the batch.
        tensor: degree.
        checkpointing: of every block.
        size: bytes of a number; 2 under bfloat16.
        context: degree; the text is embedded before it is divided.
    """
    width, tokens = config.inner_dim, work.tokens / context
    target, image = work.pictures * work.target / context, work.pictures * work.image / context
    text = work.pictures * work.text
    blocks = (config.num_layers - 1) * block_bytes(config, work, tensor, checkpointing, size, context)
    tables = config.num_layers * work.pictures * 12 * width * size if checkpointing == "full" else 0.0
    if checkpointing == "full":
        last = tokens * width * size
    else:
        cheap = 0.5 if checkpointing == "selective" else 1.0
        numbers = target * _LAST_TARGET.on_rank(tensor) + tokens * _LAST_ALL.on_rank(tensor)
        last = numbers * cheap * width * size
    head = image * config.in_channels + 2 * text * config.joint_attention_dim + 3 * target * width
    head += work.pictures * (WAVES + 5 * width)  # times, their embedding and what it became
    return blocks + tables + last + head * size


# --- memory ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU.

    Attributes:
        weights: float32 where they learn.
        copies: of weights in bfloat16, which autocast makes and keeps for the backward pass.
        gathered: of other GPUs' shards, while a block is computed.
        gradients: float32.
        optimizer: moments.
        average: of the weights, float32.
        activations: kept for the backward pass.
        passing: of the backward pass at one block.
        reserve: left to CUDA, NCCL and the allocator.
    """

    weights: float = 0.0
    copies: float = 0.0
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


def moments(optim: OptimConfig) -> float:
    """Bytes of the optimizer for one parameter; Muon's is that of AdamW, which some parameters have beside it."""
    return 2.0 + 8 / 256 if optim.kind in ("adamw8bit", "paged_adamw8bit") else 2 * FULL


def learning(parameters: int | float, optim: OptimConfig) -> Memory:
    """What learns, whole on a GPU: float32 with gradients, moments and the average."""
    return Memory(
        weights=FULL * parameters,
        gradients=FULL * parameters,
        optimizer=moments(optim) * parameters,
        average=FULL * parameters,
    )


def trained(size: Sizes, shard: ShardConfig, optim: OptimConfig, autocast: bool) -> Memory:
    """A transformer whose every weight learns, in this run's shards."""
    count = size.on_rank(shard.tensor)
    state = learning(count / shard.shards, optim)
    return together(state, _collected(size, shard), Memory(copies=HALF * count if _copied(shard, autocast) else 0.0))


def looked_through(size: Sizes, shard: ShardConfig) -> Memory:
    """A teacher: float32 in the same shards; it keeps nothing."""
    return together(Memory(weights=FULL * size.on_rank(shard.tensor) / shard.shards), _collected(size, shard))


def traffic(size: Sizes, shard: ShardConfig, learns: bool = True) -> float:
    """Bytes that one GPU receives for a batch: weights before each pass, and float32 gradients where it learns."""
    if shard.shards == 1:
        return 0.0
    passes = (2 * _each(shard) + FULL) if learns else _each(shard)
    return passes * size.on_rank(shard.tensor) * (shard.shards - 1) / shard.shards


def exchanged(
    config: TransformerConfig, work: Work, shard: ShardConfig, checkpointing: Checkpointing, size: float = HALF
) -> float:
    """Bytes that one GPU sends for a batch to those that share its tokens: queries, keys, values, attention's output.

    In both passes, and once more where a block is computed again (`shard.context`); the last block sends less.
    """
    away = (shard.context - 1) / shard.context
    numbers = 4 * work.tokens * config.inner_dim / (shard.tensor * shard.context) * away
    return (3 if checkpointing == "full" else 2) * config.num_layers * numbers * size


def _each(shard: ShardConfig) -> float:
    return HALF if shard.gather == "bfloat16" else FULL


def _copied(shard: ShardConfig, autocast: bool) -> bool:
    """Gathered bfloat16 is let go after each block; what autocast makes of float32 stays to the end of the pass."""
    return autocast and (shard.shards == 1 or shard.gather == "float32")


def _collected(size: Sizes, shard: ShardConfig) -> Memory:
    """This block and the next, a gradient as it comes and as it is summed, and what is outside of blocks."""
    if shard.shards == 1:
        return Memory()
    return Memory(gathered=(3 * _each(shard) + FULL) * size.of_block(shard.tensor) + FULL * size.outside)


def resting(size: Sizes, memory: MemoryConfig, shard: ShardConfig) -> Memory:
    """The frozen base under adapters on one GPU: all of it, as many blocks as are resident, or this GPU's shards."""
    each = _rests(memory)
    there = (
        min(memory.resident_blocks * size.swapped, size.total) + size.outside if memory.resident_blocks else size.total
    )
    copied = memory.base == "float32" and not memory.checkpointing and _copied(shard, autocast=True)
    copies = HALF * size.total if copied else 0.0
    # A product makes its eight-bit matrix anew, in float32 and in bfloat16; the widest is a sixth of a block's.
    anew = (FULL + HALF) * size.split / size.blocks / 6 if each == 1.0 else 0.0
    gathered = 3 * _travels(memory, shard) * size.of_block(1) + each * size.outside if shard.data > 1 else 0.0
    return Memory(weights=each * there / shard.data, copies=copies + anew, gathered=gathered)


def adapters(size: Sizes, changed: int, optim: OptimConfig, shard: ShardConfig) -> Memory:
    """Adapters of `changed` weights in this run's shards, beside those of the block they change."""
    gathered = (3 * _each(shard) + FULL) * changed / size.blocks if shard.data > 1 else 0.0
    return together(learning(changed / shard.data, optim), Memory(gathered=gathered))


def adapted_traffic(size: Sizes, changed: int, memory: MemoryConfig, shard: ShardConfig) -> float:
    """As `traffic`: the base before each pass and adapters with their gradients; the base has none."""
    sent = 2 * _travels(memory, shard) * size.total + (2 * _each(shard) + FULL) * changed
    return sent * (shard.data - 1) / shard.data


def _rests(memory: MemoryConfig) -> float:
    """Bytes of a frozen weight."""
    return {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "float8": 1.0}[memory.base]


def _travels(memory: MemoryConfig, shard: ShardConfig) -> float:
    """Bytes of a frozen weight of a block on its way between GPUs."""
    return min(_rests(memory), _each(shard))


def swapped_bytes(size: Sizes, memory: MemoryConfig) -> float:
    """Bytes that block swap brings in for one batch: all modulations, all blocks, and backward those that left."""
    if not memory.resident_blocks:
        return 0.0
    each = _rests(memory)
    again = max(0, size.blocks - memory.resident_blocks) / size.blocks
    return each * (size.modulation + size.split * (1 + again))


def at_work(
    config: TransformerConfig,
    work: Work,
    tensor: int,
    checkpointing: Checkpointing,
    reserve: float,
    number: float = HALF,
    context: int = 1,
) -> Memory:
    """What a batch takes beside the weights; `reserve` in GB, `number` bytes of an activation, `context` its degree."""
    return Memory(
        activations=activation_bytes(config, work, tensor, checkpointing, number, context),
        passing=block_bytes(config, work, tensor, "off", number, context),
        reserve=reserve * 1e9,
    )


def together(*parts: Memory) -> Memory:
    """Several things on one GPU."""
    return Memory(**{field.name: sum(getattr(part, field.name) for part in parts) for field in fields(Memory)})
