"""One process of two that share a toy transformer by FSDP and train on batches of different layouts.

Run as `python sharded_samples.py RANK FOLDER`; the first leaves the gradients of one step in FOLDER.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from toy_samples import generators, maker, mixed, sample, transformer

from hanmo.train.batches import SampleBatch
from hanmo.train.objectives.samples import row_errors
from hanmo.train.rows import row_positions


def batch_of(rank: int) -> SampleBatch:
    """Mixed sources for the first process, text alone for the second."""
    samples = mixed() if rank == 0 else [sample(30), sample(31)]
    return maker().batch(samples, generators(len(samples), rank))


def main(rank: int, folder: Path) -> None:
    """One step."""
    store = (folder / "store").as_uri()
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=timedelta(seconds=120))
    net = transformer()
    positions = row_positions(net)
    for block in net.transformer_blocks:
        fully_shard(block.img_mod[1])  # these two are called before the block is
        fully_shard(block.txt_mod[1])
        fully_shard(block)
    fully_shard(net)
    batch = batch_of(rank)
    (batch.weights * row_errors(positions, batch, torch.device("cpu"))).mean().backward()
    gradients = {}
    for name, parameter in net.named_parameters():
        if isinstance(parameter.grad, DTensor):
            gradients[name] = parameter.grad.full_tensor()
    if rank == 0:
        torch.save(gradients, folder / "gradients.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
