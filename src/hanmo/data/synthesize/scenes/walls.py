"""Walls and floors (report section 3.4, compositional rendering): brick, plaster, concrete, tiles, marble.

Functions and units as in `sheets.py`. This module does not know texts, light or scenes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hanmo.data.synthesize.scenes.noise import Map, blur, fractal, step
from hanmo.data.synthesize.scenes.surface import Surface, Tint, linear, mixed, plain


def brick(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Running bond; each brick has its own tone and edges, the mortar lies deeper."""
    inside, ids = _courses(noise, height, width, unit, (0.24, 0.075), 0.012, 0.5)
    rough = fractal(noise, height, width, unit * 0.02, 4)
    inside = inside + rough * unit * 0.0015
    face = step(inside, -unit * 0.001, unit * 0.005)
    tone = _per_stone(noise, ids, 0.2)
    warm = _per_stone(noise, ids, 0.1)
    light = np.exp(tone + 0.07 * rough + 0.1 * fractal(noise, height, width, unit * 0.5))
    burnt = step(_per_stone(noise, ids, 1.0), 1.5, 1.7) * 0.45
    stones = tint * (light * (1.0 - burnt))[..., None] * np.stack([1 + warm, np.ones_like(warm), 1 - warm], axis=2)
    mortar = linear((176, 168, 156)) * (1.0 + 0.08 * fractal(noise, height, width, unit * 0.01, 3))[..., None]
    albedo = mixed(mortar.astype(np.float32), np.clip(stones, 0.01, 0.9).astype(np.float32), face)
    relief = face * np.float32(unit * 0.007) + rough * np.float32(unit * 0.00042) * (0.5 + face)
    relief = relief + _per_stone(noise, ids, unit * 0.0012) * face
    return replace(plain(height, width, tint), albedo=albedo, height=relief.astype(np.float32))


def washed(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Bricks under a coat of paint."""
    bare = brick(noise, height, width, unit, linear((150, 82, 60)))
    rest = fractal(noise, height, width, unit * 0.12, 4)
    worn = step(rest, 2.9, 3.1)
    light = 1.0 + 0.02 * rest + 0.03 * fractal(noise, height, width, unit * 0.6)
    cover = (np.broadcast_to(tint, (height, width, 3)) * light[..., None]).astype(np.float32)
    relief = blur(bare.height, unit * 0.0018) * np.float32(0.7)
    return replace(bare, albedo=mixed(cover, bare.albedo, worn), height=relief.astype(np.float32))


def plaster(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """A rendered wall: strokes of the trowel, fine grain, faint stains."""
    strokes = fractal(noise, height, width, unit * 0.22, 4, (0.7, 1.6))
    grain = fractal(noise, height, width, unit * 0.008, 3)
    stains = step(fractal(noise, height, width, unit * 0.6, 4, (2.0, 0.7)), 0.7, 2.6)
    face = plain(height, width, tint)
    light = 1.0 + 0.025 * strokes + 0.02 * grain - 0.14 * stains
    relief = (strokes * unit * 0.0016 + grain * unit * 0.00022).astype(np.float32)
    return replace(face, albedo=(face.albedo * light[..., None]).astype(np.float32), height=relief)


def concrete(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Cast concrete with pores and the seams of its boards."""
    clouds = fractal(noise, height, width, unit * 0.4, 5)
    grain = fractal(noise, height, width, unit * 0.006, 2)
    pores = step(fractal(noise, height, width, unit * 0.018, 2), 2.3, 2.7)
    wide = unit * noise.uniform(0.5, 0.9)
    away = np.abs((np.arange(width, dtype=np.float32) + noise.uniform(0, wide)) % wide - wide / 2)
    seam = np.broadcast_to(np.exp(-((away / (unit * 0.0025)) ** 2))[None, :], (height, width)).astype(np.float32)
    face = plain(height, width, tint)
    light = 1.0 + 0.07 * clouds + 0.03 * grain - 0.45 * pores - 0.18 * seam
    relief = (clouds * unit * 0.0008 + grain * unit * 0.00014 - pores * unit * 0.004 - seam * unit * 0.004).astype(
        np.float32
    )
    return replace(face, albedo=(face.albedo * light[..., None]).astype(np.float32), height=relief)


def tiles(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Glazed tiles, none quite like another nor quite flat."""
    inside, ids = _courses(noise, height, width, unit, (0.2, 0.1), 0.006, 0.5)
    face = step(inside, 0.0, unit * 0.002)
    light = 1.0 + _per_stone(noise, ids, 0.03) + 0.01 * fractal(noise, height, width, unit * 0.3)
    grout = linear((168, 164, 156))
    glaze = (np.broadcast_to(tint, (height, width, 3)) * light[..., None]).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    tilt = _per_stone(noise, ids, 0.012) * x + _per_stone(noise, ids, 0.012) * y
    dome = step(inside, 0.0, unit * 0.014) * np.float32(unit * 0.004)
    return replace(
        plain(height, width, tint),
        albedo=mixed(np.broadcast_to(grout, (height, width, 3)).astype(np.float32), glaze, face),
        height=(dome + (tilt - blur(tilt, unit * 0.05)) * face).astype(np.float32),
        gloss=face,
        rough=0.12,
    )


def marble(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Polished stone with veins."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    veins = np.zeros((height, width), np.float32)
    for strong in (0.5, 0.35, 0.25):
        way = noise.uniform(0.3, 1.2)
        warp = fractal(noise, height, width, unit * 0.5, 5)
        field = (x * np.cos(way) + y * np.sin(way)) / (unit * noise.uniform(0.3, 0.7)) + 0.55 * warp
        ridge = 1.0 - np.abs(np.sin(field * np.pi))
        veins += np.float32(strong) * (ridge**14 * step(fractal(noise, height, width, unit * 0.4), -0.6, 1.2)).astype(
            np.float32
        )
    clouds = fractal(noise, height, width, unit * 0.5, 5)
    face = plain(height, width, tint, 0.55)
    light = np.clip(1.0 + 0.05 * clouds - veins * 0.7, 0.1, 1.2)
    return replace(face, albedo=(face.albedo * light[..., None]).astype(np.float32), rough=0.12)


def _courses(
    noise: np.random.Generator,
    height: int,
    width: int,
    unit: float,
    stone: tuple[float, float],
    joint: float,
    shift: float,
) -> tuple[Map, np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """How far inside its stone each pixel lies (negative: in the joint), and the stone's number."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = (
        x
        + np.float32(noise.uniform(0, unit))
        + fractal(noise, height, width, unit * 0.1, 2) * np.float32(unit * 0.0008)
    )
    y = (
        y
        + np.float32(noise.uniform(0, unit))
        + fractal(noise, height, width, unit * 0.1, 2) * np.float32(unit * 0.0008)
    )
    wide, tall = unit * stone[0], unit * stone[1]
    row = np.floor(y / tall)
    x = x + (row % 2) * np.float32(wide * shift)
    column = np.floor(x / wide)
    from_x = np.minimum(x - column * wide, (column + 1) * wide - x)
    from_y = np.minimum(y - row * tall, (row + 1) * tall - y)
    inside = np.minimum(from_x, from_y) - np.float32(unit * joint / 2)
    return inside.astype(np.float32), (row * 971 + column).astype(np.int64)


def _per_stone(
    noise: np.random.Generator, ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]], deviation: float
) -> Map:
    table = noise.normal(0.0, deviation, 997).astype(np.float32)
    return np.asarray(table[ids % 997], np.float32)
