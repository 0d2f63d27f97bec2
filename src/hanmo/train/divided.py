"""The transformer of a run as this process holds it: whole, or its part of one that is divided (`shard`).

Kinds of run that can be divided begin with `begin`, and let `collected` put the whole together where the first process
paints or writes. It does not know what is trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import torch

from hanmo.model.mmdit import MMDiT
from hanmo.train.attention import use_plain_attention
from hanmo.train.initialise import new_config, new_transformer
from hanmo.train.model import own_weights
from hanmo.train.ranks import Ranks
from hanmo.train.recipe import NewTransformer
from hanmo.train.run_config import RunConfig
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.load import load_parallel, new_parallel
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import prepare_blocks
from hanmo.train.shard.state import whole
from hanmo.weights.folder import Folder, load_transformer


def home_of(ranks: Ranks, run: RunConfig) -> torch.device:
    """Where the first process paints: where it computes, or, of a divided model, where the whole of it is collected."""
    return torch.device("cpu") if ranks.divided else torch.device(run.device)


def device_of(ranks: Ranks, run: RunConfig) -> torch.device:
    """Where this process computes."""
    return ranks.device if isinstance(ranks, MeshRanks) else torch.device(run.device)


def begin(
    checkpoint: Folder, ranks: Ranks, run: RunConfig, shard: ShardConfig, seed: int, new: NewTransformer | None = None
) -> MMDiT:
    """A transformer that learns, float32, on this process's device.

    Args:
        checkpoint: whose transformer learns on, or whose encoder's width a new one takes.
        ranks: of the run.
        run: device, batches of a step, precision, compiler.
        shard: how it is divided, and what its blocks forget.
        seed: of a new one.
        new: sizes of a new one; None for the checkpoint's own.

    Raises:
        ConfigError: `shard` does not fit the model or the run.
    """
    width = checkpoint.transformer.joint_attention_dim
    if isinstance(ranks, MeshRanks):
        config = checkpoint.transformer if new is None else new_config(new, width)
        shard.check(ranks.count, run.accumulate, config.num_attention_heads, run.precision != "float32")
        if new is None:
            transformer = load_parallel(checkpoint.path, ranks, shard, run.compile)
        else:
            transformer = new_parallel(config, seed, ranks, shard, run.compile)
    else:
        if new is None:
            transformer = load_transformer(checkpoint, dtype=torch.float32)
            own_weights(transformer)
        else:
            transformer = new_transformer(new, width, seed)
        transformer.to(device_of(ranks, run))
        prepare_blocks(transformer, shard.checkpointing, run.compile)
    if run.device == "cpu":
        use_plain_attention(transformer)
    transformer.train().requires_grad_(True)
    return transformer


def shown_of(transformer: MMDiT, ranks: Ranks) -> MMDiT:
    """What is painted with and exported: the model itself, or room for the whole of a divided one."""
    if not ranks.divided:
        return transformer
    with torch.device("meta"):
        return MMDiT(transformer.config)


@contextmanager
def collected(transformer: MMDiT, shown: MMDiT, ranks: Ranks, names: Collection[str] | None = None) -> Iterator[None]:
    """Let the first process have a divided model on the CPU while the block runs; all must call it.

    Args:
        transformer: the divided model.
        shown: room for it, without memory.
        ranks: of the run.
        names: of the tensors that are wanted; None for all of them.
    """
    if not ranks.divided:
        yield
        return
    held = transformer.state_dict()
    state = whole(held if names is None else {name: held[name] for name in names}, ranks.first)
    if ranks.first:
        shown.load_state_dict(state, strict=names is None, assign=True)
        use_plain_attention(shown.eval().requires_grad_(False))
    del state
    try:
        yield
    finally:
        shown.to_empty(device="meta")
