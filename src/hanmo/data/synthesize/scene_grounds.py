"""Grounds of scenes, each with a name in both languages (report section 3.4, edits: change the background).

A ground is two colours of a `Palette` in a pattern. Both colours are pale or both deep, so that things stand out
against all of it. It does not know what stands on them. H W: rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from hanmo.data.synthesize.grounds import PALETTES, Color, Palette, paint

Pixels = UInt8[np.ndarray, "H W 3"]

_PATTERNS: dict[str, tuple[str, str]] = {
    "plain": ("plain {a}", "纯{a}"),
    "down": ("{a} fading into {b} at the bottom", "从上到下由{a}渐变为{b}"),
    "glow": ("{a} in the middle fading into {b}", "中间{a}、四周渐变为{b}"),
    "dots": ("{a} with {b} dots", "{a}底配{b}圆点"),
    "stripes": ("{a} with slanted {b} stripes", "{a}底配{b}斜条纹"),
    "checks": ("a chequered pattern of {a} and {b}", "{a}和{b}相间的方格"),
    "rays": ("{b} rays on {a}", "{a}底配{b}放射线"),
    "hills": ("{b} hills under a sky of {a}", "{a}的天空和{b}的山丘"),
}
PATTERNS = tuple(_PATTERNS)
_SHARP = 4.0
"""How many steps of colour an edge of a pattern takes, per pixel: soft by about one pixel."""


@dataclass(frozen=True)
class Ground:
    """What a scene stands on.

    Attributes:
        pattern: one of `PATTERNS`.
        palette: its `ground` and `second` are used.
    """

    pattern: str
    palette: Palette

    @property
    def en(self) -> str:
        """Its name, as in "a background of ..."."""
        return _PATTERNS[self.pattern][0].format(a=self.palette.ground.en, b=self.palette.second.en)

    @property
    def zh(self) -> str:
        """The same in Chinese."""
        return _PATTERNS[self.pattern][1].format(a=_se(self.palette.ground), b=_se(self.palette.second))

    @property
    def tones(self) -> UInt8[np.ndarray, "1 2 3"]:
        """The two colours between which all of it lies."""
        colors = [self.palette.ground.rgb]
        colors.append(self.palette.ground.rgb if self.pattern == "plain" else self.palette.second.rgb)
        return np.array([colors], dtype=np.uint8)


GROUNDS: tuple[Ground, ...] = tuple(Ground(pattern, palette) for palette in PALETTES for pattern in PATTERNS)


def paint_ground(ground: Ground, width: int, height: int) -> Pixels:
    """The picture of a ground; the pattern scales with the picture."""
    if ground.pattern in ("plain", "down", "glow"):
        return paint(ground.palette, ground.pattern, width, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    unit = min(width, height) / 16.0
    match ground.pattern:
        case "dots":
            row = np.floor(y / unit)
            far = np.hypot((x + row % 2 * unit / 2) % unit - unit / 2, y % unit - unit / 2)
            inside = unit * 0.2 - far
        case "stripes":
            inside = np.abs((x + y) % (2 * unit) - unit) - unit / 2
        case "checks":
            cell = 1.6 * unit
            waves = np.sin(np.pi * x / cell) * np.sin(np.pi * y / cell)
            inside = waves * cell / np.pi
        case "rays":
            angle = np.arctan2(y - height * 0.5, x - width * 0.5)
            inside = np.sin(angle * 12.0) * np.hypot(y - height * 0.5, x - width * 0.5) / 12.0
        case _:  # hills
            line = 0.66 + 0.05 * np.sin(x / width * 5.0 + 0.6) + 0.03 * np.sin(x / width * 9.0)
            inside = y - line * height
    share = np.clip(inside * _SHARP / 4.0 + 0.5, 0.0, 1.0)[:, :, None]
    first, second = (np.array(color.rgb, dtype=np.float32) for color in (ground.palette.ground, ground.palette.second))
    picture: Pixels = np.rint(first + share * (second - first)).astype(np.uint8)
    return picture


def _se(color: Color) -> str:
    """A colour's Chinese name that ends in the word for colour, as it must before a noun."""
    return color.zh if color.zh.endswith("色") else f"{color.zh}色"
