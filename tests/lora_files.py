"""Random LoRA files in every dialect, for the transformer of any size. It knows nothing of our readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

RANK, ALPHA = 4, 3.0
Pair = tuple[Tensor, Tensor]


def linears(model: nn.Module) -> dict[str, tuple[int, int]]:
    return {name: tuple(m.weight.shape) for name, m in model.named_modules() if isinstance(m, nn.Linear)}


def pairs(shapes: Mapping[str, tuple[int, int]], seed: int = 0, rank: int = RANK) -> dict[str, Pair]:
    """(down, up) of each module, about as large together as a weight of unit gain."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (
            torch.randn(rank, inputs, generator=generator) / inputs**0.5,
            torch.randn(outputs, rank, generator=generator) / rank**0.5,
        )
        for name, (outputs, inputs) in shapes.items()
    }


def dialect(kind: str, changes: Mapping[str, Pair]) -> dict[str, Tensor]:
    """The state dict of a file; the kinds with `alpha` mean ALPHA / RANK times the product."""
    state: dict[str, Tensor] = {}
    for name, (down, up) in changes.items():
        flat = name.replace(".", "_")
        alpha: dict[str, Tensor] = {}
        match kind:
            case "transformer.":
                first, second = f"transformer.{name}.lora_A.weight", f"transformer.{name}.lora_B.weight"
            case "diffusion_model.":
                first, second = f"diffusion_model.{name}.lora_A.weight", f"diffusion_model.{name}.lora_B.weight"
            case "lora_unet_":
                first, second = f"lora_unet_{flat}.lora_down.weight", f"lora_unet_{flat}.lora_up.weight"
                alpha = {f"lora_unet_{flat}.alpha": torch.tensor(ALPHA)}
            case "lora_down":
                first, second = f"{name}.lora_down.weight", f"{name}.lora_up.weight"
                alpha = {f"{name}.alpha": torch.tensor(ALPHA)}
            case "lora_A.default":
                first, second = f"{name}.lora_A.default.weight", f"{name}.lora_B.default.weight"
            case _:
                raise ValueError(kind)
        state |= {first: down.contiguous(), second: up.contiguous(), **alpha}
    return state


DIALECTS = ("transformer.", "diffusion_model.", "lora_unet_", "lora_down", "lora_A.default")


def write(path: Path, kind: str, changes: Mapping[str, Pair], metadata: dict[str, str] | None = None) -> Path:
    save_file(dialect(kind, changes), path, metadata)
    return path


def some(shapes: Mapping[str, tuple[int, int]], endings: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The modules whose names end in one of these."""
    return {name: shape for name, shape in shapes.items() if name.endswith(tuple(endings))}
