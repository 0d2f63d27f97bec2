"""Classifier-free guidance with the released rescale: the guided velocity keeps the norm of the plain one.

It knows no model: `guide` mixes two predictions, and whoever predicts decides how. Source: the released
pipelines; the report does not state guidance.

Letters: B pictures, S tokens, P channels of a token.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def guide(positive: Float[Tensor, "B S P"], negative: Float[Tensor, "B S P"], scale: float) -> Float[Tensor, "B S P"]:
    """Mix as negative + scale (positive - negative), each token at the norm of its positive velocity.

    Args:
        positive: velocity under the prompt.
        negative: velocity under the negative prompt.
        scale: 1 gives `positive` back; more moves away from `negative`.

    Returns:
        Guided velocity. A token whose mixture is exactly zero stays zero (diffusers would give NaN there).
    """
    mixed = negative + scale * (positive - negative)
    wanted = torch.linalg.vector_norm(positive, dim=-1, keepdim=True)
    found = torch.linalg.vector_norm(mixed, dim=-1, keepdim=True)
    guided: Tensor = mixed * (wanted / found.clamp_min(torch.finfo(found.dtype).tiny))
    return guided
