"""Perceptual losses for tuning the image decoder (report section 2.3): one with a network's features, one without.

The report names a perceptual loss and not which. With the weights of a VGG16 that the user gives, it is the distance of
Zhang et al. (LPIPS, 2018) without its learned weights for channels: features after the last ReLU of each of the five
levels, of unit length at every place, squared differences summed over channels and averaged over places.

Without weights it is **a loss of our own**, which no paper has tried: at each level of a pyramid, the mean of three
parts, namely the L1 distance of the Laplacian band, that of the strength of edges (Sobel), and 1 - SSIM's factor of
contrast and structure. It sees strokes and textures at several sizes and learned nothing from any picture.

Both take pictures in [-1, 1] and are computed in float32.

Letters: B pictures, C channels, H W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from hanmo.errors import ConfigError, WeightsError
from hanmo.train.similarity import WINDOW, similarity

Perceptual = Callable[[Tensor, Tensor], Tensor]
"""The distance of made pictures from real ones, both [B, 3, H, W] in [-1, 1]: one number."""

_CONVOLUTIONS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""Numbers of VGG16's convolutions in `features`, by level; all but the first level begin with a maximum over 2x2."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the values in [0, 1] that VGG16 was trained on
_DEEPEST = 16  # pixels of the smallest picture that four halvings leave something of


@dataclass(frozen=True)
class PerceptualConfig:
    """Which perceptual loss.

    Attributes:
        vgg16: a state dict of a VGG16 with `features.N.weight` and `.bias` (.safetensors, or .pth that torch wrote);
            "none" takes the loss that needs no weights.
        levels: of the pyramid of the loss without weights, 1 to 6.
    """

    vgg16: Path | None = None
    levels: int = 4

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            ConfigError: the message names the key.
        """
        if not 1 <= self.levels <= 6:
            raise ConfigError(f"perceptual.levels is {self.levels}; it must lie between 1 and 6")


def perceptual_loss(config: PerceptualConfig, size: int, device: torch.device) -> Perceptual:
    """The loss that a recipe describes, for pictures whose shorter side has `size` pixels.

    Raises:
        ConfigError: pictures too small for it.
        WeightsError: see `load_vgg16`.
    """
    if config.vgg16 is not None:
        if size < _DEEPEST:
            raise ConfigError(f"VGG16 needs pictures of {_DEEPEST} pixels or more; they have {size}")
        return load_vgg16(config.vgg16).to(device)
    least = WINDOW * 2 ** (config.levels - 1)
    if size < least:
        raise ConfigError(
            f"perceptual.levels = {config.levels} needs pictures of {least} pixels or more; they have {size}: "
            "take fewer levels or larger pictures"
        )
    return lambda made, real: multiscale(made, real, config.levels)


# --- without weights: ours --------------------------------------------------------------------------


def multiscale(made: Float[Tensor, "B 3 H W"], real: Float[Tensor, "B 3 H W"], levels: int) -> Float[Tensor, ""]:
    """Mean over levels of bands, edges and structure; the smallest level's shorter side needs 11 pixels."""
    with torch.autocast(made.device.type, enabled=False):
        made, real = made.float(), real.float()
        found = []
        for level in range(levels):
            small, goal = halved(made), halved(real)
            band = (laplacian(made, small) - laplacian(real, goal)).abs().mean()
            edge = (edge_strength(made) - edge_strength(real)).abs().mean()
            structure = 1.0 - similarity(made, real)[1].mean()
            found.append((band + edge + structure) / 3.0)
            if level < levels - 1:
                made, real = small, goal
        return torch.stack(found).mean()


def halved(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
    """Every second pixel after a binomial blur (1 4 6 4 1) / 16 along both axes; edges are mirrored."""
    line = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=x.device, dtype=x.dtype) / 16.0
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 5, 5)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def laplacian(x: Float[Tensor, "B C H W"], small: Float[Tensor, "B C H2 W2"]) -> Float[Tensor, "B C H W"]:
    """What halving loses: the picture less its halved one, enlarged again."""
    height, width = x.shape[-2:]
    return x - F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)


def edge_strength(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """Length of Sobel's gradient per pixel of distance, smooth at zero."""
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=x.device, dtype=x.dtype) / 8
    channels = x.shape[1]
    right, down = (
        F.conv2d(x, kernel.expand(channels, 1, 3, 3), groups=channels) for kernel in (across, across.T.contiguous())
    )
    return torch.sqrt(right.square() + down.square() + 1e-6)


# --- with a VGG16 -----------------------------------------------------------------------------------


class VGG16Distance(nn.Module):
    """The distance of features; its weights never learn and belong to no snapshot."""

    mean: Tensor
    std: Tensor

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        """`state`: checked by `load_vgg16`; the widths of layers are those of its tensors."""
        super().__init__()
        self.levels = nn.ModuleList(nn.ModuleList(_convolution(state, n) for n in level) for level in _CONVOLUTIONS)
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_STD).reshape(1, 3, 1, 1))
        self.requires_grad_(False)

    def features(self, x: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        """The five levels' last activations [B, C, H', W'], of unit length at every place."""
        x = ((x + 1.0) / 2.0 - self.mean) / self.std
        found = []
        for number, level in enumerate(self.levels):
            x = F.max_pool2d(x, 2) if number else x
            for convolution in level:  # type: ignore[attr-defined]
                x = F.relu(convolution(x))
            found.append(F.normalize(x, dim=1, eps=1e-8))
        return found

    def forward(self, made: Float[Tensor, "B 3 H W"], real: Float[Tensor, "B 3 H W"]) -> Float[Tensor, ""]:
        """Sum over levels, mean over pictures and places."""
        with torch.autocast(made.device.type, enabled=False):
            with torch.no_grad():
                goals = self.features(real.float())
            pairs = zip(self.features(made.float()), goals, strict=True)
            return torch.stack([(x - goal).square().sum(1).mean() for x, goal in pairs]).sum()


def load_vgg16(path: Path) -> VGG16Distance:
    """A VGG16's convolutions from a file; the tensors of its classifier are not needed and not kept.

    Raises:
        WeightsError: no such file, not a state dict, or not a VGG16's.
    """
    state = _read(path)
    width = 3
    for number in (n for level in _CONVOLUTIONS for n in level):
        for part in ("weight", "bias"):
            name = f"features.{number}.{part}"
            if not isinstance(state.get(name), Tensor):
                raise WeightsError(f"{path} has no {name}: give the state dict of a VGG16 (features.0 to features.28)")
        weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
        if tuple(weight.shape[1:]) != (width, 3, 3) or bias.shape != weight.shape[:1]:
            raise WeightsError(
                f"{path}: features.{number}.weight is {list(weight.shape)}, a VGG16's there is [C, {width}, 3, 3] with "
                "a bias of C: give the state dict of a VGG16"
            )
        width = len(weight)
    return VGG16Distance(state)


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # unpickling a damaged file can fail in any way
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise WeightsError(f"cannot read the VGG16 weights {path}: {said}; give a state dict's file") from error
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds a {type(state).__name__}: give the state dict of a VGG16, not a whole module")
    return state


def _convolution(state: Mapping[str, Tensor], number: int) -> nn.Conv2d:
    weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
    with torch.device("meta"):
        layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()}, assign=True)
    return layer
