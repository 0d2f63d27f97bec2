"""Judging a card: which colour is the ground, which the letters (report section 3.4, synthetic pictures).

A colour is named after the nearest entry of a palette, in CIELAB, where equal distances look equally far
apart. The ground is the median of the picture's border. The letters are the pixels of the text box that lie
furthest from the ground; their rims, mixed with it, are left out.

This module does not know captions, models or how cards are drawn: the palette and the box are given to it.
Pictures are PIL images; colours are (red, green, blue) in 0-255; boxes (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image

RGB = tuple[int, int, int]
Box = tuple[int, int, int, int]

# The part of the largest distance from the ground at which a pixel counts as the inside of a stroke.
_INSIDE = 0.7


def ground_color(image: Image.Image, border: int = 2) -> RGB:
    """The colour of a card's ground: the median, channel by channel, of its outermost `border` pixels."""
    pixels = np.asarray(image.convert("RGB"))
    edge = np.ones(pixels.shape[:2], dtype=bool)
    edge[border:-border, border:-border] = False
    return _median(pixels[edge])


def letter_color(image: Image.Image, box: Box) -> RGB | None:
    """The colour of the letters inside `box`; None where everything there has the colour of the ground."""
    ground = lab([ground_color(image)])[0]
    inside = np.asarray(image.convert("RGB").crop(box)).reshape(-1, 3)
    distance = np.linalg.norm(lab(inside) - ground, axis=1)
    furthest = float(np.percentile(distance, 98))
    if furthest < 10.0:
        return None
    return _median(inside[distance >= _INSIDE * furthest])


def name_color(color: RGB, palette: Mapping[str, RGB]) -> str:
    """The name of the palette's colour nearest to `color`."""
    names = list(palette)
    distance = np.linalg.norm(lab([palette[name] for name in names]) - lab([color]), axis=1)
    return names[int(distance.argmin())]


def lab(colors: Sequence[RGB] | UInt8[np.ndarray, "N 3"]) -> Float64[np.ndarray, "N 3"]:
    """CIELAB (D65) of sRGB colours [N, 3] in 0-255: lightness 0-100, green to red, blue to yellow.

    Source: IEC 61966-2-1 for sRGB, CIE 15 for L*a*b*.
    """
    srgb = np.asarray(colors, dtype=np.float64) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def _median(pixels: UInt8[np.ndarray, "N 3"]) -> RGB:
    red, green, blue = np.median(pixels, axis=0)
    return int(red), int(green), int(blue)
