"""Between the published tensors of the VAE (3-D convolutions over time) and ours (2-D, one frame).

Reading keeps the last time slice of each kernel and leaves `time_conv` on disk. Writing puts zeros in the
other slices and zero `time_conv` tensors, so that diffusers loads the folder and computes the same pictures;
a video model cannot be recovered from such a file.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hanmo.model.config import VAEConfig

# Layers that are 2-D in the published file as well.
PLANAR = (".resample.1.", ".to_qkv.", ".proj.")


def is_temporal(name: str) -> bool:
    """Whether a published tensor is needed for video only."""
    return ".time_conv." in name


def is_volume(name: str, rank: int) -> bool:
    """Whether one of our tensors of this rank is stored with a time axis in the published file."""
    return rank == 4 and name.endswith(".weight") and not any(part in name for part in PLANAR)


def published_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Published shape of our tensor `name`: a 3x3 kernel has three time slices, a 1x1 kernel one."""
    if not is_volume(name, len(shape)):
        return tuple(shape)
    outward, inward, height, width = shape
    return (outward, inward, height, height, width)


def temporal_shapes(config: VAEConfig) -> dict[str, tuple[int, ...]]:
    """Names and published shapes of the tensors that only video needs."""
    shapes: dict[str, tuple[int, ...]] = {}
    levels, flags = config.dim_mult, config.temperal_downsample
    for level, flag in enumerate(flags):
        index = (level + 1) * (config.num_res_blocks + 1) - 1
        if flag:
            width = config.base_dim * levels[level]
            shapes[f"encoder.down_blocks.{index}.time_conv.weight"] = (width, width, 3, 1, 1)
            shapes[f"encoder.down_blocks.{index}.time_conv.bias"] = (width,)
    for level, flag in enumerate(reversed(flags)):
        if flag:
            width = config.base_dim * levels[len(levels) - 1 - level]
            name = f"decoder.up_blocks.{level}.upsamplers.0.time_conv"
            shapes[f"{name}.weight"] = (2 * width, width, 3, 1, 1)
            shapes[f"{name}.bias"] = (2 * width,)
    return shapes


def to_published(state: Mapping[str, Tensor], config: VAEConfig) -> dict[str, Tensor]:
    """State of our VAE as tensors of the published layout."""
    published: dict[str, Tensor] = {}
    for name, tensor in state.items():
        shape = published_shape(name, tuple(tensor.shape))
        if len(shape) == tensor.ndim:
            published[name] = tensor.contiguous()
        else:
            volume = torch.zeros(shape, dtype=tensor.dtype, device=tensor.device)
            volume[:, :, -1] = tensor
            published[name] = volume
    first = next(iter(state.values()))
    for name, shape in temporal_shapes(config).items():
        published[name] = torch.zeros(shape, dtype=first.dtype, device=first.device)
    return published


def from_published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of our VAE from published tensors already in memory (files are sliced by `weights`)."""
    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if not is_temporal(name):
            state[name] = tensor[:, :, -1].contiguous() if tensor.ndim == 5 else tensor
    return state
