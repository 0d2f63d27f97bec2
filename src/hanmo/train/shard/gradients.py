"""Sums, norms and clipping of gradients that lie in shards, copies and parts over a mesh.

A gradient is a plain tensor (a copy in each process), or a DTensor over one axis of the mesh or both. torch's
own clipping wants all of them on one mesh; here each process squares what it holds, counts what is held several
times in part, and one sum over all processes gives the norm.

It does not know what the parameters are of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate


def local(tensor: Tensor) -> Tensor:
    """What this process holds of `tensor`; the memory is shared."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


@torch.no_grad()
def settle(parameters: Sequence[nn.Parameter]) -> None:
    """Sum gradients that are still parts (of weights that all heads share), so that they lie as their weights."""
    for parameter in parameters:
        grad = parameter.grad
        if isinstance(grad, DTensor) and isinstance(parameter, DTensor) and grad.placements != parameter.placements:
            parameter.grad = grad.redistribute(placements=parameter.placements)


@torch.no_grad()
def sum_copies(
    parameters: Sequence[nn.Parameter], values: Mapping[str, float], group: dist.ProcessGroup, device: torch.device
) -> dict[str, float]:
    """Sum gradients (in place) and `values` over `group`.

    Args:
        parameters: held as copies by the processes of the group, in the same order; one that has a gradient
            nowhere is left without.
        values: the same keys everywhere.
        group: over which.
        device: of the numbers.
    """
    if group.size() == 1:
        return dict(values)
    present = torch.tensor([float(parameter.grad is not None) for parameter in parameters], device=device)
    numbers = torch.tensor(list(values.values()), dtype=torch.float32, device=device)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([present, numbers, *(local(gradient).flatten() for gradient in gradients)])
    dist.all_reduce(flat, group=group)
    counts, sums, rest = flat.split([len(present), len(numbers), len(flat) - len(present) - len(numbers)])
    parts = rest.split([local(gradient).numel() for gradient in gradients])
    for parameter, gradient, part, somewhere in zip(parameters, gradients, parts, counts.tolist(), strict=True):
        local(gradient).copy_(part.view_as(local(gradient)))
        parameter.grad = gradient if somewhere else None
    return dict(zip(values, sums.tolist(), strict=True))


@torch.no_grad()
def clip(parameters: Sequence[nn.Parameter], limit: float, device: torch.device) -> float:
    """Scale all gradients down to the length `limit`, if they are longer; the length before, the same everywhere.

    Args:
        parameters: settled; gradients lie as they do.
        limit: longest allowed, over the whole mesh; infinity only measures.
        device: of the numbers.
    """
    count = dist.get_world_size()
    shares: dict[float, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            shares.setdefault(_pieces(parameter.grad) / count, []).append(local(parameter.grad))
    total = torch.zeros((), device=device)
    for share, held in shares.items():
        total += share * torch.stack(torch._foreach_norm(held)).square().sum()
    dist.all_reduce(total)
    norm = math.sqrt(float(total))
    factor = limit / (norm + 1e-6)
    if factor < 1.0:
        for held in shares.values():
            torch._foreach_mul_(held, factor)
    return norm


def _pieces(tensor: Tensor) -> int:
    """In how many pieces `tensor` lies over the mesh."""
    if not isinstance(tensor, DTensor):
        return 1
    mesh = tensor.device_mesh
    sizes = (mesh.size(axis) for axis, placement in enumerate(tensor.placements) if placement != Replicate())
    return math.prod(sizes)
