"""From a snapshot of many processes to plain weights, in one process and without a process group.

`consolidate` writes a checkpoint folder of the published layout. It holds the tensors of one file of the
result at a time, never a model: each is put together from the shards that have a part of it. What the
snapshot lacks (frozen weights, the VAE, tokenizer, configs) comes from the checkpoint that the run began
with. `load_plain` fills modules that are there already, such as those of a run that began without one.

It does not know objectives, recipes or optimizers.
"""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from hanmo.errors import OutputError, WeightsError
from hanmo.model.qwen_vl import checkpoint_name
from hanmo.train.step_folders import read_mark
from hanmo.weights.files import atomic_folder
from hanmo.weights.fill import parse_dtype
from hanmo.weights.folder import Folder, open_folder, stem_of
from hanmo.weights.save import SHARD_BYTES, not_written, stream_tensors
from hanmo.weights.tensors import Entry, reading

Published = Callable[[str], str]
COMPONENTS: Mapping[str, tuple[str, Published]] = {
    "transformer": ("transformer", str),
    "encoder": ("text_encoder", checkpoint_name),
}
"""Modules of a run that are components of a checkpoint, and how a parameter of theirs is called there."""


@dataclass(frozen=True)
class Saved:
    """The plain view of a snapshot: for each weight its key in DCP's index, its shape and its type.

    Attributes:
        path: the snapshot's folder.
        keys: by "module.parameter".
        shapes: of the whole tensors.
        dtypes: as they were saved.
    """

    path: Path
    keys: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, torch.dtype]

    def of(self, module: str) -> list[str]:
        """Names of a module's parameters and buffers, without the module's."""
        return [name.removeprefix(f"{module}.") for name in self.keys if name.startswith(f"{module}.")]

    def read(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Whole tensors on the CPU by "module.parameter".

        Raises:
            WeightsError: a shard cannot be read.
        """
        room = {self.keys[name]: torch.empty(self.shapes[name], dtype=self.dtypes[name]) for name in names}
        _load(self.path, room)
        return {name: room[self.keys[name]] for name in names}


def open_snapshot(path: Path, averaged: bool = True) -> Saved:
    """Look into a snapshot; no tensor is read.

    Args:
        path: a folder `step-N` of a run's snapshots.
        averaged: take the moving averages of weights that learn; else the weights themselves.

    Raises:
        TrainingError: it is unfinished or damaged.
        WeightsError: its index cannot be read.
    """
    read_mark(path)
    try:
        index = FileSystemReader(path).read_metadata().state_dict_metadata
    except Exception as error:  # unpickling a damaged file can fail in any way
        raise WeightsError(f"the index of {path} cannot be read: {error}; take another snapshot") from error
    keys: dict[str, str] = {}
    for part in ("model", "ema") if averaged else ("model",):
        keys |= {key.removeprefix(f"{part}."): key for key in index if key.startswith(f"{part}.")}
    tensors = {name: index[key] for name, key in keys.items()}
    shapes, dtypes = {}, {}
    for name, tensor in tensors.items():
        if isinstance(tensor, TensorStorageMetadata):
            shapes[name], dtypes[name] = tuple(tensor.size), tensor.properties.dtype
    return Saved(path, {name: keys[name] for name in shapes}, shapes, dtypes)


def load_plain(path: Path, modules: Mapping[str, nn.Module], averaged: bool = True) -> None:
    """Fill unsharded modules from a snapshot, in place; what was frozen in the run stays as it is.

    Args:
        path: a folder `step-N` of a run's snapshots.
        modules: by the names they had in the run.
        averaged: with the moving averages.

    Raises:
        TrainingError: the snapshot is unfinished or damaged.
        WeightsError: it has a weight that the module has not, or of another shape.
    """
    saved = open_snapshot(path, averaged)
    for module_name, module in modules.items():
        names = saved.of(module_name)
        live = module.state_dict()
        _check(path, module_name, saved, {name: name for name in names}, {k: tuple(v.shape) for k, v in live.items()})
        _load(path, {saved.keys[f"{module_name}.{name}"]: live[name] for name in names})


def consolidate(
    snapshot: Path,
    base: Path,
    target: Path,
    dtype: str | torch.dtype | None = "bfloat16",
    averaged: bool = True,
    shard_bytes: int = SHARD_BYTES,
) -> Path:
    """Write a snapshot as a checkpoint folder; one already at `target` is replaced in one move.

    Args:
        snapshot: a folder `step-N` of a run's snapshots, by any number of processes.
        base: the checkpoint folder that the run began with.
        target: the folder to make.
        dtype: what tensors of trained components are cast to; None keeps the snapshot's.
        averaged: write the moving averages.
        shard_bytes: largest single file, and with it the most that is held in memory (twice while it is
            cast).

    Returns:
        The folder.

    Raises:
        TrainingError: the snapshot is unfinished or damaged.
        WeightsError: `base` is no checkpoint, or has not the weights that were trained.
        OutputError: the disk is full, or `target` is something else than a checkpoint.
    """
    saved, folder, cast = open_snapshot(snapshot, averaged), open_folder(base), parse_dtype(dtype)
    trained = {module: parts for module, parts in COMPONENTS.items() if saved.of(module)}
    if not trained:
        raise WeightsError(f"{snapshot} has none of {', '.join(COMPONENTS)}: nothing of it goes into a checkpoint")
    if target.resolve() == base.resolve():
        raise OutputError(f"{target} is what the run began with: give another name")
    if target.is_dir() and any(target.iterdir()) and not (target / "model_index.json").is_file():
        raise OutputError(f"{target} exists and is no checkpoint: give a new name, or remove it first")
    with atomic_folder(target) as new:
        try:
            copy_rest(base, new, {component for component, _ in trained.values()})
            for module, (component, published) in trained.items():
                _write(new, folder, saved, module, component, published, cast, shard_bytes)
        except SafetensorError as error:
            raise OutputError(not_written(target, error)) from None
    return target


def _write(
    new: Path,
    base: Folder,
    saved: Saved,
    module: str,
    component: str,
    published: Published,
    cast: torch.dtype | None,
    shard_bytes: int,
) -> None:
    entries = base.tensors(component)
    names = {published(name): name for name in saved.of(module)}
    _check(saved.path, module, saved, names, {name: entry.shape for name, entry in entries.items()})
    wide = cast or next(saved.dtypes[f"{module}.{name}"] for name in names.values())
    sizes = {name: math.prod(entry.shape) * wide.itemsize for name, entry in entries.items()}

    def read(wanted: Sequence[str]) -> dict[str, Tensor]:
        found = _from_base(entries, [name for name in wanted if name not in names])
        tensors = saved.read([f"{module}.{names[name]}" for name in wanted if name in names])
        found |= {name: tensors.pop(f"{module}.{names[name]}") for name in wanted if name in names}
        return {name: found.pop(name).to(wide).contiguous() for name in wanted}

    stream_tensors(new / component, stem_of(component), sizes, read, shard_bytes)


def _from_base(entries: Mapping[str, Entry], names: Sequence[str]) -> dict[str, Tensor]:
    with reading(entries) as reader:
        return {name: reader.tensor(name).clone() for name in names}


def copy_rest(base: Path, new: Path, trained: Collection[str]) -> None:
    """Copy everything of a checkpoint folder but the tensors of trained components."""
    for item in sorted(base.iterdir()):
        if item.name in trained:
            shutil.copytree(item, new / item.name, ignore=shutil.ignore_patterns("*.safetensors*"))
        elif item.is_dir():
            shutil.copytree(item, new / item.name)
        else:
            shutil.copy2(item, new / item.name)


def _check(
    path: Path, module: str, saved: Saved, names: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    for published, name in names.items():
        shape = saved.shapes[f"{module}.{name}"]
        if shapes.get(published) != shape:
            there = f"has {list(shapes[published])}" if published in shapes else "does not know it"
            raise WeightsError(
                f"{path} does not fit: {module}.{name} is {list(shape)}, the model to fill {there}; "
                "give what the run began with"
            )
    own, whole = (_blocks(each) for each in (names, shapes))
    if own and own < whole:  # the rest would be the base's, and the whole a model that nobody trained
        raise WeightsError(
            f"{path} does not fit: {module} has {len(own)} of the {len(whole)} blocks of the model to fill, as a "
            "student of fewer blocks has: take what its run exports"
        )


def _blocks(names: Iterable[str]) -> set[str]:
    """Numbers of a transformer's blocks."""
    return {name.split(".")[1] for name in names if name.startswith("transformer_blocks.")}


def _load(path: Path, room: dict[str, Tensor]) -> None:
    with warnings.catch_warnings():  # DCP warns that it reads in one process: that is what is wanted
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        try:
            load(dict(room), storage_reader=FileSystemReader(path), no_dist=True)
        except CheckpointException as error:
            _, (cause, _) = next(iter(error.failures.items()))
            raise WeightsError(f"{path} cannot be read: {cause}; take another snapshot") from None
