"""What a checkpoint is made of: components, classes, parameters, dtypes, bytes. No tensor is read.

A folder is described by the headers of its files, which are compared with its configs; a published name
(`qwen-image`) by its configuration alone; a hub id by its configs, which are fetched, and by what is in the
cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from hanmo.errors import WeightsError
from hanmo.weights.blueprint import (
    Blueprint,
    encoder_blueprint,
    parameters,
    transformer_blueprint,
    vae_blueprint,
)
from hanmo.weights.check import check
from hanmo.weights.folder import ENCODER_CLASS, Folder, open_folder, stem_of
from hanmo.weights.hub import CONFIG_PATTERNS, PATTERNS, Source, is_hub_id, resolve
from hanmo.weights.preferences import Preferences
from hanmo.weights.released import QWEN25_VL_7B, RELEASED, Released
from hanmo.weights.tensors import BITS

# Names of safetensors' types as torch calls them.
_TORCH_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_SAFETENSORS_NAMES = {name: key for key, name in _TORCH_NAMES.items()}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a component: shape and dtype as stored, and whether a picture needs it."""

    shape: tuple[int, ...]
    dtype: str
    live: bool


@dataclass(frozen=True)
class Component:
    """One component with tensors.

    Attributes:
        name: its folder.
        class_name: the class that its config names.
        tensors: everything stored, by published name.
        live: parameters that are in memory while pictures are made.
        files: whether the numbers come from files; else from the config alone.
    """

    name: str
    class_name: str
    tensors: Mapping[str, Tensor]
    live: int
    files: bool

    @property
    def parameters(self) -> int:
        """Numbers stored."""
        return sum(prod(tensor.shape) for tensor in self.tensors.values())

    @property
    def nbytes(self) -> int:
        """Bytes stored, headers left out."""
        bits = sum(prod(t.shape) * BITS[_SAFETENSORS_NAMES.get(t.dtype, t.dtype)] for t in self.tensors.values())
        return bits // 8

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Types stored, as torch calls them."""
        return tuple(sorted({tensor.dtype for tensor in self.tensors.values()}))


@dataclass(frozen=True)
class Info:
    """A checkpoint: its name, place, pipeline class, components, other parts by class, preferences."""

    model: str
    path: Path | None
    class_name: str
    components: tuple[Component, ...]
    others: Mapping[str, str]
    preferences: Preferences

    def __getitem__(self, component: str) -> Component:
        """The component of that name."""
        return {part.name: part for part in self.components}[component]


def describe(model: str | Path | None = None, source: Source = "huggingface", revision: str | None = None) -> Info:
    """Describe a checkpoint without allocating it.

    Args:
        model: None for the bundled model, a folder, a hub id (only its configs are fetched), or a published
            name: qwen-image, qwen-image-edit, qwen-image-edit-2509, qwen-image-edit-2511.
        source: the hub that ids are looked up on.
        revision: branch, tag or commit on the hub.

    Raises:
        WeightsError: no such model, or files that are damaged or do not fit their configs.
    """
    if isinstance(model, str) and model.lower() in RELEASED and not Path(model).is_dir():
        if revision is not None:
            raise WeightsError(
                f"revision {revision!r} was given with the built-in description of {model}: leave it out"
            )
        return _released(model.lower(), RELEASED[model.lower()])
    remote = isinstance(model, str) and is_hub_id(model)
    path = resolve(model, source, revision, CONFIG_PATTERNS if remote else PATTERNS)
    folder = open_folder(path)
    components = tuple(_from_folder(folder, name, remote) for name in ("transformer", "vae", "text_encoder"))
    parts = {
        name: str(value[1])
        for name, value in folder.index.items()
        if isinstance(value, list) and len(value) == 2 and value[1] and name not in {part.name for part in components}
    }
    return Info(str(model or path.name), path, str(folder.index["_class_name"]), components, parts, folder.preferences)


def _released(name: str, facts: Released) -> Info:
    components = (
        _from_blueprint(
            "transformer",
            facts.transformer.class_name(),
            transformer_blueprint(facts.transformer),
            facts.dtype,
        ),
        _from_blueprint("vae", facts.vae.class_name(), vae_blueprint(facts.vae), facts.dtype),
        _from_blueprint("text_encoder", ENCODER_CLASS, encoder_blueprint(QWEN25_VL_7B), facts.dtype),
    )
    others = {"tokenizer": "Qwen2Tokenizer", "scheduler": "FlowMatchEulerDiscreteScheduler"}
    if "Edit" in facts.pipeline:
        others["processor"] = "Qwen2VLProcessor"
    return Info(f"{name} ({facts.hub_id}, as published)", None, facts.pipeline, components, others, Preferences())


def _from_folder(folder: Folder, name: str, may_lack_files: bool) -> Component:
    blueprint, class_name, config = _blueprint(folder, name)
    if may_lack_files and not _has_files(folder, name):
        dtype = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16")
        return _from_blueprint(name, class_name, blueprint, dtype)
    entries = folder.tensors(name)
    found = {key: entry.shape for key, entry in entries.items()}
    expected = {key: shape for key, shape in blueprint.stored.items() if key in found or key not in blueprint.optional}
    check(str(folder.path / name), expected, found)
    tensors = {
        key: Tensor(entry.shape, _TORCH_NAMES.get(entry.dtype, entry.dtype), key not in blueprint.optional)
        for key, entry in entries.items()
    }
    return Component(name, class_name, tensors, parameters(blueprint.live), True)


def _from_blueprint(name: str, class_name: str, blueprint: Blueprint, dtype: str) -> Component:
    tensors = {key: Tensor(shape, dtype, key not in blueprint.optional) for key, shape in blueprint.stored.items()}
    return Component(name, class_name, tensors, parameters(blueprint.live), False)


def _blueprint(folder: Folder, name: str) -> tuple[Blueprint, str, Mapping[str, Any]]:
    match name:
        case "transformer":
            return transformer_blueprint(folder.transformer), folder.transformer.class_name(), {}
        case "vae":
            return vae_blueprint(folder.vae), folder.vae.class_name(), {}
        case _:
            return encoder_blueprint(folder.text_encoder), ENCODER_CLASS, folder.text_encoder


def _has_files(folder: Folder, name: str) -> bool:
    home, stem = folder.path / name, stem_of(name)
    return any(path.suffix == ".safetensors" for path in home.iterdir() if path.name.startswith(stem))
