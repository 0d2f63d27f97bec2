"""Masks: which pixels of a picture are painted anew, and how the result is put back (inpainting).

A mask is a picture (white = paint, or with an alpha channel OpenAI's convention: transparent = paint), an
array (above one half = paint), a box, or a polygon. Inside, it is bool [H, W]. A feathered mask is the share
of the new picture at each pixel: 1 inside the mask, falling to 0 within `feather` pixels around it; where it
is 0 the result keeps the source's bytes.

It does not know models or requests. Boxes are (left, top, right, bottom), points (x, y), in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image, ImageDraw

from hanmo.errors import RequestError

Box = tuple[int, int, int, int]
Points = tuple[tuple[float, float], ...]
Mask = Image.Image | Path | str | Box | Points
"""What `read_mask` takes; arrays become pictures in `as_mask`."""

CELL = 8
"""Pixels of a latent cell along each side."""


def as_mask(given: Any) -> Mask:
    """A mask as people give it, as a value that a request can hold: arrays become pictures.

    Args:
        given: a picture or its path; an array [H, W] of bool, of numbers 0-255 (uint8) or 0-1 (float); a
            box of four whole numbers; a polygon of three points or more.

    Raises:
        RequestError: anything else.
    """
    if isinstance(given, Image.Image | Path | str):
        return given
    if isinstance(given, np.ndarray) or hasattr(given, "__array__"):
        array = np.asarray(given)
        if array.ndim != 2 or array.dtype.kind not in "bfu":
            raise RequestError(
                f"a mask of shape {list(array.shape)} and type {array.dtype} is not allowed: give [height, width] of "
                "bool, uint8 or float"
            )
        limit = 0.5 if array.dtype.kind in "bf" else 127
        return Image.fromarray(np.where(array > limit, 255, 0).astype(np.uint8))
    if isinstance(given, Sequence):
        points = tuple(given)
        if len(points) == 4 and all(isinstance(side, int) and not isinstance(side, bool) for side in points):
            return points[0], points[1], points[2], points[3]
        if len(points) >= 3 and all(isinstance(point, Sequence) and len(point) == 2 for point in points):
            return tuple((float(x), float(y)) for x, y in points)
    raise RequestError(
        f"the mask {str(given)[:40]!r} is not allowed: give a picture, an array, a box (left, top, right, bottom) or a "
        "polygon of three points or more"
    )


def read_mask(mask: Mask, size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """True where a picture of `size` is to be painted.

    Raises:
        RequestError: another size, an empty or a full mask, or a file that cannot be read.
    """
    match mask:
        case Image.Image():
            found = _from_picture(mask)
        case Path() | str():
            found = _from_picture(_open(mask))
        case (int(left), int(top), int(right), int(bottom)):
            found = _from_box((left, top, right, bottom), size)
        case _:
            found = _from_polygon(mask, size)
    if found.shape != (size[1], size[0]):
        raise RequestError(
            f"the mask has {found.shape[1]}x{found.shape[0]} pixels and the picture {size[0]}x{size[1]}: give a mask "
            "of the picture's size"
        )
    if not found.any():
        raise RequestError("the mask is empty, so nothing would be painted: white (or transparent) means paint")
    if found.all():
        raise RequestError("the mask covers the whole picture: use edit or generate instead")
    return found


def feathered(mask: Bool[np.ndarray, "H W"], feather: int) -> Float32[np.ndarray, "H W"]:
    """The share of the new picture: 1 inside the mask, falling in a line to 0 within `feather` pixels."""
    if feather == 0:
        return mask.astype(np.float32)
    blur = feather // 2
    grown = _box_mean(mask.astype(np.float64), feather - blur) > 1e-9
    share = _box_mean(grown.astype(np.float64), blur)
    share[share < 1e-9] = 0.0
    return np.where(mask, 1.0, share).astype(np.float32)


def cells(share: Float32[np.ndarray, "H W"]) -> Float32[np.ndarray, "h w"]:
    """1 for every latent cell with a pixel that changes; sides are multiples of 8 pixels."""
    height, width = share.shape
    blocks = share.reshape(height // CELL, CELL, width // CELL, CELL)
    return np.asarray(blocks.max(axis=(1, 3)) > 0, dtype=np.float32)


def paste_back(
    source: Image.Image, painted: Image.Image, share: Float32[np.ndarray, "H W"], corner: tuple[int, int] = (0, 0)
) -> Image.Image:
    """The source with the painted part put in; where `share` is 0 its bytes stay.

    Args:
        source: RGB.
        painted: RGB, the size of `share`.
        share: of the painted picture, pixel by pixel.
        corner: (left, top) of the painted part in the source.
    """
    result = np.array(source)
    left, top = corner
    height, width = share.shape
    part = result[top : top + height, left : left + width]
    mixed = part + share[:, :, None] * (np.asarray(painted, dtype=np.float32) - part)
    changed = share > 0
    part[changed] = np.clip(np.rint(mixed[changed]), 0, 255).astype(np.uint8)
    return Image.fromarray(result)


def bounds(share: Float32[np.ndarray, "H W"]) -> Box:
    """The smallest box around everything above 0."""
    rows, columns = np.flatnonzero(share.any(axis=1)), np.flatnonzero(share.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _open(path: Path | str) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    except FileNotFoundError:
        raise RequestError(f"the mask {path} does not exist: give a PNG file") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError(f"the mask {path} cannot be read ({error}): give a PNG file") from None


def _from_picture(picture: Image.Image) -> Bool[np.ndarray, "H W"]:
    if picture.has_transparency_data:
        return np.asarray(np.asarray(picture.convert("RGBA"))[:, :, 3] < 128)
    return np.asarray(np.asarray(picture.convert("L")) > 127)


def _from_box(box: Box, size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    left, top, right, bottom = box
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        raise RequestError(
            f"the box {left},{top},{right},{bottom} does not lie in a picture of {size[0]}x{size[1]}: give left < "
            "right and top < bottom, inside it"
        )
    mask = np.zeros((size[1], size[0]), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def _from_polygon(points: Points, size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    if not all(0 <= x <= size[0] and 0 <= y <= size[1] for x, y in points):
        raise RequestError(f"a point of the polygon lies outside the picture of {size[0]}x{size[1]}: move it inside")
    drawn = Image.new("L", size)
    ImageDraw.Draw(drawn).polygon(list(points), fill=255, outline=255)
    return np.asarray(np.asarray(drawn) > 0)


def _box_mean(values: np.ndarray[Any, np.dtype[np.float64]], radius: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The mean over a square of 2 radius + 1 pixels, the edge pixels repeated outside."""
    for axis in (0, 1):
        if radius:
            widths = [(0, 0), (0, 0)]
            widths[axis] = (radius + 1, radius)
            total = np.pad(values, widths, mode="edge").cumsum(axis=axis)
            length = 2 * radius + 1
            first, last = (total.take(range(begin, begin + values.shape[axis]), axis=axis) for begin in (0, length))
            values = (last - first) / length
    return values
