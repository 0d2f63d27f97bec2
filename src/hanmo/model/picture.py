"""A picture as the condition encoder sees it: Qwen2-VL's preprocessing (report, section 2.2), no torchvision.

Resized to whole merged patches within a pixel budget, normalised as CLIP was, and cut into patches in the
order in which 2x2 neighbours follow one another. A still picture fills both frames of a patch alike, so one
frame is kept. This file does not know the encoder, and does not choose the size that a task shows it (the
pipeline does).

Letters: P patches, C colours x patch height x patch width, h and w patches along the sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.errors import RequestError, WeightsError

MAX_ASPECT = 200


@dataclass(frozen=True)
class PictureConfig:
    """`preprocessor_config.json`; the defaults are the released values. Pixels are counted after resizing."""

    min_pixels: int = 3136
    max_pixels: int = 12_845_056
    patch_size: int = 14
    merge_size: int = 2
    image_mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    image_std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)

    @property
    def factor(self) -> int:
        """Side of a merged patch in pixels."""
        return self.patch_size * self.merge_size

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PictureConfig:
        """Read the settings of a published processor.

        Args:
            values: the JSON object; the pixel budget may be spelled `min_pixels` or `size.shortest_edge`.

        Returns:
            The config. Keys that say how to do what is always done here (`do_resize`, ...) are not read.

        Raises:
            WeightsError: a step that the encoder needs is switched off.
        """
        for key in ("do_resize", "do_rescale", "do_normalize", "do_convert_rgb"):
            if not values.get(key, True):
                raise WeightsError(f"preprocessor_config.json has {key} = false; only true is supported")
        size = values.get("size") or {}
        config = cls(
            min_pixels=values.get("min_pixels") or size.get("shortest_edge") or cls.min_pixels,
            max_pixels=values.get("max_pixels") or size.get("longest_edge") or cls.max_pixels,
        )
        sides = {key: int(values[key]) for key in ("patch_size", "merge_size") if key in values}
        mean = tuple(values.get("image_mean", config.image_mean))
        std = tuple(values.get("image_std", config.image_std))
        return replace(config, image_mean=mean, image_std=std, **sides)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of a published processor."""
        return {
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
            "min_pixels": self.min_pixels,
            "max_pixels": self.max_pixels,
            "patch_size": self.patch_size,
            "temporal_patch_size": 2,
            "merge_size": self.merge_size,
            "image_mean": list(self.image_mean),
            "image_std": list(self.image_std),
        }


@dataclass(frozen=True, eq=False)
class Patches:
    """One picture's patches: `pixels` float32 in merge order, `grid` = (h, w) in patches before merging."""

    pixels: Float[Tensor, "P C"]
    grid: tuple[int, int]

    def tokens(self, merge_size: int = 2) -> int:
        """How many tokens the picture takes in the text."""
        return self.grid[0] * self.grid[1] // merge_size**2


def smart_resize(width: int, height: int, config: PictureConfig) -> tuple[int, int]:
    """The size a picture is resized to: multiples of `factor` within the pixel budget, ratio nearly kept.

    Args:
        width: of the picture in pixels.
        height: of the picture in pixels.
        config: factor and budget.

    Returns:
        (width, height).

    Raises:
        RequestError: one side is more than 200 times the other.
    """
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise RequestError(f"a picture of {width}x{height} is too thin: at most 1:{MAX_ASPECT}; crop it first")
    sides = [round(side / config.factor) * config.factor for side in (width, height)]
    if sides[0] * sides[1] > config.max_pixels:
        shrink = math.sqrt(width * height / config.max_pixels)
        sides = [max(1, math.floor(side / shrink / config.factor)) * config.factor for side in (width, height)]
    elif sides[0] * sides[1] < config.min_pixels:
        grow = math.sqrt(config.min_pixels / (width * height))
        sides = [math.ceil(side * grow / config.factor) * config.factor for side in (width, height)]
    return sides[0], sides[1]


def patches(picture: Image.Image, config: PictureConfig) -> Patches:
    """Resize (bicubic), normalise and cut a picture.

    Args:
        picture: any mode; it is converted to RGB.
        config: sizes, mean and standard deviation.

    Returns:
        Patches of 3 x patch_size x patch_size values in the order (merged row, merged column, row, column).

    Raises:
        RequestError: the picture is too thin.
    """
    width, height = smart_resize(*picture.size, config)
    resized = picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(resized, dtype=np.float32) / 255.0)
    pixels = (pixels - torch.tensor(config.image_mean)) / torch.tensor(config.image_std)
    merge, size = config.merge_size, config.patch_size
    rows, columns = height // size, width // size
    cells = pixels.reshape(rows // merge, merge, size, columns // merge, merge, size, 3)
    ordered = cells.permute(0, 3, 1, 4, 6, 2, 5)
    return Patches(ordered.reshape(rows * columns, 3 * size * size), (rows, columns))
