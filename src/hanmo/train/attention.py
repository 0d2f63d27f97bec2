"""Attention for training on short sequences: plain matrix products instead of the fused kernel.

On a CPU the fused kernel's backward pass is made for long sequences; with some sixty tokens it takes a
third of a whole step, the plain products a small part of that. Numbers agree up to rounding. Models are
not changed: the transformer's `attend` and transformers' own switch are set from outside.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.train.rows import innermost


def plain_attention(
    query: Float[Tensor, "B H N d"],
    key: Float[Tensor, "B H M d"],
    value: Float[Tensor, "B H M d"],
    mask: Bool[Tensor, "B 1 1 M"] | None,
) -> Float[Tensor, "B H N d"]:
    """softmax(q k^T / sqrt(d)) v, the softmax in float32; False in the mask hides a key.

    Nothing of N x M is kept for the backward pass: it is computed again there, a seventh product
    beside the six of attention and its gradients.
    """
    kind = query.device.type
    if torch.is_autocast_enabled(kind):
        query, key, value = (each.to(torch.get_autocast_dtype(kind)) for each in (query, key, value))
    made: Tensor = _Plain.apply(query, key, value, mask)
    return made


class _Plain(torch.autograd.Function):
    """The products of `plain_attention`, and their gradients; all in the format of the arguments."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        ctx.save_for_backward(query, key, value, mask)
        with torch.autocast(query.device.type, enabled=False):
            return _weights(query, key, mask).to(value.dtype) @ value

    @staticmethod
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, mask = ctx.saved_tensors
        with torch.autocast(query.device.type, enabled=False):
            weights = _weights(query, key, mask)
            to_value = weights.to(value.dtype).transpose(-2, -1) @ given
            change = (given @ value.transpose(-2, -1)).float()
            scores = weights * (change - (change * weights).sum(-1, keepdim=True))
            scores = scores.mul_(query.shape[-1] ** -0.5).to(query.dtype)
            return scores @ key, scores.transpose(-2, -1) @ query, to_value, None


def _weights(query: Tensor, key: Tensor, mask: Tensor | None) -> Float[Tensor, "B H N M"]:
    """softmax(q k^T / sqrt(d)) in float32."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill_(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1, dtype=torch.float32)


def use_plain_attention(transformer: MMDiT, encoder: ConditionEncoder | None = None) -> None:
    """Let the networks attend by plain products from now on."""
    blocks: Any = transformer.transformer_blocks  # a list of Block, which torch's annotation does not say
    for block in blocks:
        innermost(block.attn).attend = plain_attention
    if encoder is not None:
        encoder.model.set_attn_implementation("eager")
