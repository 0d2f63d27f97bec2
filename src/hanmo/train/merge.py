"""A checkpoint with adapters merged into it, made tensor by tensor: for a base that no process has whole.

Base weights are read from the checkpoint that the run began with; there are never more of them in memory than one file
of the result holds. It does not know training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from hanmo.errors import OutputError
from hanmo.train.adapters import Layer
from hanmo.train.consolidate import copy_rest
from hanmo.weights.files import atomic_folder
from hanmo.weights.folder import Folder, stem_of
from hanmo.weights.save import SHARD_BYTES, not_written, stream_tensors
from hanmo.weights.tensors import reading

_PART = "transformer"


def merge_into(base: Folder, layers: Sequence[Layer], target: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Write a checkpoint folder, its transformer in bfloat16; one already at `target` is replaced in one move.

    Args:
        base: the checkpoint that was adapted.
        layers: adapted modules, on the CPU; what their base modules hold plays no part.
        target: the folder to make.
        shard_bytes: largest single file.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    entries = base.tensors(_PART)
    changed = {f"{layer.name}.weight": layer for layer in layers}
    sizes = {name: math.prod(entry.shape) * torch.bfloat16.itemsize for name, entry in entries.items()}

    def read(names: Sequence[str]) -> dict[str, Tensor]:
        with reading(entries) as reader:
            return {name: _merged(changed.get(name), reader.tensor(name)) for name in names}

    with atomic_folder(target) as new:
        try:
            copy_rest(base.path, new, {_PART})
            stream_tensors(new / _PART, stem_of(_PART), sizes, read, shard_bytes)
        except SafetensorError as error:
            raise OutputError(not_written(target, error)) from None


def _merged(layer: Layer | None, weight: Tensor) -> Tensor:
    """One tensor of the result, with memory of its own."""
    if layer is not None:
        alone = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
        rests = next(layer.base.parameters()).dtype  # what the adapter was trained on was rounded to it
        alone.weight = nn.Parameter(weight.to(rests), requires_grad=False)
        weight = replace(layer, base=alone).merged()
    return weight.to(torch.bfloat16, copy=True).contiguous()
