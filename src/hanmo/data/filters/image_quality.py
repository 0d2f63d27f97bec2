"""Technical quality of a picture at its full resolution, without a reference and without weights (report 3.2, stage 5).

    noise      0 ... about 127  grey levels: standard deviation of the finest grain in the quieter parts
    blocks     0 ... 1          how much more often steps lie on a grid of 8 pixels than off it, along both axes
    jpeg       1 ... 100        quality at which the file was compressed, from its tables; 100 for other formats
    contrast   0 ... 1          from the 1st to the 99th percentile of grey
    exposure   0 ... 1          1 where the median of grey is in the middle, 0 where it is black or white
    sharpness  0 ... 1          how much of the finest detail a small blur would take away

Stage 2 looks at a working size, where block noise and grain are averaged out; here is what that misses. Noise is
Immerkaer's mask (1996) in blocks, of which the quieter ones count, so that texture is not taken for noise. Sharpness
is Crete's measure (2007): a picture that is blurred already loses nothing to one more blur. It asks nothing of
contrast. A picture of one colour scores 0 for noise, blocks, contrast and sharpness. What these do not know: whether
a picture is beautiful, whether soft parts are meant, and motion blur along one axis (the sharper axis counts).
Letters: H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image, UnidentifiedImageError

from hanmo.data.filters.quality import to_grey
from hanmo.data.look import Pixels

Grey = UInt8[np.ndarray, "H W"]

_GRAIN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
"""The difference of two Laplacians: blind to edges and slopes, so that what answers is grain."""
_GRAIN_BLOCK = 16
_QUIET = 0.25
"""Share of the blocks that are taken for structure-free: grain is everywhere, texture is not."""
_CLIPPED = 4
"""Grey levels next to black and white in which grain cannot show."""

_STEP = 2
"""Grey levels from which a difference of neighbours is a step: quantised blocks differ by more, slopes by less."""

_BLUR = 9
"""Pixels of the small blur of `sharpness`, as in Crete's paper."""

_STANDARD_LUMA = 3679 / 64
"""Mean of the luma table of the JPEG standard (annex K), which stands for quality 50."""


@dataclass(frozen=True)
class Measures:
    """All measures of one file; see the head of this file for their ranges."""

    noise: float
    blocks: float
    jpeg: float
    contrast: float
    exposure: float
    sharpness: float


def measure_quality(picture: Pixels, file: bytes = b"") -> Measures:
    """Every measure of a picture.

    Args:
        picture: sRGB, 0-255, H and W at least 1.
        file: the bytes that it came from; only JPEG's tables are read.
    """
    grey = to_grey(picture)
    low, middle, high = (float(level) for level in np.percentile(grey, [1, 50, 99]))
    return Measures(
        noise=noise(grey),
        blocks=blocks(grey),
        jpeg=jpeg_quality(file),
        contrast=(high - low) / 255,
        exposure=1 - abs(middle / 127.5 - 1),
        sharpness=sharpness(grey),
    )


def noise(grey: Grey) -> float:
    """Grain in grey levels: the standard deviation that normal noise in the quieter quarter of blocks would have."""
    height, width = (side // _GRAIN_BLOCK * _GRAIN_BLOCK for side in grey.shape)
    if not height or not width:
        return 0.0
    answer = np.abs(cv2.filter2D(grey.astype(np.float32), -1, _GRAIN, borderType=cv2.BORDER_REFLECT_101))
    # The mean of |x| of a normal x is sigma times sqrt(2 / pi); the mask's gain is 6.
    grain = _by_blocks(answer[:height, :width]) * (np.sqrt(np.pi / 2) / 6)
    clipped = ((grey <= _CLIPPED) | (grey >= 255 - _CLIPPED)).astype(np.float32)
    open_blocks = grain[_by_blocks(clipped[:height, :width]) < 0.5]
    return float(np.quantile(open_blocks, _QUIET)) if open_blocks.size else 0.0


def blocks(grey: Grey) -> float:
    """How JPEG's blocks show: 0 where steps are anywhere, towards 1 where they are on a grid of 8 pixels.

    The grid may begin anywhere, because pictures are cropped. The lesser axis counts: bars and pages of text have
    regular steps too, but seldom every 8 pixels along both. A grid that is drawn every 8 pixels is taken for blocks.
    """
    level = grey.astype(np.int16)
    return min(_grid_share(level), _grid_share(level.T))


def _grid_share(level: np.ndarray) -> float:
    """Of steps along the last axis that stand alone: the most frequent phase of 8 against the second most."""
    slope = np.abs(np.diff(level, axis=1))
    if slope.shape[1] < 24:
        return 0.0
    before, here, after = slope[:, :-2], slope[:, 1:-1], slope[:, 2:]
    alone = ((here >= _STEP) & (here > 2 * np.maximum(before, after))).mean(axis=0)
    phases = np.array([alone[start::8].mean() for start in range(8)])
    first, second = np.sort(phases)[::-1][:2]
    return float(first - second)


def jpeg_quality(file: bytes) -> float:
    """The quality setting, 1-100, whose luma table has the mean of this file's; 100 for what is no JPEG.

    Scales of other programs differ, but a coarse table is coarse under any name. A picture that was saved as JPEG
    and then as PNG has no table any more: `blocks` sees those.
    """
    if not file.startswith(b"\xff\xd8"):
        return 100.0
    try:
        with Image.open(BytesIO(file)) as picture:
            table = next(iter(getattr(picture, "quantization", {}).values()), None)
    except (UnidentifiedImageError, OSError):
        return 100.0
    if not table:
        return 100.0
    scale = 100 * float(np.mean(table)) / _STANDARD_LUMA
    return float(np.clip(5000 / scale if scale > 100 else (200 - scale) / 2, 1, 100))


def sharpness(grey: Grey) -> float:
    """Crete's measure, 0 (a blur changes nothing) to 1, of the sharper axis."""
    level = grey.astype(np.float32)
    return max(_lost_to_blur(level, axis) for axis in (0, 1))


def _lost_to_blur(level: Float32[np.ndarray, "H W"], axis: int) -> float:
    if level.shape[axis] < 3:
        return 0.0
    size = (1, _BLUR) if axis == 0 else (_BLUR, 1)
    blurred = cv2.blur(level, size, borderType=cv2.BORDER_REPLICATE)
    slope, soft = np.abs(np.diff(level, axis=axis)), np.abs(np.diff(blurred, axis=axis))
    total = float(slope.sum(dtype=np.float64))
    return float(np.maximum(0, slope - soft).sum(dtype=np.float64)) / total if total else 0.0


def _by_blocks(values: Float32[np.ndarray, "H W"]) -> Float64[np.ndarray, "h w"]:
    """Means of blocks of 16 by 16; H and W are multiples of 16."""
    side = _GRAIN_BLOCK
    height, width = values.shape[0] // side, values.shape[1] // side
    means: Float64[np.ndarray, "h w"] = values.reshape(height, side, width, side).mean(axis=(1, 3), dtype=np.float64)
    return means
