"""LoRA files: found, read strictly, and brought to one form whatever dialect they were written in.

Every tensor of a file must belong to a module of the transformer and fit it; else the file is refused in one
line, with the nearest module. `alpha` and the scale in PEFT's metadata are folded into each change's
`scale`. Putting changes onto a network is the engine's work (`engine/adapters.py`).

Letters: I inputs, O outputs of a linear module, r rank.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hanmo.errors import WeightsError
from hanmo.weights.delta import Delta, Kronecker, LowRank, hadamard
from hanmo.weights.hub import Source, is_hub_id, resolve
from hanmo.weights.lora_dialects import HADAMARD, KRONECKER, LOW_RANK, Names, is_text_encoder, split_key, why_refused
from hanmo.weights.lora_scale import Scaling, read_scaling
from hanmo.weights.tensors import Entry, read_header, reading

FILE_NAMES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
"""Names under which diffusers and PEFT save a LoRA: what is taken from a folder, or from a hub id alone."""

_READABLE = frozenset({"F64", "F32", "F16", "BF16"})
_HUB_FILE = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)/(\S+\.safetensors)")

Parts = dict[str, Tensor]


@dataclass(frozen=True)
class Lora:
    """A LoRA as a set of changes, by the transformer's names of its linear modules."""

    path: Path
    deltas: Mapping[str, Delta]

    def to(self, device: torch.device, dtype: torch.dtype) -> Lora:
        """The same on another device or in another dtype."""
        return Lora(self.path, {name: delta.to(device, dtype) for name, delta in self.deltas.items()})


def find_lora(model: str | Path, source: Source = "huggingface") -> Path:
    """The file of a LoRA on this machine, fetched first when it is on a hub.

    Args:
        model: a safetensors file; a folder, or a hub id (owner/name), that holds one under diffusers' or
            PEFT's name; or a file of a hub repository (owner/name/FILE.safetensors).
        source: the hub that ids are looked up on.

    Raises:
        WeightsError: no such file, folder or repository, or no network and nothing cached.
    """
    path = Path(model).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        return _in_folder(path, f"the folder {path}")
    inside = _HUB_FILE.fullmatch(str(model))
    if isinstance(model, str) and not path.parent.is_dir():
        if inside is not None:
            folder = resolve(inside[1], source, patterns=(inside[2],))
            if not (folder / inside[2]).is_file():
                raise WeightsError(f"{inside[1]} on {source} holds no file {inside[2]}: check the spelling")
            return folder / inside[2]
        if is_hub_id(model) and path.suffix != ".safetensors":
            return _in_folder(resolve(model, source, patterns=FILE_NAMES), f"{model} on {source}")
    raise WeightsError(
        f"the LoRA file {str(model)!r} does not exist: give a .safetensors file, or one on a hub as "
        "owner/name/FILE.safetensors"
    )


def read_lora(path: Path, modules: Mapping[str, tuple[int, int]]) -> Lora:
    """Read a LoRA for a network.

    Args:
        path: a safetensors file.
        modules: (O, I) of every linear module of the network, by its name.

    Returns:
        Its changes on the CPU, in the file's dtype, mapped and not copied where nothing had to be computed.

    Raises:
        WeightsError: the file is damaged or no safetensors file; a tensor is of no kind we apply, matches no
            module, has another shape than its module needs, or is not finite.
    """
    entries = read_header(path)
    scaling = read_scaling(path)
    places = _sorted(path, entries, Names(modules))
    deltas = {}
    with reading(entries) as files:
        for name, keys in places.items():
            parts = {part: files.tensor(key) for part, key in keys.items()}
            where = f"{path}: {name}"
            for part, tensor in parts.items():
                if not bool(torch.isfinite(tensor).all()):
                    raise WeightsError(f"{where} holds values that are not finite ({part}): the training diverged")
            deltas[name] = _delta(where, name, parts, scaling)
            if deltas[name].shape != tuple(modules[name]):
                raise WeightsError(
                    f"{where} is changed as a matrix of {list(deltas[name].shape)}, but is {list(modules[name])} "
                    "here: the LoRA was trained for another size of model"
                )
    return Lora(path, deltas)


def _sorted(path: Path, entries: Mapping[str, Entry], names: Names) -> dict[str, dict[str, str]]:
    """Which keys of the file are which parts of which module of the network."""
    places: dict[str, dict[str, str]] = defaultdict(dict)
    unmatched: dict[str, str] = {}
    for key, entry in entries.items():
        split = split_key(key)
        if is_text_encoder(key):
            raise WeightsError(f"{path}: {key!r} is for a text encoder: Hanmo applies LoRAs to the transformer only")
        if split is None:
            raise WeightsError(f"{path}: {why_refused(key)}")
        if entry.dtype not in _READABLE:
            raise WeightsError(f"{path}: {key!r} is of type {entry.dtype}; allowed: {', '.join(sorted(_READABLE))}")
        module, part = split
        name = names.find(module)
        if name is None:
            unmatched[module] = key
        elif part in places[name]:
            raise WeightsError(f"{path}: {key!r} and {places[name][part]!r} are the same part: give one adapter a file")
        else:
            places[name][part] = key
    if unmatched:
        first = next(iter(unmatched))
        raise WeightsError(
            f"{path}: {len(unmatched)} of its {len(unmatched) + len(places)} modules match nothing in this "
            f"transformer (first: {first!r}; the nearest is {names.nearest(first)!r}): the LoRA is of another "
            "model, or its names are of a dialect that Hanmo does not read"
        )
    if not places:
        raise WeightsError(f"{path} holds no tensor: it is no LoRA")
    return places


def _delta(where: str, name: str, parts: Parts, scaling: Scaling | None) -> Delta:
    """One module's change from the tensors that a file has for it."""
    given = set(parts) - {"alpha"}
    if given == set(LOW_RANK):
        down, up = _matrices(where, parts, LOW_RANK)
        rank = _rank(where, up, down)
        stated = None if scaling is None or "alpha" in parts else scaling.of(name)
        return LowRank(down, up, _scale(where, parts, rank) if stated is None else stated)
    if given == set(HADAMARD):
        a1, b1, a2, b2 = _matrices(where, parts, HADAMARD)
        rank = _rank(where, a1, b1)
        _rank(where, a2, b2)
        if (len(a1), b1.shape[1]) != (len(a2), b2.shape[1]):
            raise WeightsError(f"{where}: its two factors differ in shape: the file is damaged")
        return hadamard((a1, b1), (a2, b2), _scale(where, parts, rank))
    if given and given <= set(KRONECKER):
        return _kronecker(where, parts)
    raise WeightsError(
        f"{where} has only {', '.join(sorted(parts))}: a LoRA needs both of its matrices, a LoHa all four, "
        "a LoKr both factors"
    )


def _kronecker(where: str, parts: Parts) -> Kronecker:
    """A LoKr. Its alpha counts against the rank of a factor that is itself a product, else not at all."""
    factors, rank = [], None
    for name in ("lokr_w1", "lokr_w2"):
        whole, halves = name in parts, (f"{name}_a", f"{name}_b")
        if whole == all(half in parts for half in halves) or (whole and any(half in parts for half in halves)):
            raise WeightsError(f"{where} needs {name}, or {halves[0]} and {halves[1]}: the file is damaged")
        if whole:
            factors += _matrices(where, parts, (name,))
        else:
            first, second = _matrices(where, parts, halves)
            rank = _rank(where, first, second)
            factors.append(first @ second)
    return Kronecker(factors[0], factors[1], 1.0 if rank is None else _scale(where, parts, rank))


def _matrices(where: str, parts: Parts, names: tuple[str, ...]) -> list[Tensor]:
    for name in names:
        if parts[name].ndim != 2:
            raise WeightsError(f"{where} ({name}) has the shape {list(parts[name].shape)}: a matrix is needed")
    return [parts[name] for name in names]


def _rank(where: str, wide: Tensor, narrow: Tensor) -> int:
    """The rank of the product wide @ narrow."""
    if wide.shape[1] != len(narrow) or len(narrow) == 0:
        raise WeightsError(
            f"{where}: matrices of {list(wide.shape)} and {list(narrow.shape)} do not multiply: their ranks differ"
        )
    return len(narrow)


def _scale(where: str, parts: Parts, rank: int) -> float:
    """Alpha / rank; 1 where the file has no alpha."""
    if "alpha" not in parts:
        return 1.0
    alpha = parts["alpha"]
    if alpha.numel() != 1:
        raise WeightsError(f"{where} (alpha) has the shape {list(alpha.shape)}: a single number is needed")
    scale = float(alpha) / rank
    assert math.isfinite(scale)  # every tensor was checked
    return scale


def _in_folder(folder: Path, what: str) -> Path:
    found = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    if len(found) != 1:
        there = f"{len(found)} of" if found else "neither of"
        raise WeightsError(f"{what} holds {there} {' and '.join(FILE_NAMES)}: name the .safetensors file itself")
    return found[0]
