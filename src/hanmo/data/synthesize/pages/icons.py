"""Icons, bar codes and the curves of charts for pages (report section 3.4, complex rendering).

Drawn as polygons in a square from 0 to 1. A bar code here encodes nothing.
This module does not know pages or themes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.pages.art import circle, sector
from hanmo.data.synthesize.pages.boxes import Art, Point, Shape

Points = tuple[Point, ...]


def icon(name: str, ink: RGB, ground: RGB) -> Art:
    """The icon `name` of `ICONS` in `ink`; its holes show `ground`."""
    return Art(tuple(Shape(points, ground if hole else ink) for points, hole in _ICONS[name]), "contain")


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _star() -> Points:
    turns = [(math.pi * step / 5, 0.46 if step % 2 == 0 else 0.19) for step in range(10)]
    return tuple((0.5 + far * math.sin(turn), 0.53 - far * math.cos(turn)) for turn, far in turns)


def _leaf() -> Points:
    """Two quarter circles from the lower left corner to the upper right."""
    low, side = 0.12, 0.76
    turns = [math.pi / 2 * step / 16 for step in range(17)]
    one = [(low + side * math.sin(turn), low + side * math.cos(turn)) for turn in turns]
    other = [(low + side - side * math.cos(turn), low + side - side * math.sin(turn)) for turn in turns]
    return (*one, *reversed(other))


_BODY: Points = ((0.14, 0.3), (0.7, 0.3), (0.64, 0.82), (0.2, 0.82))
# Each icon: polygons from back to front, and which of them are holes.
_ICONS: dict[str, tuple[tuple[Points, bool], ...]] = {
    "star": ((_star(), False),),
    "drop": ((circle(0.5, 0.63, 0.29), False), (((0.5, 0.06), (0.755, 0.5), (0.245, 0.5)), False)),
    "bolt": ((((0.58, 0.04), (0.2, 0.56), (0.46, 0.56), (0.4, 0.96), (0.8, 0.4), (0.53, 0.4)), False),),
    "house": (
        (((0.5, 0.08), (0.95, 0.5), (0.05, 0.5)), False),
        (_box(0.17, 0.48, 0.83, 0.9), False),
        (_box(0.42, 0.62, 0.58, 0.9), True),
    ),
    "heart": (
        (circle(0.29, 0.35, 0.215), False),
        (circle(0.71, 0.35, 0.215), False),
        (((0.105, 0.46), (0.5, 0.3), (0.895, 0.46), (0.5, 0.92)), False),
    ),
    "moon": ((circle(0.48, 0.5, 0.42), False), (circle(0.66, 0.4, 0.34), True)),
    "flag": ((_box(0.2, 0.06, 0.29, 0.96), False), (((0.29, 0.1), (0.88, 0.31), (0.29, 0.54)), False)),
    "ring": ((circle(0.5, 0.5, 0.42), False), (circle(0.5, 0.5, 0.22), True)),
    "leaf": ((_leaf(), False), (((0.17, 0.79), (0.21, 0.83), (0.65, 0.39), (0.61, 0.35)), True)),
    "cup": ((circle(0.72, 0.5, 0.19), False), (circle(0.73, 0.5, 0.1), True), (_BODY, False)),
    "clock": (
        (circle(0.5, 0.5, 0.43), False),
        (circle(0.5, 0.5, 0.33), True),
        (((0.46, 0.26), (0.54, 0.26), (0.54, 0.48), (0.72, 0.6), (0.67, 0.67), (0.46, 0.54)), False),
    ),
    "pin": (
        (circle(0.5, 0.37, 0.3), False),
        (((0.245, 0.53), (0.755, 0.53), (0.5, 0.97)), False),
        (circle(0.5, 0.37, 0.12), True),
    ),
    "lens": (
        (circle(0.42, 0.42, 0.34), False),
        (circle(0.42, 0.42, 0.22), True),
        (((0.6, 0.68), (0.68, 0.6), (0.96, 0.88), (0.88, 0.96)), False),
    ),
    "check": ((((0.12, 0.52), (0.26, 0.38), (0.42, 0.55), (0.76, 0.2), (0.9, 0.34), (0.42, 0.82)), False),),
}
ICONS = tuple(name for name in _ICONS if name not in ("check", "lens"))  # these two mean something


def bar_code(rng: random.Random, ink: RGB) -> Art:
    """Bars of one to four modules with gaps of one to three."""
    shapes, at = [], 0.0
    while at < 1.0:
        wide = 0.009 * rng.choice((1, 1, 2, 3, 4))
        shapes.append(Shape(((at, 0.0), (min(1.0, at + wide), 0.0), (min(1.0, at + wide), 1.0), (at, 1.0)), ink))
        at += wide + 0.009 * rng.choice((1, 1, 2, 3))
    return Art(tuple(shapes), "stretch")


def donut(values: Sequence[float], colors: Sequence[RGB]) -> Art:
    """A ring whose pieces are as long as `values`, clockwise from the top, with a hair between them."""
    total, at, shapes = sum(values), 0.0, []
    for value, color in zip(values, colors, strict=True):
        stop = at + value / total
        shapes.append(Shape(sector(at + 0.003, stop - 0.003, 0.29, 0.49), color))
        at = stop
    return Art(tuple(shapes), "contain")


def curve(values: Sequence[float], color: RGB, tint: RGB, line: RGB) -> Art:
    """A line through `values` over its tinted area, over hairlines; the highest reaches 0.1 from the top."""
    most = max(values)
    count = len(values)
    points = [((i + 0.5) / count, 0.98 - 0.88 * value / most) for i, value in enumerate(values)]
    grid = [Shape(((0.0, y), (1.0, y)), line, 0.12) for y in (0.1, 0.394, 0.687, 0.98)]
    area = Shape((*points, (points[-1][0], 0.98), (points[0][0], 0.98)), tint)
    return Art((*grid, area, Shape(tuple(points), color, 0.55)), "stretch")
