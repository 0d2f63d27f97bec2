"""Buckets: the sizes at which pictures of one batch are trained (report sections 3.2, stage 7, and 4.1.2).

Three resolutions, 256p, 640p and 1328p, in nine aspect ratios. A resolution is the side of its square; the other
sizes have about as many pixels, in multiples of 16 (one 2x2 patch of latents). At 1328p the sizes are those that the
released model's card recommends, where it recommends one. A picture goes to the bucket whose shape is nearest, is
scaled to cover it and cut around the middle; it is never enlarged. Letters: H W pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from hanmo.errors import RequestError
from hanmo.pipeline.geometry import RELEASED, Size, resized
from hanmo.weights.preferences import GRID

RESOLUTIONS = (256, 640, 1328)
RATIOS = ((1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (9, 16), (16, 9), (1, 3), (3, 1))
"""Width to height, in the report's order."""


@dataclass(frozen=True)
class Bucket:
    """One size of a resolution.

    Args:
        resolution: one of `RESOLUTIONS`.
        ratio: width to height.
        size: width and height in pixels.
    """

    resolution: int
    ratio: tuple[int, int]
    size: Size


def buckets(resolution: int) -> tuple[Bucket, ...]:
    """The nine sizes of a resolution.

    Raises:
        RequestError: it is not one of `RESOLUTIONS`.
    """
    if resolution not in RESOLUTIONS:
        raise RequestError(f"there are no buckets of {resolution}p; choose one of {', '.join(map(str, RESOLUTIONS))}")
    return tuple(Bucket(resolution, ratio, _size(resolution, ratio)) for ratio in RATIOS)


def bucket_of(size: Size, resolution: int, enlarge: float = 1.0) -> Bucket | None:
    """The bucket whose shape is nearest to a picture's, or None where the picture would have to be enlarged.

    Args:
        size: of the picture, width and height in pixels.
        resolution: one of `RESOLUTIONS`.
        enlarge: how much it may be enlarged; 1 is not at all.

    Raises:
        RequestError: see `buckets`; or a side below 1.
    """
    if min(size) < 1:
        raise RequestError(f"a picture of {size[0]}x{size[1]} has no pixels")
    shape = math.log(size[0] / size[1])
    best = min(buckets(resolution), key=lambda bucket: abs(math.log(bucket.size[0] / bucket.size[1]) - shape))
    return best if _scale(size, best.size) <= enlarge else None


def resolutions_of(size: Size, allowed: tuple[int, ...] = RESOLUTIONS) -> tuple[int, ...]:
    """The resolutions at which a picture can be trained without being enlarged, the smallest first."""
    return tuple(resolution for resolution in sorted(allowed) if bucket_of(size, resolution) is not None)


def fit(picture: Image.Image, bucket: Bucket) -> Image.Image:
    """A picture in a bucket's size: scaled to cover it (Lanczos), the rest cut off evenly on both sides."""
    width, height = bucket.size
    scale = _scale(picture.size, bucket.size)
    covering = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
    left, top = (covering[0] - width) // 2, (covering[1] - height) // 2
    return resized(picture, covering).crop((left, top, left + width, top + height))


def _scale(size: Size, wanted: Size) -> float:
    return max(wanted[0] / size[0], wanted[1] / size[1])


def _size(resolution: int, ratio: tuple[int, int]) -> Size:
    if resolution == RELEASED[1, 1][0] and ratio in RELEASED:
        return RELEASED[ratio]
    width = resolution * math.sqrt(ratio[0] / ratio[1])
    return round(width / GRID) * GRID, round(width * ratio[1] / ratio[0] / GRID) * GRID
