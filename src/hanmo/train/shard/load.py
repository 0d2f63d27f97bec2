"""A model straight into shards: each process reads, or makes, no more than what it will hold and one tensor.

Users of other trainers lose hundreds of gigabytes of memory to one whole model per process. Here the model is
built without memory, divided, and then filled (`parts`).

It does not know optimizers, or the condition encoder.
"""

from __future__ import annotations

from pathlib import Path

import torch

from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.initialise import new_weights
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import local
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.parts import part_of, read_parts
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
    model = _empty(folder.transformer)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    check(str(folder.path / "transformer"), shapes, {name: entry.shape for name, entry in entries.items()})
    parallelise(model, ranks, config, compiled)
    model.to_empty(device=ranks.device)
    read_parts(model, entries)
    return model.train().requires_grad_(True)


def new_parallel(
    architecture: TransformerConfig, seed: int, ranks: MeshRanks, config: ShardConfig, compiled: bool = False
) -> MMDiT:
    """A new transformer in this run's shards: the numbers of `initialise.new_transformer`, made tensor by tensor.

    Raises:
        ConfigError: heads do not come out even.
    """
    model = _empty(architecture)
    parallelise(model, ranks, config, compiled)
    model.to_empty(device=ranks.device)
    with torch.no_grad():
        for weight, values in zip(model.parameters(), new_weights(_empty(architecture), seed), strict=True):
            local(weight).copy_(values[part_of(weight)])
    return model.train()


def _empty(architecture: TransformerConfig) -> MMDiT:
    with torch.device("meta"):
        return MMDiT(architecture)
