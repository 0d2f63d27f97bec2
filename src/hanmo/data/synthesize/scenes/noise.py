"""The noises that materials are made of (report section 3.4, compositional rendering).

Every function takes the numpy generator of its caller, so the same seed gives the same material.
This module does not know materials, lights or pictures. Lengths are pixels of the map. H W: rows and columns.
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
from jaxtyping import Float32

Map = Float32[np.ndarray, "H W"]


def fractal(
    noise: np.random.Generator,
    height: int,
    width: int,
    cell: float,
    octaves: int = 4,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Map:
    """Smooth noise of mean 0 and deviation 1: each octave is twice as fine and half as strong.

    Args:
        noise: Where the values come from.
        height: of the map.
        width: of the map.
        cell: How far apart the coarsest values lie.
        octaves: Fewer are drawn where the next would be finer than two pixels.
        stretch: How much longer features are downwards and across.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        down, across = (max(1.0, cell * factor / 2**octave) for factor in stretch)
        grid = noise.standard_normal((ceil(height / down) + 4, ceil(width / across) + 4)).astype(np.float32)
        large = (ceil(grid.shape[1] * across), ceil(grid.shape[0] * down))
        top, left = (int(noise.integers(0, max(1, int(step)))) for step in (down, across))
        smooth = cv2.resize(grid, large, interpolation=cv2.INTER_CUBIC)
        total += smooth[top + int(down) :, left + int(across) :][:height, :width] * np.float32(0.5**octave)
        if max(down, across) <= 2.0:
            break
    return np.asarray((total - total.mean()) / max(float(total.std()), 1e-6), np.float32)


def like(
    noise: np.random.Generator, ink: Map, cell: float, octaves: int = 4, stretch: tuple[float, float] = (1.0, 1.0)
) -> Map:
    """`fractal` noise of the size of `ink`."""
    return fractal(noise, ink.shape[0], ink.shape[1], cell, octaves, stretch)


def strands(noise: np.random.Generator, height: int, width: int, count: int, length: float) -> Map:
    """Thin bent fibres, 0 to 1."""
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(count):
        x, y, way = noise.uniform(0, width), noise.uniform(0, height), noise.uniform(0, 2 * np.pi)
        bend = noise.normal(0.0, 0.5)
        steps = np.arange(6) / 5.0
        ways = way + bend * steps
        points = np.stack([x + length * steps * np.cos(ways), y + length * steps * np.sin(ways)], axis=1)
        shade = int(noise.integers(60, 220))
        cv2.polylines(canvas, [np.round(points * 8).astype(np.int32)], False, shade, 1, cv2.LINE_AA, 3)
    return canvas.astype(np.float32) / np.float32(255.0)


def blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur, done on a smaller map where `sigma` is large; edges are mirrored."""
    if sigma < 0.3:
        return values
    shrink = max(1, int(sigma / 4))
    if shrink == 1:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))
    height, width = values.shape[:2]
    size = (max(2, ceil(width / shrink)), max(2, ceil(height / shrink)))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def step(values: Map, low: float, high: float) -> Map:
    """From 0 at `low` to 1 at `high`, with a soft start and end."""
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), np.float32)


def edges(height: int, width: int, radius: float) -> Map:
    """How far inside a rectangle with round corners each pixel's middle lies; negative outside."""
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2)[:, None] - (height / 2 - radius)
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2)[None, :] - (width / 2 - radius)
    outside = np.hypot(np.maximum(x, 0.0), np.maximum(y, 0.0)) + np.minimum(np.maximum(x, y), 0.0)
    return np.asarray(radius - outside, np.float32)
