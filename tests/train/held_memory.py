"""A program of several processes: what each holds in memory while it loads its part of an adapted base.

Started by `test_divided_adapter`; each process prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import weakref
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hanmo.train.adapters import AdapterConfig
from hanmo.train.shard.adapted import load_adapted
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import local
from hanmo.train.shard.mesh import joined
from hanmo.weights.folder import open_folder


class Held(TorchDispatchMode):
    """Bytes of memory, mapped files apart, that tensors made under it hold: now, and the most at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.places: set[int] = set()
        self.now = self.most = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.device.type == "cpu":
                self._count((tensor.to_local() if isinstance(tensor, DTensor) else tensor).untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        place, size = storage.data_ptr(), storage.nbytes()
        if not place or place in self.places or mapped(place):
            return
        self.places.add(place)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._gone, place, size)

    def _gone(self, place: int, size: int) -> None:
        self.places.discard(place)
        self.now -= size


def mapped(place: int) -> bool:
    """Whether an address is of a mapped weights file, which takes no memory of its own."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split(" ", 1)[0].split("-"))
        if first <= place < last:
            return line.endswith(".safetensors")
    return False


def main(path: Path) -> None:
    """Load, and say what was held."""
    folder, shard = open_folder(path), ShardConfig(data=int(os.environ["WORLD_SIZE"]))
    sizes = [4 * entry.numel for entry in folder.tensors("transformer").values()]
    with joined(shard, torch.device("cpu")) as ranks, Held() as held:
        model, _ = load_adapted(folder, ranks, shard, AdapterConfig(rank=1, dora=True), 0, torch.float32)
        own = sum(local(parameter).nbytes for parameter in model.parameters())
    found = {"own": own, "at_end": held.now, "most": held.most, "whole": sum(sizes), "largest": max(sizes)}
    sys.stdout.write(json.dumps({"rank": ranks.rank, **found}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
