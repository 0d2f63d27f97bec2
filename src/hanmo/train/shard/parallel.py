"""One call that makes a single-device transformer a parallel one, from outside and in the order that matters.

Heads first, so that tokens are exchanged for those that are here and shards are cut from what is left; then tokens;
then what blocks forget, so that their weights are
collected once for both computations; then the compiler; shards last, around everything.

It does not know how processes meet (`mesh`) or what is optimised (`state`).
"""

from __future__ import annotations

from typing import Literal

from hanmo.model.mmdit import MMDiT
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.context import split_tokens
from hanmo.train.shard.fully import shard_weights
from hanmo.train.shard.mesh import SHARDS, TENSOR, MeshRanks
from hanmo.train.shard.recompute import recompute
from hanmo.train.shard.tensor import split_heads


def parallelise(model: MMDiT, ranks: MeshRanks, config: ShardConfig, compiled: bool = False) -> None:
    """Divide `model` among the processes of `ranks`, in place; optimizers and averages are made after.

    Args:
        model: on this process's device, float32, the same in each process.
        ranks: of the run.
        config: degrees and choices.
        compiled: compile each block.

    Raises:
        ConfigError: heads do not come out even, or the model forgets activations already.
    """
    if config.tensor > 1:
        split_heads(model, ranks.axes[TENSOR])
    if ranks.context is not None:
        split_tokens(model, ranks.context)
    prepare_blocks(model, config.checkpointing, compiled)
    if config.shards > 1:
        shard_weights(model, ranks.axes[SHARDS], config.gather)


def prepare_blocks(model: MMDiT, checkpointing: Literal["off", "selective", "full"], compiled: bool) -> None:
    """What a single-device model may be asked, too: to forget activations, and to be compiled block by block.

    Raises:
        ConfigError: the model forgets activations already.
    """
    recompute(model, checkpointing)
    if compiled:
        compile_blocks(model)


def compile_blocks(model: MMDiT) -> None:
    """Let torch compile every block by itself, in place, for batches of any size."""
    for block in model.transformer_blocks:
        block.compile(dynamic=True)
