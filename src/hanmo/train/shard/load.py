"""A checkpoint straight into shards: each process reads from the files only what it will hold.

Users of other trainers lose hundreds of gigabytes of memory to one whole model per process. Here the model is
built without memory, divided, and then filled (`parts`).

It does not know optimizers, or the condition encoder.
"""

from __future__ import annotations

from pathlib import Path

import torch

from hanmo.model.mmdit import MMDiT
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.parts import read_parts
from hanmo.weights.check import check
from hanmo.weights.folder import open_folder


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
