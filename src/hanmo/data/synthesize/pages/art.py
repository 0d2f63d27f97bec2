"""Procedural pictures, icons and small marks for pages (report section 3.4, complex rendering: picture blocks).

Everything is polygons in a square from 0 to 1, so that both painters draw the same; what matters stands in the
middle, since a picture covers its box and is cropped. This module does not know pages.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.pages.boxes import Art, Point, Shape
from hanmo.data.synthesize.pages.theme import Theme, mix

# What a picture shows, in English and Chinese.
PICTURES = {
    "hills": ("an illustration of a round sun over layered hills", "一幅圆日与层叠山丘的插画"),
    "peaks": ("an illustration of snowy peaks under a full moon", "一幅满月下雪峰的插画"),
    "city": ("an illustration of a city skyline with lit windows", "一幅亮着窗灯的城市天际线插画"),
    "waves": ("an illustration of waves in parallel bands", "一幅层层波浪的插画"),
    "tiles": ("a pattern of geometric tiles with quarter circles", "一幅由四分之一圆组成的几何拼砖图案"),
    "circles": ("an abstract composition of overlapping circles", "一幅圆形交叠的抽象构图"),
    "branches": ("an illustration of a plant with paired leaves", "一幅叶片对生的植物插画"),
}


def circle(x: float, y: float, radius: float, steps: int = 64) -> tuple[Point, ...]:
    """A circle as a polygon."""
    turns = (2 * math.pi * step / steps for step in range(steps))
    return tuple((x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns)


def sector(start: float, stop: float, inner: float, outer: float) -> tuple[Point, ...]:
    """A piece of a ring round the middle of the square; `start` and `stop` in turns, clockwise from the top."""
    steps = max(2, math.ceil(96 * (stop - start)))
    turns = [2 * math.pi * (start + (stop - start) * step / steps) for step in range(steps + 1)]
    out = [(0.5 + outer * math.sin(turn), 0.5 - outer * math.cos(turn)) for turn in turns]
    back = [(0.5 + inner * math.sin(turn), 0.5 - inner * math.cos(turn)) for turn in reversed(turns)]
    return (*out, *back)


def picture(name: str, theme: Theme, seed: str) -> Art:
    """The picture `name` of `PICTURES` in the colours of `theme`, another one for another seed."""
    return Art(tuple(_PAINTERS[name](random.Random(f"art {name} {seed}"), theme)))


def _ground(color: RGB) -> Shape:
    return Shape(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), color)


def _below(line: Sequence[Point], color: RGB) -> Shape:
    return Shape((*line, (1.0, 1.0), (0.0, 1.0)), color)


def _shades(theme: Theme) -> tuple[RGB, RGB]:
    """The colour of a far sky and of a near ground."""
    sky = mix(theme.second.rgb, theme.surface.rgb, 0.35)
    return sky, theme.deep.rgb


def _hills(rng: random.Random, theme: Theme) -> list[Shape]:
    sky, near = _shades(theme)
    shapes = [_ground(sky)]
    x = rng.uniform(0.35, 0.65)
    shapes.append(Shape(circle(x, 0.4, 0.2), mix(theme.third.rgb, sky, 0.45)))
    shapes.append(Shape(circle(x, 0.4, 0.145), theme.third.rgb))
    for layer in range(5):
        base = 0.46 + 0.085 * layer
        ways = [(rng.uniform(0.6, 1.6), rng.uniform(0, 1), rng.uniform(0.02, 0.05)) for _ in range(2)]
        line = [
            (s / 80, base + sum(a * math.sin(2 * math.pi * (f * s / 80 + p)) for f, p, a in ways)) for s in range(81)
        ]
        shapes.append(_below(line, mix(near, theme.second.rgb, 0.12 + 0.22 * layer)))
    return shapes


def _peaks(rng: random.Random, theme: Theme) -> list[Shape]:
    sky, near = theme.deep.rgb, mix(theme.deep.rgb, (10, 12, 20), 0.6)
    shapes = [_ground(mix(sky, theme.second.rgb, 0.7))]
    for _ in range(40):
        shapes.append(Shape(circle(rng.random(), 0.55 * rng.random(), rng.uniform(0.0015, 0.004), 10), (235, 235, 230)))
    shapes.append(Shape(circle(rng.uniform(0.3, 0.7), 0.31, 0.085), theme.bright.rgb))
    snow = mix((255, 255, 255), theme.second.rgb, 0.86)
    for at, top, wide in sorted(
        ((rng.uniform(0.05, 0.95), rng.uniform(0.36, 0.52), 0.42) for _ in range(5)), key=lambda p: p[1]
    ):
        foot = top + 0.42
        body = mix(theme.second.rgb, near, 0.25 + 0.5 * (foot - 0.78))
        shapes.append(Shape(((at, top), (at + wide, foot + 0.2), (at - wide, foot + 0.2)), body))
        lit = mix(body, (255, 255, 255), 0.88)
        shapes.append(Shape(((at, top), (at - wide, foot + 0.2), (at - 0.1 * wide, foot + 0.2)), lit))
        cut = [(at - 0.13, top + 0.192), (at - 0.07, top + 0.155), (at - 0.02, top + 0.2), (at + 0.05, top + 0.15)]
        shapes.append(Shape(((at, top), *cut, (at + 0.13, top + 0.192)), snow))
    shapes.append(_below([(0.0, 0.84), (0.35, 0.79), (0.7, 0.83), (1.0, 0.78)], near))
    return shapes


def _city(rng: random.Random, theme: Theme) -> list[Shape]:
    sky = mix(theme.second.rgb, theme.surface.rgb, 0.4)
    shapes = [_ground(sky), Shape(circle(rng.uniform(0.3, 0.7), 0.36, 0.12), theme.third.rgb)]
    for layer, color in enumerate((mix(theme.deep.rgb, sky, 0.45), theme.deep.rgb)):
        x = -0.02
        while x < 1.0:
            wide = rng.uniform(0.07, 0.13)
            top = rng.uniform(0.36, 0.6) + 0.09 * layer
            shapes.append(Shape(((x, top), (x + wide, top), (x + wide, 1.0), (x, 1.0)), color))
            for row in range(int((0.96 - top) / 0.045)) if layer else ():
                for column in range(int(wide / 0.03)):
                    if rng.random() < 0.42:
                        a, b = x + 0.014 + 0.03 * column, top + 0.022 + 0.045 * row
                        if a + 0.014 < x + wide - 0.004:
                            corners = ((a, b), (a + 0.014, b), (a + 0.014, b + 0.022), (a, b + 0.022))
                            shapes.append(Shape(corners, theme.bright.rgb))
            x += wide + (0.012 if layer else 0.0)
    return shapes


def _waves(rng: random.Random, theme: Theme) -> list[Shape]:
    colors = (theme.second.rgb, theme.accent.rgb, theme.deep.rgb, theme.third.rgb, theme.surface.rgb)
    shapes = [_ground(mix(theme.third.rgb, theme.surface.rgb, 0.3))]
    shapes.append(Shape(circle(rng.uniform(0.35, 0.65), 0.27, 0.11), theme.third.rgb))
    turn, often = rng.random(), rng.uniform(1.0, 1.8)
    for band in range(9):
        line = [
            (s / 90, 0.36 + 0.075 * band + 0.035 * math.sin(2 * math.pi * (often * s / 90 + turn + 0.17 * band)))
            for s in range(91)
        ]
        shapes.append(_below(line, colors[band % 5]))
    return shapes


def _tiles(rng: random.Random, theme: Theme) -> list[Shape]:
    colors = [theme.accent.rgb, theme.second.rgb, theme.third.rgb, theme.deep.rgb, theme.surface.rgb]
    count, shapes = 6, []
    side = 1.0 / count
    for row in range(count):
        for column in range(count):
            ground, over = rng.sample(colors, 2)
            x, y = column * side, row * side
            shapes.append(Shape(((x, y), (x + side, y), (x + side, y + side), (x, y + side)), ground))
            match rng.choice(("quarter", "quarter", "half", "dot", "corner")):
                case "quarter":
                    cx, cy = x + side * rng.randint(0, 1), y + side * rng.randint(0, 1)
                    arc = [(min(max(a, x), x + side), min(max(b, y), y + side)) for a, b in circle(cx, cy, side)]
                    shapes.append(Shape(tuple(arc), over))
                case "half":
                    arc = [
                        (min(max(a, x), x + side), min(max(b, y), y + side))
                        for a, b in circle(x + side / 2, y, side / 2)
                    ]
                    shapes.append(Shape(tuple(arc), over))
                case "dot":
                    shapes.append(Shape(circle(x + side / 2, y + side / 2, 0.3 * side), over))
                case _:
                    shapes.append(Shape(((x, y), (x + side, y), (x, y + side)), over))
    return shapes


def _circles(rng: random.Random, theme: Theme) -> list[Shape]:
    colors = [theme.accent.rgb, theme.second.rgb, theme.third.rgb, theme.deep.rgb, theme.bright.rgb]
    shapes = [_ground(mix(theme.second.rgb, theme.surface.rgb, 0.28))]
    for index, radius in enumerate((0.34, 0.26, 0.21, 0.15, 0.1, 0.07, 0.05)):
        x, y = rng.uniform(0.22, 0.78), rng.uniform(0.22, 0.78)
        color = colors[index % 5]
        shapes.append(Shape(circle(x, y, radius), color))
        if index in (1, 3):
            ring = circle(x, y, radius + 0.035)
            shapes.append(Shape((*ring, ring[0]), color, 0.35))
    return shapes


def _branches(rng: random.Random, theme: Theme) -> list[Shape]:
    shapes = [_ground(mix(theme.second.rgb, theme.surface.rgb, 0.3)), Shape(circle(0.5, 0.47, 0.33), theme.third.rgb)]
    stem = theme.deep.rgb
    lean = rng.uniform(-0.08, 0.08)
    spine = [(0.5 + lean * (s / 20) ** 2, 0.88 - 0.74 * s / 20) for s in range(21)]
    shapes.append(Shape(tuple(spine), stem, 0.5))
    for step in range(4, 20, 3):
        x, y = spine[step]
        length = 0.27 * (1 - 0.03 * step)
        for side in (-1, 1):
            turn = side * (1.15 - 0.025 * step)
            tint = mix(theme.accent.rgb, stem, rng.uniform(0.35, 0.95))
            shapes.append(Shape(_leaf(x, y, length, turn), tint))
    x, y = spine[-1]
    shapes.append(Shape(_leaf(x, y + 0.01, 0.12, lean * 2), theme.accent.rgb))
    return shapes


def _leaf(x: float, y: float, length: float, turn: float) -> tuple[Point, ...]:
    """A leaf from (x, y); `turn` from upright, in radians, clockwise."""
    outline = []
    for step in range(41):
        along = step / 20 if step <= 20 else (40 - step) / 20
        wide = (1 if step <= 20 else -1) * 0.24 * length * math.sin(math.pi * along**0.8)
        a, b = along * length, wide
        outline.append((x + a * math.sin(turn) + b * math.cos(turn), y - a * math.cos(turn) + b * math.sin(turn)))
    return tuple(outline)


_PAINTERS: dict[str, Callable[[random.Random, Theme], list[Shape]]] = {
    "hills": _hills,
    "peaks": _peaks,
    "city": _city,
    "waves": _waves,
    "tiles": _tiles,
    "circles": _circles,
    "branches": _branches,
}
