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

ICONS = ("star", "drop", "bolt", "house", "heart", "moon", "flag", "ring", "leaf", "cup", "clock", "pin")


def icon(name: str, ink: RGB, ground: RGB) -> Art:
    """The icon `name` of `ICONS` in `ink`; its holes show `ground`."""
    shapes: list[Shape] = []
    match name:
        case "star":
            turns = [(math.pi * step / 5, 0.46 if step % 2 == 0 else 0.19) for step in range(10)]
            shapes.append(Shape(tuple((0.5 + r * math.sin(t), 0.53 - r * math.cos(t)) for t, r in turns), ink))
        case "drop":
            shapes += [Shape(circle(0.5, 0.63, 0.29), ink), Shape(((0.5, 0.06), (0.755, 0.5), (0.245, 0.5)), ink)]
        case "bolt":
            points = ((0.58, 0.04), (0.2, 0.56), (0.46, 0.56), (0.4, 0.96), (0.8, 0.4), (0.53, 0.4))
            shapes.append(Shape(points, ink))
        case "house":
            shapes.append(Shape(((0.5, 0.08), (0.95, 0.5), (0.05, 0.5)), ink))
            shapes.append(Shape(((0.17, 0.48), (0.83, 0.48), (0.83, 0.9), (0.17, 0.9)), ink))
            shapes.append(Shape(((0.42, 0.62), (0.58, 0.62), (0.58, 0.9), (0.42, 0.9)), ground))
        case "heart":
            shapes += [Shape(circle(0.29, 0.35, 0.215), ink), Shape(circle(0.71, 0.35, 0.215), ink)]
            shapes.append(Shape(((0.105, 0.46), (0.5, 0.3), (0.895, 0.46), (0.5, 0.92)), ink))
        case "moon":
            shapes += [Shape(circle(0.48, 0.5, 0.42), ink), Shape(circle(0.66, 0.4, 0.34), ground)]
        case "flag":
            shapes.append(Shape(((0.2, 0.06), (0.29, 0.06), (0.29, 0.96), (0.2, 0.96)), ink))
            shapes.append(Shape(((0.29, 0.1), (0.88, 0.31), (0.29, 0.54)), ink))
        case "ring":
            shapes += [Shape(circle(0.5, 0.5, 0.42), ink), Shape(circle(0.5, 0.5, 0.22), ground)]
        case "leaf":
            shapes.append(Shape((*sector_quarter(0.12, 0.88), *reversed(sector_quarter(0.12, 0.88, flip=True))), ink))
            shapes.append(Shape(((0.2, 0.8), (0.62, 0.38)), ground, 0.18))
        case "cup":
            shapes.append(Shape(((0.14, 0.3), (0.7, 0.3), (0.64, 0.82), (0.2, 0.82)), ink))
            shapes += [Shape(circle(0.72, 0.5, 0.19), ink), Shape(circle(0.73, 0.5, 0.1), ground)]
            shapes.append(Shape(((0.14, 0.3), (0.7, 0.3), (0.64, 0.82), (0.2, 0.82)), ink))
        case "clock":
            shapes += [Shape(circle(0.5, 0.5, 0.43), ink), Shape(circle(0.5, 0.5, 0.33), ground)]
            shapes.append(Shape(((0.46, 0.26), (0.54, 0.26), (0.54, 0.48), (0.72, 0.6), (0.67, 0.67), (0.46, 0.54)), ink))
        case "pin":
            shapes += [Shape(circle(0.5, 0.37, 0.3), ink), Shape(((0.245, 0.53), (0.755, 0.53), (0.5, 0.97)), ink)]
            shapes.append(Shape(circle(0.5, 0.37, 0.12), ground))
        case "check":
            points = ((0.12, 0.52), (0.26, 0.38), (0.42, 0.55), (0.76, 0.2), (0.9, 0.34), (0.42, 0.82))
            shapes.append(Shape(points, ink))
        case _:
            raise ValueError(name)  # a fault of ours: names come from ICONS
    return Art(tuple(shapes), "contain")


def sector_quarter(low: float, high: float, *, flip: bool = False) -> list[Point]:
    """One side of a leaf: a quarter circle from the lower left corner of a square to its upper right."""
    side = high - low
    turns = [math.pi / 2 * step / 16 for step in range(17)]
    if flip:
        return [(high - side * math.cos(t), high - side * math.sin(t)) for t in turns]
    return [(low + side * math.sin(t), low + side * math.cos(t)) for t in turns]


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
    """A line through `values` over its tinted area, with a few hairlines behind; the highest reaches 0.1 from the top."""
    most = max(values)
    count = len(values)
    points = [((i + 0.5) / count, 0.98 - 0.88 * value / most) for i, value in enumerate(values)]
    grid = [Shape(((0.0, y), (1.0, y)), line, 0.12) for y in (0.1, 0.394, 0.687, 0.98)]
    area = Shape((*points, (points[-1][0], 0.98), (points[0][0], 0.98)), tint)
    return Art((*grid, area, Shape(tuple(points), color, 0.55)), "stretch")
