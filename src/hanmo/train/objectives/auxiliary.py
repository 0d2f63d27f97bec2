"""Two losses that exist only while training on synthetic cards, and make a small model read free captions.

A card's generator knows which character stands in which half of which patch, so two things can be asked.
*Attention alignment*: in two early blocks and two heads, a patch's joint attention should fall on the
text token of the character that covers its left half (head 0) or right half (head 1). *Glyph identity*: a
linear head on the image stream after a middle block names the character of each half. The report has
neither; its size does without. Both fade out on the way, and the head is thrown away: the checkpoint is
an ordinary one.

The transformer knows nothing of this: hooks keep the inputs of its blocks, and the two heads' queries and
keys are computed a second time from them.

Letters: B batch, S image tokens (target first), P target tokens, T text tokens, N = T + S, D width, H
heads, d head width, K characters, 2 halves of a patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hanmo.errors import ConfigError
from hanmo.model.mmdit import Block, MMDiT, modulated_norm
from hanmo.model.msrope import apply

HALVES = 2
NOBODY = -1
"""A label where no character stands, or where the prompt does not quote it."""
UNKNOWN = -2
"""An identity label that asks nothing: the prompt was dropped."""


@dataclass(frozen=True)
class AuxiliaryConfig:
    """Weights of the two losses, falling in a line to zero at the fraction `until` of the run.

    Attributes:
        alignment: weight of attention alignment; 0 leaves it out.
        identity: weight of glyph identity; 0 leaves it out.
        until: where both reach zero.
        blocks: blocks whose attention is aligned, counted from 0.
        after: block after which characters are named, counted from 0.
        nothing: weight of "no character here" among the identity labels.
    """

    alignment: float = 0.1
    identity: float = 0.2
    until: float = 0.7
    blocks: tuple[int, ...] = (1, 2)
    after: int = 3
    nothing: float = 0.05

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a negative weight or block, or `until` outside (0, 1]; the message names the key.
        """
        for key in ("alignment", "identity", "nothing", "after"):
            if getattr(self, key) < 0:
                raise ConfigError(f"auxiliary.{key} is {getattr(self, key)}; it must be at least 0")
        if not 0.0 < self.until <= 1.0:
            raise ConfigError(f"auxiliary.until is {self.until}; it must lie between 0 (not included) and 1")
        if any(block < 0 for block in self.blocks):
            raise ConfigError(f"auxiliary.blocks is {list(self.blocks)}; blocks are counted from 0")

    def fade(self, done: float) -> float:
        """Factor on both weights after the fraction `done` of the run."""
        return max(0.0, 1.0 - done / self.until)


@dataclass(frozen=True)
class Labels:
    """What is known of each half of each target patch: its text token, its character's number.

    `NOBODY` where there is none; `UNKNOWN` where nothing may be asked.
    """

    token: Int[Tensor, "B P 2"]
    glyph: Int[Tensor, "B P 2"]


class IdentityHead(nn.Module):
    """Names the character in each half of a patch: D -> 2 x (K + 1), the last class is "none"."""

    def __init__(self, width: int, characters: int) -> None:
        """Starts at zero, so that it disturbs nothing before it knows something."""
        super().__init__()
        self.characters = characters
        self.linear = nn.Linear(width, HALVES * (characters + 1))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, image: Float[Tensor, "B P D"]) -> Float[Tensor, "B P 2 K1"]:
        """Scores of every character, and of none."""
        unit = F.layer_norm(image, image.shape[-1:])
        scores: Tensor = self.linear(unit)
        apart: Tensor = scores.unflatten(-1, (HALVES, self.characters + 1))
        return apart


@contextmanager
def watch(model: MMDiT, config: AuxiliaryConfig, active: bool) -> Iterator[dict[int, tuple[Any, ...]]]:
    """Keep the inputs of the aligned blocks, and of the one behind `after`, for one forward pass.

    Args:
        model: where.
        config: which blocks.
        active: False keeps nothing, as when both losses have faded out.

    Yields:
        A table that the pass fills: block number to the positional arguments of `Block.forward`.

    Raises:
        ConfigError: the model has no such block.
    """
    aligned = config.blocks if config.alignment else ()
    named = (config.after + 1,) if config.identity else ()
    wanted = {*aligned, *named} if active else set()
    count = len(model.transformer_blocks)
    if wanted and max(wanted) >= count:
        raise ConfigError(
            f"auxiliary.blocks {list(config.blocks)} and auxiliary.after {config.after} do not fit {count} "
            f"blocks; at most {count - 1} and {count - 2}"
        )
    seen: dict[int, tuple[Any, ...]] = {}

    def keep(number: int) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            seen[number] = inputs

        return hook

    handles = [model.transformer_blocks[number].register_forward_pre_hook(keep(number)) for number in sorted(wanted)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def losses(
    model: MMDiT,
    head: IdentityHead | None,
    seen: Mapping[int, tuple[Any, ...]],
    labels: Labels,
    config: AuxiliaryConfig,
) -> dict[str, Float[Tensor, ""]]:
    """Both losses of a forward pass watched by `watch`, not yet weighted: "alignment" and "identity"."""
    found: dict[str, Tensor] = {}
    if config.alignment:
        blocks: Any = model.transformer_blocks  # a list of Block, which torch's annotation does not say
        parts = [alignment(blocks[number], seen[number], labels.token) for number in config.blocks]
        found["alignment"] = torch.stack(parts).mean()
    if config.identity and head is not None:
        image = seen[config.after + 1][0][:, : labels.glyph.shape[1]]
        found["identity"] = identity(head(image), labels.glyph, config.nothing)
    return found


def alignment(block: Block, inputs: tuple[Any, ...], token: Int[Tensor, "B P 2"]) -> Float[Tensor, ""]:
    """Cross-entropy between a patch's attention over all tokens and the token that it should look at.

    Mean over the labelled halves of each sample, then over samples (those without a label count as 0), so
    that the batch may be cut into parts.
    """
    image, text, mod_image, mod_text, mask, (cos, sin), target = inputs[:7]
    shift, scale = mod_image.chunk(6, dim=-1)[:2]
    text_shift, text_scale = mod_text.chunk(6, dim=-1)[:2]
    image = modulated_norm(image, shift, scale, target)
    text = modulated_norm(text, text_shift, text_scale, 0)
    attn, patches, length = block.attn, token.shape[1], text.shape[1]
    width = attn.to_q.weight.shape[0] // attn.heads * HALVES

    def project(layer: nn.Linear, x: Tensor) -> Tensor:
        heads: Tensor = F.linear(x, layer.weight[:width], layer.bias[:width]).unflatten(-1, (HALVES, -1))
        return heads

    q = apply(attn.norm_q(project(attn.to_q, image[:, :patches])), cos[length:][:patches], sin[length:][:patches])
    keys = [attn.norm_added_k(project(attn.add_k_proj, text)), attn.norm_k(project(attn.to_k, image))]
    k = apply(torch.cat(keys, dim=1), cos, sin)
    scores = torch.einsum("bphd,bnhd->bphn", q, k).float() * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    known = token >= 0
    picked = scores.gather(-1, token.clamp(min=0)[..., None])[..., 0]
    missed = torch.where(known, scores.logsumexp(-1) - picked, 0.0).sum((1, 2))
    return (missed / known.sum((1, 2)).clamp(min=1)).mean()


def identity(scores: Float[Tensor, "B P 2 K1"], glyph: Int[Tensor, "B P 2"], nothing: float) -> Float[Tensor, ""]:
    """Cross-entropy of the named characters, "none" weighted `nothing`; mean per sample, then over all."""
    none = scores.shape[-1] - 1
    labels = torch.where(glyph < 0, none, glyph)
    weight = torch.where(glyph == NOBODY, nothing, (glyph != UNKNOWN).float())
    missed = F.cross_entropy(scores.float().flatten(0, 2), labels.flatten(), reduction="none").view_as(weight)
    return ((missed * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=1e-6)).mean()
