"""LPIPS (Zhang et al., arXiv 1801.03924; report section 5.2.3, novel views): how unlike two pictures look to a network.

The features of AlexNet after each of its five convolutions, each pixel's vector brought to length 1, squared
differences weighted by channel and averaged over the picture, summed over the layers. Its ten weights are not ours to
ship: the convolutions are torchvision's AlexNet, the channels' weights are in the `lpips` package (version 0.1,
"alex"). LPIPS on VGG, which some papers report, has other figures and is not here.
Letters: H W pixels, C channels of a layer.
"""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from hanmo.errors import RequestError, WeightsError
from hanmo.evaluate.judges.weights import Once
from hanmo.evaluate.types import Json
from hanmo.weights.fill import parse_device

_SMALLEST = 31
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
# Place in torchvision's AlexNet, stride and padding of each convolution; a 3x3 pooling of stride 2 before 2 and 3.
_CONVOLUTIONS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))
_POOLED = (3, 6)
_BACKBONE = "alexnet-owt-7be5be79.pth"


class Lpips:
    """LPIPS 0.1 on AlexNet, read at first use.

    Args:
        backbone: AlexNet's state dict as torchvision publishes it (.pth or .safetensors); None looks where torch
            keeps what it downloads.
        heads: `alex.pth` of the lpips package; None looks into the installed package.
        device: where it runs, in float32.

    Raises:
        RequestError: a file is not there.
    """

    def __init__(self, backbone: Path | None = None, heads: Path | None = None, device: str = "cpu") -> None:
        self._backbone = backbone or Path(torch.hub.get_dir()) / "checkpoints" / _BACKBONE
        self._heads = heads or _packaged_heads()
        missing = []
        if not self._backbone.is_file():
            missing.append(f"AlexNet's weights ({self._backbone} is no file: give torchvision's {_BACKBONE})")
        if self._heads is None or not self._heads.is_file():
            missing.append("its channels' weights (pip install --no-deps lpips, or give weights/v0.1/alex.pth of it)")
        if missing:
            raise RequestError(f"LPIPS needs {' and '.join(missing)}")
        self._device = parse_device(device)
        self._layers = Once(self._read)

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`."""
        files = {"backbone": _digest(self._backbone), "heads": _digest(self._heads)}
        return {"kind": "perceptual distance", "name": "LPIPS (AlexNet)", "version": "0.1", "settings": files}

    @torch.inference_mode()
    def distance(self, made: Image.Image, real: Image.Image) -> float:
        """How unlike two pictures look, 0 for equal ones.

        Raises:
            RequestError: pictures of different sizes, or smaller than the network can see.
            WeightsError: at first use: the weights are not those of AlexNet or of its heads.
        """
        layers = self._layers()
        seen = [_features(self._tensor(pixels), layers) for pixels in _pair(made, real)]
        return sum(
            float((weight * (_unit(first) - _unit(second)).square()).sum(1).mean())
            for first, second, (_, _, weight) in zip(*seen, layers, strict=True)
        )

    def _tensor(self, pixels: UInt8[np.ndarray, "H W 3"]) -> Float[Tensor, "1 3 H W"]:
        signed = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None].to(self._device)
        shift, scale = (torch.tensor(three, device=self._device).view(1, 3, 1, 1) for three in (_SHIFT, _SCALE))
        return (signed - shift) / scale

    def _read(self) -> list[_Layer]:
        assert self._heads is not None
        convolutions, heads = _load(self._backbone), _load(self._heads)
        try:
            return [
                (
                    convolutions[f"features.{place}.weight"].float().to(self._device),
                    convolutions[f"features.{place}.bias"].float().to(self._device),
                    heads[f"lin{number}.model.1.weight"].float().to(self._device),
                )
                for number, (place, _, _) in enumerate(_CONVOLUTIONS)
            ]
        except (KeyError, AttributeError, RuntimeError) as error:
            raise WeightsError(
                f"LPIPS: {error} is not in {self._backbone.name} or {self._heads.name}: give torchvision's AlexNet "
                "and the lpips package's weights/v0.1/alex.pth"
            ) from None


_Layer = tuple[Tensor, Tensor, Tensor]
"""Weight and bias of a convolution, and the weights of its channels [1, C, 1, 1]."""


def _features(pixels: Float[Tensor, "1 3 H W"], layers: list[_Layer]) -> list[Tensor]:
    """After each convolution and its rectifier."""
    found = []
    for (place, stride, padding), (weight, bias, _) in zip(_CONVOLUTIONS, layers, strict=True):
        if place in _POOLED:
            pixels = F.max_pool2d(pixels, 3, 2)
        pixels = F.relu(F.conv2d(pixels, weight, bias, stride, padding))
        found.append(pixels)
    return found


def _unit(features: Float[Tensor, "1 C H W"]) -> Float[Tensor, "1 C H W"]:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def _pair(made: Image.Image, real: Image.Image) -> tuple[UInt8[np.ndarray, "H W 3"], UInt8[np.ndarray, "H W 3"]]:
    if made.size != real.size or min(made.size) < _SMALLEST:
        sizes = " and ".join(f"{image.width}x{image.height}" for image in (made, real))
        raise RequestError(f"pictures of {sizes} cannot be compared: give two of one size, {_SMALLEST} pixels or more")
    return np.asarray(made.convert("RGB"), dtype=np.uint8), np.asarray(real.convert("RGB"), dtype=np.uint8)


def _packaged_heads() -> Path | None:
    """The weights in the installed lpips package, which is not imported: it would ask for torchvision."""
    spec = importlib.util.find_spec("lpips")
    places = spec.submodule_search_locations if spec is not None else None
    return Path(places[0]) / "weights" / "v0.1" / "alex.pth" if places else None


def _load(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return found
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise WeightsError(f"{path} cannot be read ({' '.join(str(error).split())[:120]}): download it again") from None


def _digest(path: Path | None) -> str:
    assert path is not None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
