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


def plain_attention(
    query: Float[Tensor, "B H N d"],
    key: Float[Tensor, "B H M d"],
    value: Float[Tensor, "B H M d"],
    mask: Bool[Tensor, "B 1 1 M"] | None,
) -> Float[Tensor, "B H N d"]:
    """softmax(q k^T / sqrt(d)) v, the softmax in float32; False in the mask hides a key."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype) @ value


def use_plain_attention(transformer: MMDiT, encoder: ConditionEncoder | None = None) -> None:
    """Let the networks attend by plain products from now on."""
    blocks: Any = transformer.transformer_blocks  # a list of Block, which torch's annotation does not say
    for block in blocks:
        block.attn.attend = plain_attention
    if encoder is not None:
        encoder.model.set_attn_implementation("eager")
