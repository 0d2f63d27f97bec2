"""A checkpoint straight into shards: each process reads from the files only what it will hold.

Users of other trainers lose hundreds of gigabytes of memory to one whole model per process. Here the model is
built without memory, divided, and then filled; a process never has more than its part and one slice in memory.

It does not know optimizers, or the condition encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate

from hanmo.errors import WeightsError
from hanmo.model.mmdit import MMDiT
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import local
from hanmo.train.shard.mesh import DATA, TENSOR, MeshRanks
from hanmo.train.shard.parallel import parallelise
from hanmo.weights.check import check
from hanmo.weights.folder import open_folder
from hanmo.weights.tensors import Entry, reading


def load_parallel(path: Path, ranks: MeshRanks, config: ShardConfig, compiled: bool = False) -> MMDiT:
    """The transformer of a checkpoint folder in this run's shards, float32, in training mode.

    Args:
        path: the folder.
        ranks: of the run.
        config: degrees and choices.
        compiled: compile each block.

    Raises:
        WeightsError: the files do not fit the config, or are damaged.
        ConfigError: heads do not come out even.
    """
    folder = open_folder(path)
    entries = folder.tensors("transformer")
    with torch.device("meta"):
        model = MMDiT(folder.transformer)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    check(str(folder.path / "transformer"), shapes, {name: entry.shape for name, entry in entries.items()})
    parallelise(model, ranks, config, compiled)
    model.to_empty(device=ranks.device)
    read_parts(model, entries)
    return model.train().requires_grad_(True)


@torch.no_grad()
def read_parts(module: nn.Module, entries: Mapping[str, Entry]) -> None:
    """Fill a divided module with its parts of the tensors on disk, cast to its own type.

    Raises:
        WeightsError: a tensor of integers, as quantised weights are.
    """
    with reading(entries) as reader:
        for name, tensor in module.state_dict().items():
            found = reader.part(name)[part_of(tensor)]
            if not found.is_floating_point():
                raise WeightsError(f"{name} in {entries[name].file} is {found.dtype}; training begins at plain weights")
            local(tensor).copy_(found)


def part_of(tensor: Tensor) -> tuple[slice, ...]:
    """Which part of the whole `tensor` this process holds: heads were dealt out first, shards cut from that."""
    spans = [(0, size) for size in tensor.shape]
    if isinstance(tensor, DTensor):
        mesh = tensor.device_mesh
        names = mesh.mesh_dim_names or ()
        for name in (TENSOR, DATA):
            if name not in names or (placement := tensor.placements[names.index(name)]) == Replicate():
                continue
            axis: int = placement.dim  # type: ignore[attr-defined]
            start, end = spans[axis]
            step = -(-(end - start) // mesh[name].size())
            first = min(start + mesh[name].get_local_rank() * step, end)
            spans[axis] = (first, min(first + step, end))
    return tuple(slice(start, end) for start, end in spans)
