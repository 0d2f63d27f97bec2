"""Which part of a whole tensor this process holds, and reading no more than that from a file.

A tensor is cut among the processes of a group first (heads), what is left among the rest (shards); either
cut is in pieces of one size, the last ones shorter.

It does not know models.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate

from hanmo.errors import WeightsError
from hanmo.train.shard.gradients import local
from hanmo.train.shard.mesh import SHARDS, TENSOR
from hanmo.weights.tensors import Entry, reading


@torch.no_grad()
def read_parts(module: nn.Module, entries: Mapping[str, Entry], names: Mapping[str, str] | None = None) -> None:
    """Fill a divided module with its parts of the tensors on disk, cast to its own type.

    Args:
        module: with memory.
        entries: what is on disk.
        names: of the module's tensors that are filled, and what each is called on disk; None for all, of one name.

    Raises:
        WeightsError: a tensor of integers, as quantised weights are.
    """
    state = module.state_dict()
    with reading(entries) as reader:
        for name, there in (names or {name: name for name in state}).items():
            found = reader.part(there)[part_of(state[name])]
            if not found.is_floating_point():
                raise WeightsError(
                    f"{there} in {entries[there].file} is {found.dtype}; training begins at plain weights"
                )
            local(state[name]).copy_(found)


def part_of(tensor: Tensor) -> tuple[slice, ...]:
    """Which part of the whole `tensor` this process holds: heads were dealt out first, shards cut from that."""
    spans = [(0, size) for size in tensor.shape]
    if isinstance(tensor, DTensor):
        mesh = tensor.device_mesh
        names = mesh.mesh_dim_names or ()
        for name in (TENSOR, SHARDS):
            if name not in names or (placement := tensor.placements[names.index(name)]) == Replicate():
                continue
            axis: int = placement.dim  # type: ignore[attr-defined]
            start, end = spans[axis]
            step = -(-(end - start) // mesh[name].size())
            first = min(start + mesh[name].get_local_rank() * step, end)
            spans[axis] = (first, min(first + step, end))
    return tuple(slice(start, end) for start, end in spans)
