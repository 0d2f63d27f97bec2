"""What the tokens of a picture may look at while only a part of it is painted (attention control for masks).

"free": everything looks at everything. "isolate": tokens that are kept look at kept tokens, condition pictures
and the text only, so that nothing of the painted part reaches them before the result is put together; painted
tokens see everything. "soft": the same as a bias, so that they look at painted tokens e^softness times less.

It does not know pictures or the transformer: it makes the table that its attention adds or obeys.

Letters: B pictures, S target tokens, C tokens of condition pictures, T text tokens, N = T + S + C.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

Attention = Literal["free", "isolate", "soft"]


def attention_table(
    painted: Bool[Tensor, "B S"],
    text: Bool[Tensor, "B T"] | None,
    length: int,
    others: int,
    softness: float | None,
    dtype: torch.dtype,
) -> Shaped[Tensor, "B 1 N N"]:
    """Who may look at whom: rows ask, columns answer; text first, then the target, then condition pictures.

    Args:
        painted: target tokens in which anything is painted.
        text: False for padding of the text; None when there is none.
        length: text tokens T.
        others: tokens of condition pictures C.
        softness: None forbids (bool table); a number is taken off the scores (table of `dtype`).
        dtype: of the bias.
    """
    batch = len(painted)
    head = painted.new_zeros(batch, length)
    tail = painted.new_zeros(batch, others)
    changes = torch.cat([head, painted, tail], dim=1)
    is_text = torch.cat([~head, torch.zeros_like(painted), tail], dim=1)
    kept = ~changes & ~is_text
    barred = kept[:, :, None] & changes[:, None, :]
    keys = torch.ones_like(changes)
    if text is not None:
        keys[:, :length] = text.to(keys.device)
    if softness is None:
        return (~barred & keys[:, None, :])[:, None]
    bias = torch.zeros(barred.shape, dtype=dtype, device=barred.device)
    bias.masked_fill_(barred, -softness)
    bias.masked_fill_(~keys[:, None, :].expand_as(barred), float("-inf"))
    return bias[:, None]
