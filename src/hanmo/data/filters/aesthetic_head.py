"""The head of an aesthetic predictor: one linear layer from an embedding to a number (report section 3.2, stage 5).

LAION publishes such heads (768 -> 1, about 1 to 10) for CLIP ViT-L/14; anybody can train one on ratings of their own.
It does not know the embedder: only the number of dimensions is checked, by the caller. Letters: D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import load_file

from hanmo.errors import WeightsError


@cache
def linear_head(file: Path) -> tuple[Float32[np.ndarray, " D"], float]:
    """Weight and bias of one linear layer to one number.

    Tensors may be named `weight` and `bias` with anything before that, such as "head.weight". Of a .pth only tensors
    are read: a pickle that would run code is refused.

    Raises:
        WeightsError: no such file, another format, or more or other tensors than one linear layer's.
    """
    if not file.is_file():
        raise WeightsError(f"there is no aesthetic head {file}: give a .safetensors or .pth file of one linear layer")
    tensors = _tensors(file)
    named = {name.rpartition(".")[2]: tensor for name, tensor in tensors.items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    weight, bias = named.get("weight"), named.get("bias")
    if len(tensors) != 2 or weight is None or bias is None or weight.shape[:-1] != (1,) or bias.numel() != 1:
        raise WeightsError(
            f"{file} is not one linear layer to one number: it needs weight [1, D], bias [1]; it has {shapes}"
        )
    return weight[0].float().numpy(), float(bias)


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        found: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # safetensors and pickle have classes of their own
        reason = " ".join(str(error).split())[:160]
        raise WeightsError(f"the aesthetic head {file} cannot be read as tensors: {reason}") from error
    if not isinstance(found, Mapping) or not all(isinstance(item, torch.Tensor) for item in found.values()):
        raise WeightsError(f"the aesthetic head {file} holds no tensors by name: save the layer's state_dict")
    return {str(name): tensor for name, tensor in found.items()}
