"""Head-wise tensor parallelism of the transformer (report section 4.1.2), by DTensor.

Each process of a group holds some heads of both streams: rows of the query, key and value projections, and
the matching columns of the output projections; the same for the MLPs' inner width. So a block sums over the
group twice for each stream: after attention and after the MLP. The modulations, a third of the weights, are
divided too, and their results collected, since every process modulates whole tokens.

Tokens, embedders and the output layer are the same in each process of a group. The model is not edited: it
keeps its classes and names, its weights become DTensors, and `attn.heads` says how many heads are here.

It does not know data parallelism; `fully` comes after.
"""

from __future__ import annotations

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from hanmo.errors import ConfigError
from hanmo.model.linear import Linear
from hanmo.model.mmdit import Block, MMDiT

_HEADS = 2
"""Axis of the heads in what the QK norms see: [B, N, H, d]."""


def split_heads(model: MMDiT, group: DeviceMesh) -> None:
    """Divide the blocks of `model` among the processes of `group`, in place; all must hold the same weights.

    Raises:
        ConfigError: the heads do not come out even.
    """
    count, heads = group.size(), model.config.num_attention_heads
    if heads % count:
        raise ConfigError(f"shard.tensor is {count}, but the model has {heads} heads; they are dealt out evenly")
    for block in model.transformer_blocks:
        assert isinstance(block, Block)
        _use_plain_linear(block)
        parallelize_module(block, group, _plan())
        block.attn.heads = heads // count


def _plan() -> dict[str, ParallelStyle]:
    whole = Replicate()
    plan: dict[str, ParallelStyle] = {
        # One sum of gradients for each stream, instead of one for each of its three projections.
        "attn": PrepareModuleInput(
            input_layouts=(whole, whole, None, None, None),
            desired_input_layouts=(whole, whole, None, None, None),
        ),
        "attn.to_out.0": RowwiseParallel(),
        "attn.to_add_out": RowwiseParallel(),
    }
    for name in ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj"):
        plan[f"attn.{name}"] = ColwiseParallel()
    # Every head uses the same norm: as DTensors, the weights' gradients are summed over all heads.
    for name in ("norm_q", "norm_k", "norm_added_q", "norm_added_k"):
        plan[f"attn.{name}"] = SequenceParallel(sequence_dim=_HEADS, use_local_output=True)
    for stream in ("img", "txt"):
        plan[f"{stream}_mod.1"] = ColwiseParallel(output_layouts=whole)
        plan[f"{stream}_mlp.net.0.proj"] = ColwiseParallel()
        plan[f"{stream}_mlp.net.2"] = RowwiseParallel()
    return plan


def _use_plain_linear(block: Block) -> None:
    """Our own `Linear` gives oneDNN raw memory where no gradients are asked; it cannot take a DTensor."""
    for module in block.modules():
        if type(module) is Linear:
            module.__class__ = nn.Linear  # type: ignore[assignment]
