"""Weights for LPIPS of the published shapes, made by a formula: looks are not judged with them, formulas are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

SHAPES = ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3))


def wave(shape: tuple[int, ...], scale: float, start: int) -> Tensor:
    """Numbers that look random and are the same everywhere."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.from_numpy((np.sin(k * k * 0.001 + k * 1.7 + start) * scale).reshape(shape)).float()


def weights(folder: Path) -> tuple[Path, Path]:
    backbone, heads = {}, {}
    for number, (place, channels, before, side) in enumerate(SHAPES):
        shape = (channels, before, side, side)
        backbone[f"features.{place}.weight"] = wave(shape, (2 / (before * side * side)) ** 0.5 * 1.4, number)
        backbone[f"features.{place}.bias"] = wave((channels,), 0.1, 10 + number)
        heads[f"lin{number}.model.1.weight"] = wave((1, channels, 1, 1), 1, 20 + number).abs()
    save_file(backbone, folder / "alexnet.safetensors")
    torch.save(heads, folder / "alex.pth")
    return folder / "alexnet.safetensors", folder / "alex.pth"


def install(folder: Path) -> tuple[Path, Path]:
    """The two files where torchvision and lpips would have put them: folders for TORCH_HOME and for sys.path."""
    backbone, heads = weights(folder)
    cached = folder / "torch" / "hub" / "checkpoints"
    package = folder / "site" / "lpips"
    (package / "weights" / "v0.1").mkdir(parents=True)
    cached.mkdir(parents=True)
    torch.save(load_file(backbone), cached / "alexnet-owt-7be5be79.pth")
    (package / "__init__.py").write_text("")
    heads.rename(package / "weights" / "v0.1" / "alex.pth")
    return folder / "torch", folder / "site"
