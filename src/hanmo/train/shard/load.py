"""A model straight into shards: each process reads, or makes, no more than what it will hold and one tensor.

Users of other trainers lose hundreds of gigabytes of memory to one whole model per process. Here the model is
built without memory, divided, and then filled (`parts`).

It does not know optimizers, or the condition encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.initialise import new_weights
from hanmo.train.prune import pruned_names
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import local
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.parts import part_of, read_parts
from hanmo.weights.check import check
from hanmo.weights.folder import Folder, open_folder
from hanmo.weights.tensors import Entry


def load_parallel(
    path: Path,
    ranks: MeshRanks,
    config: ShardConfig,
    compiled: bool = False,
    keep: Sequence[int] | None = None,
    learns: bool = True,
) -> MMDiT:
    """The transformer of a checkpoint folder in this run's shards, float32.

    Args:
        path: the folder.
        ranks: of the run.
        config: degrees and choices.
        compiled: compile each block.
        keep: numbers of the blocks that stay (`prune`), the only ones that are read; None for all.
        learns: in training mode, each weight; else frozen and in evaluation mode, as a teacher is.

    Raises:
        WeightsError: the files do not fit the config, or are damaged.
        ConfigError: heads do not come out even, or blocks that the folder has not.
    """
    folder = open_folder(path)
    entries = checked_entries(folder)
    names = None if keep is None else pruned_names(entries, folder.transformer.num_layers, keep)
    layers = folder.transformer.num_layers if keep is None else len(keep)
    model = empty(replace(folder.transformer, num_layers=layers)).requires_grad_(learns)
    parallelise(model, ranks, config, compiled)
    model.to_empty(device=ranks.device)
    read_parts(model, entries, names)
    return model.train(learns).requires_grad_(learns)


def checked_entries(folder: Folder) -> dict[str, Entry]:
    """The tensors of a folder's transformer, as its config says they are.

    Raises:
        WeightsError: they are not, or a file is damaged.
    """
    entries = folder.tensors("transformer")
    shapes = {name: tuple(tensor.shape) for name, tensor in empty(folder.transformer).state_dict().items()}
    check(str(folder.path / "transformer"), shapes, {name: entry.shape for name, entry in entries.items()})
    return entries


def new_parallel(
    architecture: TransformerConfig, seed: int, ranks: MeshRanks, config: ShardConfig, compiled: bool = False
) -> MMDiT:
    """A new transformer in this run's shards: the numbers of `initialise.new_transformer`, made tensor by tensor.

    Raises:
        ConfigError: heads do not come out even.
    """
    model = empty(architecture)
    parallelise(model, ranks, config, compiled)
    model.to_empty(device=ranks.device)
    with torch.no_grad():
        for weight, values in zip(model.parameters(), new_weights(empty(architecture), seed), strict=True):
            local(weight).copy_(values[part_of(weight)])
    return model.train()


def empty(architecture: TransformerConfig) -> MMDiT:
    """A transformer without memory."""
    with torch.device("meta"):
        return MMDiT(architecture)
