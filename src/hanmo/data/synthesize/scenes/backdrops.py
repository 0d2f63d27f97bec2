"""What is so far away that it is a blur (report section 3.4, compositional rendering): streets, parks, rooms, sky.

This module does not know things or texts. Colours are linear. H W: rows and columns of the picture.
"""

from __future__ import annotations

import numpy as np

from hanmo.data.synthesize.scenes.noise import Map, blur, fractal, step
from hanmo.data.synthesize.scenes.surface import Colors, linear, mixed


def night(noise: np.random.Generator, height: int, width: int) -> Colors:
    """A street after dark: lamps and windows as discs of light."""
    picture = _fade(height, width, ((10, 14, 30), (30, 26, 44), (14, 12, 18)))
    side = min(height, width)
    lamps = ((255, 176, 90), (255, 120, 80), (255, 226, 170), (110, 180, 255), (255, 80, 120), (120, 230, 190))
    for _ in range(int(noise.integers(26, 46))):
        at = (noise.uniform(0, width), height * np.clip(noise.normal(0.45, 0.2), 0, 1))
        _disc(noise, picture, at, side * noise.uniform(0.018, 0.06), lamps[int(noise.integers(0, 6))], 0.55)
    return blur(picture, side * 0.003)


def park(noise: np.random.Generator, height: int, width: int) -> Colors:
    """Trees and a lawn in the sun, far out of focus."""
    side = min(height, width)
    picture = _fade(height, width, ((226, 236, 238), (132, 168, 96), (96, 132, 66), (140, 160, 84)))
    crowns = fractal(noise, height, width, side * 0.3, 3) + np.linspace(1.2, -1.0, height, dtype=np.float32)[:, None]
    picture = mixed(picture, linear((52, 86, 44)), step(crowns, -0.3, 1.0) * 0.8)
    for _ in range(int(noise.integers(30, 55))):
        at = (noise.uniform(0, width), height * noise.uniform(0.0, 0.6))
        color = ((236, 244, 200), (190, 214, 130), (250, 246, 220))[int(noise.integers(0, 3))]
        _disc(noise, picture, at, side * noise.uniform(0.012, 0.05), color, 0.3)
    return blur(picture, side * 0.008)


def room(noise: np.random.Generator, height: int, width: int) -> Colors:
    """A room: a window, a lamp, shelves, all out of focus."""
    side = min(height, width)
    warm = ((206, 192, 172), (186, 170, 148), (150, 128, 104))
    cool = ((188, 196, 200), (164, 172, 178), (116, 120, 124))
    picture = _fade(height, width, warm if noise.random() < 0.6 else cool)
    left = noise.uniform(0.0, 0.65) * width
    _box(picture, (left, -0.1 * height, left + 0.3 * width, 0.5 * height), linear((250, 250, 246)) * 1.5)
    _box(picture, (left + 0.145 * width, -0.1 * height, left + 0.155 * width, 0.5 * height), linear((150, 140, 128)))
    shelf = (left + 0.55 * width) % width
    for _ in range(9):
        at, wide = shelf + noise.uniform(0, 0.3) * width, noise.uniform(0.015, 0.05) * width
        top = noise.uniform(0.2, 0.38) * height
        red, green, blue = (int(value) for value in noise.integers(40, 200, 3))
        tone = linear((red, green, blue))
        _box(picture, (at, top, at + wide, 0.5 * height), tone)
    picture = blur(picture, side * 0.035)
    for _ in range(int(noise.integers(2, 7))):
        spot = (noise.uniform(0, width), height * noise.uniform(0.0, 0.4))
        _disc(noise, picture, spot, side * noise.uniform(0.03, 0.06), (255, 214, 150), 0.5)
    return blur(picture, side * 0.006)


def sky(noise: np.random.Generator, height: int, width: int) -> Colors:
    """Open sky with clouds above far hills."""
    side = min(height, width)
    dusk = noise.random() < 0.4
    tones = (
        ((52, 72, 120), (206, 134, 110), (246, 206, 150))
        if dusk
        else ((84, 138, 204), (152, 190, 226), (222, 232, 238))
    )
    picture = _fade(height, width, tones)
    clouds = fractal(noise, height, width, side * 0.45, 5, (0.5, 1.4))
    cover = step(clouds, 0.2, 1.9) * np.float32(0.75)
    picture = mixed(picture, linear((250, 214, 196) if dusk else (250, 250, 250)), cover)
    for depth in range(3):
        level = height * (0.72 + 0.09 * depth)
        ridge = level - fractal(noise, 1, width, side * (0.5 - 0.12 * depth), 4)[0] * side * 0.03
        y = np.arange(height, dtype=np.float32)[:, None]
        tone = linear(((96, 104, 132), (74, 92, 84), (60, 80, 52))[depth]) * np.float32(0.6 if dusk else 1.0)
        picture = mixed(picture, tone, step((y - ridge[None, :]).astype(np.float32), -2.0, 2.0))
    return blur(picture, side * 0.012)


def sea(noise: np.random.Generator, height: int, width: int) -> Colors:
    """Sky, sea and sand."""
    side = min(height, width)
    picture = _fade(height, width, ((120, 176, 222), (206, 224, 232), (216, 228, 230)))
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    water = fractal(noise, height, width, side * 0.12, 3, (0.15, 2.0))
    wave = (linear((58, 128, 150)) * (1.0 + 0.14 * water)[..., None]).astype(np.float32)
    picture = mixed(picture, wave, step(y, 0.48, 0.49))
    shore = y + 0.012 * fractal(noise, height, width, side * 0.4, 3)
    picture = mixed(picture, linear((240, 242, 240)), step(shore.astype(np.float32), 0.69, 0.72))
    sand = (linear((218, 196, 158)) * (1.0 + 0.03 * fractal(noise, height, width, side * 0.1))[..., None]).astype(
        np.float32
    )
    picture = mixed(picture, sand, step(shore.astype(np.float32), 0.72, 0.77))
    return blur(picture, side * 0.012)


def _fade(height: int, width: int, tones: tuple[tuple[int, int, int], ...]) -> Colors:
    at = np.linspace(0, 1, height)
    stops = np.stack([linear(tone) for tone in tones])
    column = np.stack([np.interp(at, np.linspace(0, 1, len(tones)), stops[:, c]) for c in range(3)], axis=1)
    return np.repeat(column[:, None, :], width, axis=1).astype(np.float32)


def _disc(
    noise: np.random.Generator,
    picture: Colors,
    at: tuple[float, float],
    radius: float,
    color: tuple[int, int, int],
    strong: float,
) -> None:
    """Add a point of light as a lens out of focus shows it: a disc with a brighter rim."""
    left, top = max(0, int(at[0] - radius - 2)), max(0, int(at[1] - radius - 2))
    part: Map = picture[top : int(at[1] + radius + 3), left : int(at[0] + radius + 3)]
    if part.size == 0:
        return
    y, x = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32)
    away = np.hypot(x - at[0], y - at[1]).astype(np.float32)
    share = (
        step(radius - away, -1.0, 1.5)
        * (0.7 + 0.3 * (away / radius) ** 3)
        * np.float32(strong * noise.uniform(0.3, 1.0))
    )
    part += (share[..., None] * linear(color)).astype(np.float32)


def _box(picture: Colors, box: tuple[float, float, float, float], color: np.ndarray) -> None:
    left, top, right, bottom = (max(0, int(edge)) for edge in box)
    picture[top:bottom, left:right] = color
