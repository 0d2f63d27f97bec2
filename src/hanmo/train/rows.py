"""Positions and masks for each row of a batch, where rows have other numbers or sizes of source pictures.

The transformer takes one list of picture shapes for a whole batch, which is all that inference needs: it paints
pictures of one layout together. In a training batch every row may have its own sources, and text begins behind
the largest picture of its row. So the sources' tokens are padded to the longest row, the transformer is told of
one long picture in their place, and just before attention each row's queries and keys are turned from these
positions to their own: the rotation by (own - told). Keys of padding are hidden. That is one call of the whole
model for any batch, as sharded models need it: all processes must make the same calls.

Models are not changed: `attend` is wrapped from outside, over whatever is there; so replace attention first. It
holds until the next batch, as recomputed activations (checkpointing) need it: go back before the next forward,
and `clear` before a pipeline paints.
It does not know losses or samples.

Letters: B rows, H heads, N keys (text, target, sources), M queries, T text tokens, S target tokens, C source
tokens, d head width, `half` d/2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hanmo.model.mmdit import Attend, MMDiT
from hanmo.model.msrope import Shape, apply, rope

Shapes = tuple[Shape, ...]
"""Of the pictures of one row in tokens: the target's, then its sources'."""


@dataclass(frozen=True)
class Turn:
    """What is added to the positions of each row, as rotations, and the keys that it may see."""

    cos: Float[Tensor, "B N half"]
    sin: Float[Tensor, "B N half"]
    keys: Bool[Tensor, "B N"]
    text: int

    def __call__(self, x: Float[Tensor, "B H M d"], first: int) -> Float[Tensor, "B H M d"]:
        """Turn tokens number `first` and following."""
        batch, _, count, _ = x.shape
        # One row of B*M tokens: `apply` takes one table for all rows.
        cos, sin = (table[:, first : first + count].flatten(0, 1) for table in (self.cos, self.sin))
        tokens = x.transpose(1, 2).flatten(0, 1)[None]
        turned: Tensor = apply(tokens, cos, sin)[0].unflatten(0, (batch, count)).transpose(1, 2)
        return turned


class RowAttention:
    """An attention over rows of different layouts, around another that knows nothing of them."""

    def __init__(self, attend: Attend) -> None:
        self.attend = attend
        self.turn: Turn | None = None

    def __call__(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """As `attend`, with this batch's positions and keys; plainly, when its rows have one layout."""
        turn = self.turn
        if turn is None:
            return self.attend(query, key, value, mask)
        first = turn.text if query.shape[2] < key.shape[2] else 0  # the last block asks for the target only
        return self.attend(turn(query, first), turn(key, 0), value, turn.keys[:, None, None])


@runtime_checkable
class Around(Protocol):
    """An attention around another."""

    attend: Attend


def innermost(attn: Around) -> Around:
    """What holds the attention that computes: a block's `attn`, or the last attention around another."""
    while isinstance(attn.attend, Around):
        attn = attn.attend
    return attn


@dataclass(frozen=True)
class RowPositions:
    """The wrapped attentions of a transformer."""

    transformer: MMDiT
    wrapped: tuple[RowAttention, ...]

    def use(self, rows: Sequence[Shapes], mask: Bool[Tensor, "B T"] | None, text: int, device: torch.device) -> Shapes:
        """Prepare the next forward.

        Args:
            rows: shapes of every row; the target's is the same in all.
            mask: True for real text tokens; None when all are.
            text: text tokens of the batch.
            device: the transformer's.

        Returns:
            The shapes to call the transformer with; the batch has so many tokens.
        """
        same = all(shapes == rows[0] for shapes in rows)
        shapes = rows[0] if same else _told(rows)
        turn = None if same else self._turn(rows, shapes, mask, text, device)
        for attend in self.wrapped:
            attend.turn = turn
        return shapes

    def forget(self) -> None:
        """Attend plainly again, for whoever calls the transformer without `use`, such as the pipeline in previews."""
        for attend in self.wrapped:
            attend.turn = None

    def _turn(
        self, rows: Sequence[Shapes], told: Shapes, mask: Bool[Tensor, "B T"] | None, text: int, device: torch.device
    ) -> Turn:
        config = self.transformer.config
        tables = [rope(shapes, text, config.axes_dims_rope, device, config.use_layer3d_rope) for shapes in rows]
        cos, sin = rope(told, text, config.axes_dims_rope, device, config.use_layer3d_rope).joint()
        keys = torch.zeros(len(rows), len(cos), dtype=torch.bool, device=device)
        angles = torch.zeros(2, len(rows), *cos.shape, device=device)
        for row, table in enumerate(tables):
            own_cos, own_sin = table.joint()
            count = len(own_cos)
            keys[row, :count] = True
            # cos and sin of (own - told), from the same tables that the model uses: nothing is rounded twice.
            angles[0, row, :count] = own_cos * cos[:count] + own_sin * sin[:count]
            angles[1, row, :count] = own_sin * cos[:count] - own_cos * sin[:count]
        if mask is not None:
            keys[:, :text] = mask.to(device)
        return Turn(angles[0], angles[1], keys, text)


def row_positions(transformer: MMDiT) -> RowPositions:
    """Wrap the attention of every block (once: a second call finds what the first one made)."""
    wrapped = []
    blocks: Any = transformer.transformer_blocks  # a list of Block, which torch's annotation does not say
    for block in blocks:
        holder = innermost(block.attn)
        if not isinstance(holder, RowAttention):
            holder.attend = RowAttention(holder.attend)
            holder = holder.attend
        wrapped.append(holder)
    return RowPositions(transformer, tuple(wrapped))


def tokens_of(shapes: Shapes) -> int:
    """Tokens of a row's sources."""
    return sum(math.prod(shape) for shape in shapes[1:])


def _told(rows: Sequence[Shapes]) -> Shapes:
    return (rows[0][0], (1, 1, max(tokens_of(shapes) for shapes in rows)))
