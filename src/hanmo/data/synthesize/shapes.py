"""Shapes of our own for scenes: sixteen outlines, twelve colours, four hands (report section 3.4, edits).

They need no package, so edits of objects can be made anywhere: a shape in another hand is a change of style, in another
colour a change of colour. Outlines are polygons in the unit square, drawn large and made smaller.
It does not know scenes. Colours are (red, green, blue) in 0-255.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFilter

from hanmo.data.synthesize.colors import COLORS

Points = tuple[tuple[float, float], ...]
Cutout = UInt8[np.ndarray, "_ _ 4"]

SIDE, _OVER = 256, 3
HANDS = ("flat", "outlined", "sticker", "glossy")


def _round(turn: Callable[[float], float], count: int = 180, start: float = -90.0) -> Points:
    """Points around the centre at the distance that `turn` gives for a share of the round, 0 to 1."""
    steps = ((n / count, math.radians(start + 360.0 * n / count)) for n in range(count))
    return tuple((0.5 + turn(t) * math.cos(a), 0.5 + turn(t) * math.sin(a)) for t, a in steps)


def _star(points: int, inner: float) -> Points:
    return _round(lambda t: 0.48 if round(t * 2 * points) % 2 == 0 else inner, 2 * points)


def _heart() -> Points:
    turns = [2 * math.pi * n / 180 for n in range(180)]
    return tuple(
        (
            0.5 + 0.0285 * 16 * math.sin(t) ** 3,
            0.46 - 0.0285 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)),
        )
        for t in turns
    )


def _drop() -> Points:
    def edge(t: float) -> tuple[float, float]:
        a = 2 * math.pi * t
        return 0.5 + 0.36 * math.sin(a) * math.sin(a / 2) ** 1.4, 0.5 - 0.46 * math.cos(a)

    return tuple(edge(n / 180) for n in range(180))


# Empty ones are made of discs, in `_body`.
OUTLINES: Mapping[str, Points] = {
    "star": _star(5, 0.22),
    "heart": _heart(),
    "circle": _round(lambda t: 0.46),
    "square": ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)),
    "triangle": ((0.5, 0.08), (0.96, 0.88), (0.04, 0.88)),
    "hexagon": _round(lambda t: 0.48, 6),
    "diamond": ((0.5, 0.02), (0.86, 0.5), (0.5, 0.98), (0.14, 0.5)),
    "moon": (),
    "drop": _drop(),
    "flower": (),
    "cloud": (),
    "bolt": ((0.58, 0.02), (0.16, 0.56), (0.45, 0.56), (0.36, 0.98), (0.84, 0.40), (0.53, 0.40), (0.70, 0.02)),
    "arrow": ((0.03, 0.36), (0.52, 0.36), (0.52, 0.12), (0.97, 0.5), (0.52, 0.88), (0.52, 0.64), (0.03, 0.64)),
    "cross": (
        (0.35, 0.05), (0.65, 0.05), (0.65, 0.35), (0.95, 0.35), (0.95, 0.65), (0.65, 0.65),
        (0.65, 0.95), (0.35, 0.95), (0.35, 0.65), (0.05, 0.65), (0.05, 0.35), (0.35, 0.35),
    ),
    "ring": (),
    "sun": _star(12, 0.33),
}  # fmt: skip

NAMES_ZH: Mapping[str, tuple[str, str]] = {
    "star": ("颗", "星星"),
    "heart": ("颗", "爱心"),
    "circle": ("个", "圆形"),
    "square": ("个", "正方形"),
    "triangle": ("个", "三角形"),
    "hexagon": ("个", "六边形"),
    "diamond": ("个", "菱形"),
    "moon": ("个", "月牙"),
    "drop": ("颗", "水滴"),
    "flower": ("朵", "花"),
    "cloud": ("朵", "云"),
    "bolt": ("道", "闪电"),
    "arrow": ("个", "箭头"),
    "cross": ("个", "十字"),
    "ring": ("个", "圆环"),
    "sun": ("个", "太阳"),
}
"""For each shape its counting word and its name."""


@cache
def shape(kind: str, color: str, hand: str) -> Cutout:
    """A shape as a transparent picture of `SIDE` pixels; do not write into it.

    Args:
        kind: a key of `OUTLINES`.
        color: a key of `COLORS`.
        hand: one of `HANDS`.
    """
    large = SIDE * _OVER
    body = _body(kind, large)
    rgb = np.array(COLORS[color], dtype=np.float32)
    paint = np.broadcast_to(rgb, (large, large, 3)).copy()
    alpha = body
    match hand:
        case "outlined":
            inside = body.filter(ImageFilter.GaussianBlur(large / 60)).point(lambda v: 255 if v > 240 else 0)
            paint[np.asarray(inside) == 0] = (28, 28, 34)
        case "sticker":
            alpha = _grown(body, large / 26)
            paint[np.asarray(body) == 0] = (255, 255, 255)
        case "glossy":
            paint = _glossy(paint, body, large)
    picture = Image.fromarray(np.rint(paint).clip(0, 255).astype(np.uint8)).convert("RGBA")
    picture.putalpha(alpha)
    small = np.asarray(picture.convert("RGBa").resize((SIDE, SIDE), Image.Resampling.BOX).convert("RGBA")).copy()
    small.flags.writeable = False
    return small


def _body(kind: str, large: int) -> Image.Image:
    """Where a shape is, with rounded corners, within a border that a sticker's edge needs."""
    image = Image.new("L", (large, large))
    draw = ImageDraw.Draw(image)
    edge, inner = large * 0.08, large * 0.84

    def ball(x: float, y: float, r: float, fill: int = 255) -> None:
        box = [edge + inner * v for v in (x - r, y - r, x + r, y + r)]
        draw.ellipse(box, fill=fill)

    match kind:
        case "cloud":
            for x, y, r in ((0.24, 0.62, 0.2), (0.47, 0.45, 0.27), (0.74, 0.6, 0.22)):
                ball(x, y, r)
            draw.rounded_rectangle([edge + inner * v for v in (0.06, 0.56, 0.95, 0.82)], inner * 0.13, fill=255)
        case "moon":
            ball(0.5, 0.5, 0.46)
            ball(0.70, 0.36, 0.37, 0)
        case "flower":
            for n in range(5):
                turn = math.radians(72 * n - 90)
                ball(0.5 + 0.26 * math.cos(turn), 0.5 + 0.26 * math.sin(turn), 0.205)
        case "ring":
            ball(0.5, 0.5, 0.46)
            ball(0.5, 0.5, 0.24, 0)
        case _:
            draw.polygon([(edge + inner * x, edge + inner * y) for x, y in OUTLINES[kind]], fill=255)
    # Blur and cut at the half: corners become round, straight edges stay where they are.
    return image.filter(ImageFilter.GaussianBlur(large / 70)).point(lambda v: 255 if v > 127 else 0)


def _grown(body: Image.Image, by: float) -> Image.Image:
    return body.filter(ImageFilter.GaussianBlur(by)).point(lambda v: 255 if v > 14 else 0)


def _glossy(paint: np.ndarray, body: Image.Image, large: int) -> np.ndarray:
    """Light from above: a height out of the blurred outline, shaded, with one highlight."""
    height = np.asarray(body.filter(ImageFilter.GaussianBlur(large / 14)), dtype=np.float32) / 255.0
    height = np.sqrt(np.clip(height * 2.0 - 1.0, 0.0, 1.0))
    slope_y, slope_x = np.gradient(height)
    lit = (slope_x * 0.5 + slope_y * 0.85) * large / 9.0
    soft = np.asarray(body.filter(ImageFilter.GaussianBlur(large / 40)), dtype=np.float32) / 255
    rows = np.linspace(1.10, 0.86, large, dtype=np.float32)[:, None]
    light = (rows + np.clip(lit, -0.42, 0.55) * 0.8)[:, :, None]
    shaded = paint * np.minimum(light, 1.0) + (255.0 - paint) * np.clip(light - 1.0, 0.0, 0.75)
    shaded *= 0.82 + 0.18 * soft[:, :, None]
    return np.asarray(shaded)
