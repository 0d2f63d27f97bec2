"""Changes of a weight matrix that are cheaper to apply beside it than to add to it: LoRA, LoHa and LoKr.

    y = W x + weight * delta(x)        the side path, W untouched
    W' = W + weight * matrix           merged; the same y up to rounding

A LoHa (the elementwise product of two products of low rank) is itself of low rank, the product of both
ranks, so it becomes a `LowRank` when it is read. The report has no adapters; LoRA is arXiv 2106.09685, LoHa
2108.06098, LoKr 2212.10650. Nothing here knows files, names or networks.

Letters: I inputs, O outputs, r rank; a b and c d the sides of a Kronecker product's two factors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LowRank:
    """scale * up @ down."""

    down: Float[Tensor, "r I"]
    up: Float[Tensor, "O r"]
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """(outputs, inputs) of the matrix that it changes."""
        return len(self.up), self.down.shape[1]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """What it is made of."""
        return self.down, self.up

    def to(self, device: torch.device, dtype: torch.dtype) -> LowRank:
        """The same on another device or in another dtype."""
        return replace(self, down=self.down.to(device, dtype), up=self.up.to(device, dtype))

    def matrix(self) -> Float[Tensor, "O I"]:
        """The change as a whole, in float32."""
        return self.scale * (self.up.float() @ self.down.float())

    def times(self, x: Float[Tensor, "*any I"], weight: float) -> Float[Tensor, "*any O"]:
        """Weight times the change of the product, in x's dtype and on its device, through the narrow middle."""
        narrow = F.linear(x, self.down.to(x)) * (weight * self.scale)
        return F.linear(narrow, self.up.to(x))


@dataclass(frozen=True)
class Kronecker:
    """scale * kron(left, right)."""

    left: Float[Tensor, "a b"]
    right: Float[Tensor, "c d"]
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """(outputs, inputs) of the matrix that it changes: (a c, b d)."""
        return len(self.left) * len(self.right), self.left.shape[1] * self.right.shape[1]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """What it is made of."""
        return self.left, self.right

    def to(self, device: torch.device, dtype: torch.dtype) -> Kronecker:
        """The same on another device or in another dtype."""
        return replace(self, left=self.left.to(device, dtype), right=self.right.to(device, dtype))

    def matrix(self) -> Float[Tensor, "O I"]:
        """The change as a whole, in float32."""
        return self.scale * torch.kron(self.left.float(), self.right.float())

    def times(self, x: Float[Tensor, "*any I"], weight: float) -> Float[Tensor, "*any O"]:
        """Weight times the change of the product: x as a [b, d] table, left @ x @ right^T."""
        table = x.unflatten(-1, (self.left.shape[1], self.right.shape[1]))
        left = self.left.to(x) * (weight * self.scale)
        return (left @ F.linear(table, self.right.to(x))).flatten(-2)


Delta = LowRank | Kronecker


def hadamard(
    first: tuple[Float[Tensor, "O p"], Float[Tensor, "p I"]],
    second: tuple[Float[Tensor, "O q"], Float[Tensor, "q I"]],
    scale: float,
) -> LowRank:
    """A LoHa, scale * (a1 @ b1) * (a2 @ b2), as a change of rank p q: exact, no dense matrix is formed."""
    (a1, b1), (a2, b2) = first, second
    up = (a1[:, :, None] * a2[:, None]).flatten(1)
    down = (b1[:, None] * b2[None]).flatten(0, 1)
    return LowRank(down, up, scale)
