"""A frozen base in eight bits: weights kept as int8 or float8 with one scale a row, computed with in the input's dtype.

    W ~ scale * q        int8: |W - scale q| <= scale / 2, scale = max|row| / 127
                         float8 (e4m3): |W - scale q| <= |W| / 16 + scale 2^-10, scale = max|row| / 448

Only a module's weight is replaced, only where nothing learns, and from outside: an adapter beside it (`adapters`) stays
float32. The product keeps no full weight for the backward pass. This is ours; the report trains in bfloat16. It does
not know adapters, blocks or devices.

Letters: O outputs, I inputs.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from hanmo.errors import RequestError

Eight = Literal["int8", "float8"]
_MOST = {"int8": 127.0, "float8": 448.0}


class FrozenLinear(nn.Module):
    """x W^T + b with W in eight bits; nothing here has a gradient but x."""

    def __init__(self, weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"] | None, kind: Eight) -> None:
        """Round `weight`; the dtype it has is the one that products of other dtypes are not cast to."""
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.dtype = weight.dtype
        rows = weight.detach().float()
        scale = rows.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / _MOST[kind]
        small = rows / scale[:, None]
        eighth = small.round().to(torch.int8) if kind == "int8" else small.to(torch.float8_e4m3fn)
        self.register_buffer("rounded", eighth)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if bias is None else bias.detach())

    @property
    def weight(self) -> Float[Tensor, "O I"]:
        """The rounded weight, computed anew, in the dtype of the one it was made from."""
        return _weight(self.get_buffer("rounded"), self.get_buffer("scale"), self.dtype)

    def forward(self, x: Float[Tensor, "*any I"]) -> Float[Tensor, "*any O"]:
        """The product in x's dtype, or in autocast's."""
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        product: Tensor = _Product.apply(x.to(dtype), self.rounded, self.scale)
        return product if self.bias is None else product + self.get_buffer("bias").to(dtype)


class _Product(torch.autograd.Function):
    """x W^T; W is made from its eight bits twice rather than kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rounded: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(rounded, scale)
        return F.linear(x, _weight(rounded, scale, x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        rounded, scale = ctx.saved_tensors
        (gradient,) = gradients
        return gradient @ _weight(rounded, scale, gradient.dtype), None, None


def _weight(rounded: Shaped[Tensor, "O I"], scale: Float[Tensor, " O"], dtype: torch.dtype) -> Float[Tensor, "O I"]:
    return (rounded.to(torch.float32) * scale[:, None]).to(dtype)


@torch.no_grad()
def round_frozen(network: nn.Module, kind: Eight) -> int:
    """Replace every linear module of a network whose weight does not learn by one in eight bits.

    Args:
        network: changed in place, module by module, so that no second copy of it is ever there.
        kind: "int8" or "float8".

    Returns:
        Bytes of the weights that were replaced, as they are now.

    Raises:
        RequestError: nothing in it is frozen: there is no base whose weights could be rounded.
    """
    total = 0
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear) and hasattr(child, "weight") and _is_frozen(child):
                small = FrozenLinear(child.weight, child.bias, kind)
                setattr(parent, name, small)
                total += sum(buffer.numel() * buffer.element_size() for buffer in small.buffers())
    if not total:
        raise RequestError(f"no linear module of {type(network).__name__} is frozen: {kind} is for a base that rests")
    return total


def _is_frozen(module: nn.Linear) -> bool:
    """Not peft's own wrapper (it is a module around a linear one), and nothing in it learns."""
    return not hasattr(module, "base_layer") and not any(p.requires_grad for p in module.parameters())
