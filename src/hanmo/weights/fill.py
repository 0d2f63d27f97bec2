"""From tensors on disk to a model that was built without memory (meta device).

Only what the model has is read: of a VAE kernel with a time axis the last slice, of the text encoder no
language head, and nothing of what is video's alone. A tensor that needs neither a cast nor another device
stays mapped to its file. This module knows no model; it takes any module on the meta device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from hanmo.errors import WeightsError
from hanmo.weights.check import check
from hanmo.weights.tensors import Entry, reading

_READABLE = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
_DTYPES = ("float32", "bfloat16", "float16")


def parse_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """A torch dtype from its name; None (keep the file's) stays None.

    Raises:
        WeightsError: no floating type of that name is allowed.
    """
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in _DTYPES:
        raise WeightsError(f"dtype {dtype!r} is not allowed: choose one of {', '.join(_DTYPES)}")
    parsed: torch.dtype = getattr(torch, dtype)
    return parsed


def parse_device(device: str | torch.device) -> torch.device:
    """A torch device that exists on this machine.

    Raises:
        WeightsError: no such device here, or no such name.
    """
    try:
        parsed = torch.device(device)
    except RuntimeError:
        raise WeightsError(f"device {device!r} is not known: give cpu, cuda, cuda:N or mps") from None
    if parsed.type == "cuda" and not torch.cuda.is_available():
        raise WeightsError(f"device {str(device)!r} was asked for, but torch sees no CUDA device: use --device cpu")
    if parsed.type == "cuda" and (parsed.index or 0) >= torch.cuda.device_count():
        raise WeightsError(f"device {str(device)!r} does not exist: there are {torch.cuda.device_count()} CUDA devices")
    if parsed.type == "mps" and not torch.backends.mps.is_available():
        raise WeightsError("device 'mps' was asked for, but torch sees no Apple GPU: use --device cpu")
    return parsed


def fill(
    part: str,
    module: nn.Module,
    entries: Mapping[str, Entry],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    checkpoint_name: Callable[[str], str] = str,
    published_shape: Callable[[str, tuple[int, ...]], tuple[int, ...]] = lambda _, shape: shape,
    left_on_disk: Callable[[str], bool] = lambda _: False,
) -> None:
    """Give every parameter of a module on the meta device its tensor, after a strict comparison.

    Args:
        part: the component, for messages.
        module: built on the meta device.
        entries: the component's tensors, as `open_tensors` lists them.
        device: where the parameters go.
        dtype: what floating tensors are cast to; None keeps the file's.
        checkpoint_name: name in the files of one of the module's tensors.
        published_shape: shape in the files of one of the module's tensors, by its name in the module.
        left_on_disk: whether a tensor in the files is known and not needed for a picture.

    Raises:
        WeightsError: tensors are missing, unexpected or mis-shaped, quantised, or the files are corrupt.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    expected = {checkpoint_name(name): published_shape(name, shape) for name, shape in wanted.items()}
    check(part, expected, {name: entry.shape for name, entry in entries.items() if not left_on_disk(name)})
    _check_types(part, [entries[name] for name in expected])
    state: dict[str, Tensor] = {}
    with reading(entries) as files:
        for name, shape in wanted.items():
            stored = checkpoint_name(name)
            folded = len(entries[stored].shape) == len(shape) + 1
            tensor: Tensor = files.part(stored)[:, :, -1] if folded else files.tensor(stored)
            state[name] = tensor.to(device=device, dtype=dtype or tensor.dtype)
    module.load_state_dict(state, strict=True, assign=True)


def _check_types(part: str, entries: list[Entry]) -> None:
    strange = sorted({entry.dtype for entry in entries} - _READABLE)
    if strange:
        raise WeightsError(
            f"{part} holds tensors of type {', '.join(strange)}: quantised weights, which this "
            "loader does not read; "
            f"allowed: {', '.join(sorted(_READABLE))}; use the folder as published"
        )
