"""Portraits drawn by arithmetic: another person on another ground for every seed. YuNet takes them for faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from procedural import scene

_FINE = 3
"""Drawn this many times larger, then reduced, so that edges are soft as in a photograph."""

Color = tuple[int, int, int]

SKINS = ((236, 196, 170), (205, 150, 115), (150, 100, 72), (245, 210, 190))
HAIRS = ((40, 26, 18), (90, 60, 30), (20, 20, 22), (150, 110, 60))


@dataclass(frozen=True)
class Head:
    """Where a head is in the drawing, and its colours; places are in widths of the face from its middle."""

    pen: ImageDraw.ImageDraw
    x: float
    y: float
    width: float
    skin: Color
    hair: Color

    def box(self, x: float, y: float, wide: float, high: float) -> tuple[float, float, float, float]:
        tall = 1.32 * self.width
        across, down = self.x + x * self.width, self.y + y * tall
        return across - wide * self.width, down - high * tall, across + wide * self.width, down + high * tall

    def oval(self, x: float, y: float, wide: float, high: float, color: Color) -> None:
        self.pen.ellipse(self.box(x, y, wide, high), fill=color)

    def tone(self, light: float) -> Color:
        red, green, blue = (min(255, int(level * light)) for level in self.skin)
        return red, green, blue


def portrait(seed: int, width: int = 256, height: int = 256) -> Image.Image:
    """Head and shoulders of somebody; the face is about a third of the picture wide."""
    rng = np.random.default_rng([seed, 6])
    large = scene(seed, width, height).resize((width * _FINE, height * _FINE), Image.Resampling.BICUBIC)
    head = Head(
        ImageDraw.Draw(large),
        large.width * rng.uniform(0.42, 0.58),
        large.height * rng.uniform(0.42, 0.5),
        large.width * rng.uniform(0.26, 0.36),
        SKINS[rng.integers(len(SKINS))],
        HAIRS[rng.integers(len(HAIRS))],
    )
    _body(head, large.height, tuple(int(level) for level in rng.integers(30, 200, 3)))
    for side in (-1, 1):
        _eye(head, side)
    _nose_and_mouth(head)
    soft = large.filter(ImageFilter.GaussianBlur(_FINE * 0.6)).resize((width, height), Image.Resampling.LANCZOS)
    grain = rng.normal(0, 3, (height, width, 1))
    return Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8))


def _body(head: Head, bottom: int, clothes: Color) -> None:
    left, top, right, _ = head.box(0, 1.12, 1.1, 0.5)
    head.pen.rounded_rectangle((left, top, right, bottom + head.width), radius=int(head.width * 0.4), fill=clothes)
    head.pen.rectangle(head.box(0, 0.52, 0.2, 0.23), fill=head.tone(0.85))
    head.oval(0, -0.1, 0.56, 0.52, head.hair)
    head.oval(0, 0, 0.48, 0.5, head.tone(1))
    head.oval(-0.02, 0.05, 0.42, 0.42, head.tone(1.04))
    head.oval(0, -0.42, 0.44, 0.16, head.hair)


def _eye(head: Head, side: int) -> None:
    head.oval(side * 0.49, 0.02, 0.06, 0.09, head.tone(0.92))
    head.oval(side * 0.21, -0.06, 0.115, 0.06, head.tone(0.8))
    head.oval(side * 0.21, -0.055, 0.1, 0.04, (250, 250, 248))
    head.oval(side * 0.21, -0.055, 0.048, 0.038, (70, 50, 35))
    head.oval(side * 0.21, -0.055, 0.022, 0.018, (10, 10, 10))
    head.pen.arc(head.box(side * 0.21, -0.13, 0.13, 0.07), 200, 340, fill=head.hair, width=int(head.width * 0.035))


def _nose_and_mouth(head: Head) -> None:
    left, top, right, bottom = head.box(0, 0.055, 0.08, 0.105)
    head.pen.polygon([(head.x - 4, top), (head.x + 4, top), (right, bottom), (left, bottom)], fill=head.tone(0.93))
    head.oval(0, 0.16, 0.075, 0.035, head.tone(0.9))
    for side in (-1, 1):
        head.oval(side * 0.05, 0.17, 0.03, 0.016, head.tone(0.6))
    head.pen.chord(head.box(0, 0.27, 0.17, 0.07), 10, 170, fill=(178, 74, 70))
    head.oval(0, 0.265, 0.16, 0.018, (120, 40, 40))
    head.oval(0, 0.25, 0.12, 0.02, (190, 90, 85))
