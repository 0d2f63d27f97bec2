"""The processes of a run as a mesh of data groups x context x tensor-parallel processes, and this one's place in it.

Neighbouring ranks form one tensor-parallel group, and neighbours of these the context processes, since they talk in
every block; torchrun puts them on one machine. A step's batches are dealt out to the data groups, so the processes of
a group compute the same batches. Weights lie in shards over data and context together, as each process of either
holds a part of their gradients; so that is one axis here.

It does not know models, batches or files of a run.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from hanmo.errors import ConfigError
from hanmo.train.ranks import PATIENCE, Ranks, alive, launched, torchrun_store
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import clip, settle, sum_copies

SHARDS, CONTEXT, TENSOR = "shards", "context", "tensor"


@dataclass(frozen=True)
class MeshRanks(Ranks):
    """Process `rank` of `count`, as the loop sees it.

    Attributes:
        mesh: of axes "shards" (data x context) and "tensor".
        context: the processes that share this one's tokens; None where tokens are not divided.
        device: where it computes.
    """

    mesh: DeviceMesh | None = None
    context: DeviceMesh | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def axes(self) -> DeviceMesh:
        """The mesh."""
        assert self.mesh is not None, "MeshRanks are made by `joined`"
        return self.mesh

    @property
    def divided(self) -> bool:
        """Always."""
        return True

    @property
    def groups(self) -> int:
        """The processes of one group compute one batch."""
        return self.axes[SHARDS].size() // self._sharing

    def parts(self, accumulate: int) -> range:
        """The batches of a step that this process's group computes, of `accumulate` in all."""
        return range(self.axes[SHARDS].get_local_rank() // self._sharing, accumulate, self.groups)

    @property
    def _sharing(self) -> int:
        """Processes that divide a batch's tokens."""
        return 1 if self.context is None else self.context.size()

    def sum(self, parameters: Sequence[nn.Parameter], values: Mapping[str, float]) -> dict[str, float]:
        """Finish the gradients of a step, and sum `values` over the data groups; every process must call it.

        Gradients in shards were summed in the backward pass; those of copies are summed here, over context
        processes too, as each has the part that its tokens gave (of what comes before the transformer: see `context`).

        Args:
            parameters: in the same order everywhere.
            values: the same keys everywhere.

        Raises:
            TrainingError: another process has ended.
        """
        settle(parameters)
        copies = [parameter for parameter in parameters if not _in_shards(parameter)]
        with alive():
            sums = sum_copies(copies, values, self.axes[SHARDS].get_group(), self.device)
        return {key: value / self._sharing for key, value in sums.items()}

    def clip(self, parameters: Sequence[nn.Parameter], limit: float) -> float:
        """Clip the gradients of the whole mesh to the length `limit`; the length before.

        Raises:
            TrainingError: another process has ended.
        """
        with alive():
            return clip(parameters, limit, self.device)


def _in_shards(parameter: nn.Parameter) -> bool:
    return isinstance(parameter, DTensor) and SHARDS in (parameter.device_mesh.mesh_dim_names or ())


@contextlib.contextmanager
def joined(config: ShardConfig, device: torch.device, store: Path | None = None) -> Iterator[MeshRanks]:
    """Meet the other processes that torchrun started (RANK, WORLD_SIZE and LOCAL_RANK tell who they are).

    Args:
        config: degrees; their product is WORLD_SIZE.
        device: kind of device; on CUDA the process takes number LOCAL_RANK.
        store: a file to meet in; torchrun's address when None.

    Raises:
        ConfigError: torchrun did not start this process, or started another number.
    """
    count = launched()
    if count == 1 < config.count:
        raise ConfigError(
            f"{config.words} needs {config.count} processes, but this is a single one; start the run with "
            f"torchrun --nproc-per-node {config.count} -m hanmo train ..."
        )
    if count != config.count:
        raise ConfigError(
            f"{config.words} needs {config.count} processes, but {count} "
            f"were started; start torchrun with {config.count}, or change the degrees"
        )
    rank = int(os.environ.get("RANK", "0"))
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    elif sys.platform.startswith("linux") and int(os.environ.get("LOCAL_WORLD_SIZE", count)) == count:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all on this machine, whatever its name resolves to
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    if store is None:
        meeting, _, _ = torchrun_store()
        dist.init_process_group(backend, store=meeting, rank=rank, world_size=count, timeout=PATIENCE)
    else:
        dist.init_process_group(backend, init_method=store.as_uri(), rank=rank, world_size=count, timeout=PATIENCE)
    try:
        mesh = init_device_mesh(device.type, (config.shards, config.tensor), mesh_dim_names=(SHARDS, TENSOR))
        context = None
        if config.context > 1:
            degrees = (config.data, config.context, config.tensor)
            context = init_device_mesh(device.type, degrees, mesh_dim_names=("data", CONTEXT, TENSOR))[CONTEXT]
        yield MeshRanks(rank, count, mesh, context, device)
    finally:
        dist.destroy_process_group()
