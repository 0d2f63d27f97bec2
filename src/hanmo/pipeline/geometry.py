"""Where the pixels of a picture lie on the grid that is painted, so that an edit never shifts or zooms them.

The model paints multiples of 16 pixels. A picture of another size is continued by reflection to the right and
below, painted, and cut back: pixel (x, y) of the result is pixel (x, y) of the source. Only a picture outside
the sizes that a checkpoint can paint is resized, and its result resized back.

It does not know models, masks or requests. Sizes are (width, height) in pixels; boxes (left, top, right,
bottom).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hanmo.errors import RequestError
from hanmo.weights.preferences import GRID, Preferences

Size = tuple[int, int]
Box = tuple[int, int, int, int]

SOURCE_GRID = 32
"""Sides of a resized source picture are multiples of it, as released."""


@dataclass(frozen=True)
class Canvas:
    """How a picture of size `output` is painted.

    Attributes:
        size: what is painted, multiples of 16.
        inner: the part of it, from the top left, that shows the picture; the rest continues it.
        output: what comes back of that part, and the size of the picture that goes in.
    """

    size: Size
    inner: Size
    output: Size

    def fit(self, picture: Image.Image) -> Image.Image:
        """The picture as it is painted: resized if need be, continued by reflection."""
        return continued(resized(picture, self.inner), 0, self.size[0] - self.inner[0], 0, self.size[1] - self.inner[1])

    def back(self, painted: Image.Image) -> Image.Image:
        """The part of the painted picture that was asked for, at its own size."""
        inner = painted if painted.size == self.inner else painted.crop((0, 0, *self.inner))
        return resized(inner, self.output)


def plain_canvas(size: Size) -> Canvas:
    """A canvas of exactly `size`, a multiple of 16: nothing is continued or cut."""
    return Canvas(size, size, size)


def exact_canvas(size: Size, preferences: Preferences) -> Canvas:
    """The canvas whose result has exactly the size of a picture, whatever that is.

    Raises:
        RequestError: the picture is so thin that no size of its shape lies within what can be painted.
    """
    smallest, largest = preferences.smallest, preferences.largest
    factor = 1.0
    if max(size) > largest:
        factor = largest / max(size)
    elif min(size) < smallest:
        factor = smallest / min(size)
    inner = size if factor == 1.0 else (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
    painted = (_up(inner[0]), _up(inner[1]))
    if min(inner) * 2 < smallest or max(painted) > _up(largest):
        raise RequestError(
            f"a picture of {size[0]}x{size[1]} is too thin for this checkpoint, whose sides are {smallest} to "
            f"{largest} pixels: crop it first"
        )
    return Canvas(painted, inner, size)


def continued(picture: Image.Image, left: int, right: int, top: int, bottom: int) -> Image.Image:
    """The picture with pixels added on its sides, mirrored at the edges."""
    if not (left or right or top or bottom):
        return picture
    pixels = np.asarray(picture)
    widths = ((top, bottom), (left, right), *((0, 0),) * (pixels.ndim - 2))
    return Image.fromarray(np.pad(pixels, widths, mode="symmetric"))


def resized(picture: Image.Image, size: Size) -> Image.Image:
    """The picture at `size` (Lanczos), or itself."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


RELEASED = {
    (1, 1): (1328, 1328),
    (16, 9): (1664, 928),
    (9, 16): (928, 1664),
    (4, 3): (1472, 1104),
    (3, 4): (1104, 1472),
    (3, 2): (1584, 1056),
    (2, 3): (1056, 1584),
}
"""The sizes that the released model's card recommends, by ratio."""


def size_for(area: int, picture: Size) -> Size:
    """Width and height of about `area` pixels in the shape of a picture, rounded to multiples of 32.

    Raises:
        RequestError: the picture is so thin that a side rounds to nothing.
    """
    ratio = picture[0] / picture[1]
    width = math.sqrt(area * ratio)
    sides = tuple(round(side / SOURCE_GRID) * SOURCE_GRID for side in (width, width / ratio))
    if min(sides) == 0:
        raise RequestError(
            f"a picture of {picture[0]}x{picture[1]} is too thin for this checkpoint, whose sources have "
            f"{area} pixels: crop it first"
        )
    return sides[0], sides[1]


def size_of_ratio(ratio: tuple[int, int], default: Size) -> Size:
    """Width and height of a ratio: the released sizes for a released default, else about the default's area."""
    divisor = math.gcd(*ratio)
    reduced = (ratio[0] // divisor, ratio[1] // divisor)
    if default == (1024, 1024) and reduced in RELEASED:
        return RELEASED[reduced]
    width = math.sqrt(default[0] * default[1] * ratio[0] / ratio[1])
    sides = (width, width * ratio[1] / ratio[0])
    nearest = [max(GRID, GRID * round(side / GRID)) for side in sides]
    return nearest[0], nearest[1]


def margins_for(size: Size, aspect: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) pixels that bring a picture to an aspect ratio, as evenly as can be.

    Raises:
        RequestError: it has that ratio already.
    """
    width, height = size
    wanted = (max(width, round(height * aspect[0] / aspect[1])), max(height, round(width * aspect[1] / aspect[0])))
    across, down = wanted[0] - width, wanted[1] - height
    if not across and not down:
        raise RequestError(f"a picture of {width}x{height} has the ratio {aspect[0]}:{aspect[1]} already")
    return across // 2, across - across // 2, down // 2, down - down // 2


def window_around(box: Box, size: Size, preferences: Preferences) -> Box:
    """A part of a picture, around a box, that is painted instead of the whole (`crop="auto"`).

    It leaves half the box's longer side, and no less than 32 pixels, around the box, is no smaller than what
    the checkpoint paints well, its sides are multiples of 16 where the picture allows, and it lies inside the
    picture.
    """
    margin = max(32, max(box[2] - box[0], box[3] - box[1]) // 2)
    left, right = _span(box[0] - margin, box[2] + margin, size[0], preferences.smallest)
    top, bottom = _span(box[1] - margin, box[3] + margin, size[1], preferences.smallest)
    return left, top, right, bottom


def _span(start: int, stop: int, limit: int, least: int) -> tuple[int, int]:
    """[start, stop) inside [0, limit), at least `least` long, a multiple of 16 where that fits."""
    length = min(limit, _up(max(min(stop, limit) - max(start, 0), least)))
    middle = (max(start, 0) + min(stop, limit)) // 2
    begin = min(max(0, middle - length // 2), limit - length)
    return begin, begin + length


def _up(side: int) -> int:
    return math.ceil(side / GRID) * GRID
