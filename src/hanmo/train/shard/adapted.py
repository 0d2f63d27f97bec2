"""A frozen base under adapters, straight into shards: no process ever has the base whole.

The base is built without memory, peft's adapters are put on it, all of it is divided, and then each process reads its
part of every tensor in the format in which the base rests. Adapters lie in the same shards as the block they change:
a unit of FSDP2 may hold weights that learn, float32, beside others that rest in bfloat16. They begin with the numbers
of `adapters.adapt`, drawn module by module.

It does not know heads: peft's layers around weights that are cut by heads would multiply parts by wholes. Nor does it
know eight bits, or blocks in the computer's memory; recipes refuse them with shards.
"""

from __future__ import annotations

import torch

from hanmo.model.mmdit import MMDiT
from hanmo.train.adapters import AdapterConfig, Trained, adapt, adapted_names, base_names, first_values
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import local
from hanmo.train.shard.load import checked_entries, empty
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.parts import part_of, read_parts
from hanmo.weights.folder import Folder
from hanmo.weights.tensors import reading


def load_adapted(
    folder: Folder,
    ranks: MeshRanks,
    shard: ShardConfig,
    config: AdapterConfig,
    seed: int,
    dtype: torch.dtype,
    compiled: bool = False,
) -> tuple[MMDiT, Trained]:
    """The transformer of a checkpoint with a new adapter, in this run's shards.

    Args:
        folder: the checkpoint.
        ranks: of the run.
        shard: degrees and choices.
        config: the adapter.
        seed: of its random half.
        dtype: in which the base rests.
        compiled: compile each block.

    Returns:
        The transformer, in training mode, and its weights that learn, float32.

    Raises:
        RequestError: peft is not installed.
        WeightsError: the files do not fit the config, or are damaged.
        ConfigError: a target that no linear module's name ends in.
    """
    entries = checked_entries(folder)
    model = shell(folder, config, seed, dtype)
    parallelise(model, ranks, shard, compiled)
    model.to_empty(device=ranks.device)
    read_parts(model, entries, base_names(model))
    shapes = [(name, entries[f"{name}.weight"].shape) for name in adapted_names(model)]
    with torch.no_grad(), reading(entries) as reader:
        for name, value in first_values(shapes, config, seed, dtype, lambda name: reader.tensor(f"{name}.weight")):
            weight = model.get_parameter(name)
            local(weight).copy_(value[part_of(weight)])
    return model.train(), Trained(model)


def shell(folder: Folder, config: AdapterConfig, seed: int, dtype: torch.dtype) -> MMDiT:
    """The adapted transformer of a checkpoint without memory, to be divided, or filled with what was collected."""
    model = empty(folder.transformer).to(dtype)
    adapt(model, config, seed)
    return model
