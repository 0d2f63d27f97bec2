"""Activation checkpointing: what a block does not keep for its backward pass is computed again.

"full" keeps a block's inputs only; "selective" also what products of matrices, attention and sums and exchanges
between processes made, so that only the cheap rest is computed twice. The report tried it and left it off.

`block.forward` is replaced and not the block, so names stay, and shards are collected once for both passes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from hanmo.errors import ConfigError
from hanmo.model.mmdit import MMDiT

_ATTENTION = ("flash_attention", "efficient_attention", "cudnn_attention", "attention_math", "flash_attention_for_cpu")
_KEPT = frozenset(
    [
        *("mm", "addmm", "bmm", "baddbmm", "linear"),
        *(f"_scaled_dot_product_{name}" for name in _ATTENTION),
        *("all_reduce", "all_gather_into_tensor", "reduce_scatter_tensor", "all_to_all_single"),
    ]
)
"""Operators whose results "selective" keeps, of torch's own ("aten") and of its collectives."""


def recompute(model: MMDiT, how: Literal["off", "selective", "full"]) -> None:
    """Let every block of `model` forget `how` much, in place.

    Raises:
        ConfigError: the model's own checkpointing is on, so that blocks would be computed a third time.
    """
    if how == "off":
        return
    if model.checkpointing:
        raise ConfigError('shard.checkpointing: the model\'s own `checkpointing` is on; switch it off, or use "off"')
    forget: dict[str, Any] = {"use_reentrant": False, "preserve_rng_state": False}
    if how == "selective":
        forget["context_fn"] = functools.partial(create_selective_checkpoint_contexts, _policy)
    for block in model.transformer_blocks:
        block.forward = _forgetful(block.forward, forget)


def _forgetful(forward: Callable[..., Any], forget: Mapping[str, Any]) -> Callable[..., Any]:
    """`forward` with a checkpoint around it. A function, since torch's compiler passes over a `partial` in silence."""

    def again(*inputs: Any) -> Any:
        return checkpoint(forward, *inputs, **forget)

    return again


def _policy(_: Any, operator: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    packet = operator.overloadpacket if isinstance(operator, torch._ops.OpOverload) else operator
    kept = getattr(packet, "__name__", "") in _KEPT
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE
