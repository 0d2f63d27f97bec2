"""Soft materials (report section 3.4, compositional rendering): paper, cardboard, cloth, leather, cork.

Each function makes the face of a thing as a `Surface`, from a numpy generator, its size in pixels, its pixels
per unit (one unit is the picture's short side) and its colour, which is linear.
This module does not know texts, light or scenes. H W: rows and columns.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hanmo.data.synthesize.scenes.noise import Map, blur, fractal, step, strands
from hanmo.data.synthesize.scenes.surface import Surface, Tint, plain


def paper(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """A sheet with fibres, a fold or two, and corners that have come off the table."""
    sheet = _pressed(noise, height, width, unit, tint, 0.012)
    relief, stain = _folds(noise, height, width, unit)
    return replace(
        sheet,
        height=(sheet.height + relief).astype(np.float32),
        albedo=(sheet.albedo * (1.0 - 0.12 * stain)[..., None]).astype(np.float32),
        bulge=_curl(noise, height, width, unit),
    )


def crumpled(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """A sheet that was a ball and was smoothed again: facets with sharp ridges between them."""
    sheet = _pressed(noise, height, width, unit, tint, 0.012)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    relief = np.zeros((height, width), np.float32)
    for _ in range(16):  # a bent line each; what lies beyond it leans
        way, at = noise.uniform(0, 2 * np.pi), noise.uniform(0.1, 0.9, 2)
        along = (x - at[0] * width) * np.cos(way) + (y - at[1] * height) * np.sin(way)
        along = along + fractal(noise, height, width, unit * 0.3, 2) * unit * 0.03
        relief += np.abs(along).astype(np.float32) * np.float32(noise.normal(0, 0.05))
    relief = blur(relief, unit * 0.002) - blur(relief, unit * 0.2)
    worn = step(np.abs(relief - blur(relief, unit * 0.006)).astype(np.float32), 0.1, 0.7)
    return replace(
        sheet,
        height=(sheet.height + relief).astype(np.float32),
        albedo=(sheet.albedo * (1.0 - 0.1 * worn)[..., None]).astype(np.float32),
        bulge=_curl(noise, height, width, unit),
    )


def card(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Stiff paper, flat."""
    return _pressed(noise, height, width, unit, tint, 0.02)


def cardboard(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Brown board with flecks; the waves inside it show a little."""
    sheet = _pressed(noise, height, width, unit, tint, 0.03)
    waves = np.sin(np.arange(width, dtype=np.float32) * np.float32(2 * np.pi / (unit * 0.016)))[None, :]
    wear = fractal(noise, height, width, unit * 0.2)
    flecks = strands(noise, height, width, int(height * width / unit**2 * 3000), unit * 0.012)
    light = 1.0 + 0.05 * waves * step(wear, -1.0, 1.5) + 0.05 * wear - 0.3 * flecks
    relief = sheet.height + waves * np.float32(unit * 0.0001)
    return replace(sheet, height=relief, albedo=(sheet.albedo * light[..., None]).astype(np.float32))


def cloth(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Woven threads; it hangs in folds from its upper edge."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    fall = (0.35 + 0.65 * y / height).astype(np.float32)
    sway = fractal(noise, height, width, unit * 0.5, 2) * unit * 0.02
    wide = unit * noise.uniform(0.16, 0.3)
    waves = np.sin((x + sway) * (2 * np.pi / wide) + noise.uniform(0, 6)) + 0.4 * np.sin((x + sway) * (4.3 / wide))
    bulge = (waves * fall * unit * 0.019 + fractal(noise, height, width, unit * 0.35, 2) * unit * 0.005).astype(
        np.float32
    )
    bulge -= np.float32(bulge.min())
    return replace(_woven(noise, height, width, unit, tint, 0.0055), bulge=bulge)


def canvas(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Coarse cloth that lies or is stretched flat, with a few soft wrinkles."""
    wrinkles = fractal(noise, height, width, unit * 0.4, 2, (0.6, 2.0)) * unit * 0.0035
    wrinkles = wrinkles - wrinkles.min()
    return replace(_woven(noise, height, width, unit, tint, 0.008), bulge=wrinkles.astype(np.float32))


def leather(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Grained leather, a little glossy."""
    grain = fractal(noise, height, width, unit * 0.012, 2)
    pores = -np.abs(grain) + 0.5 * fractal(noise, height, width, unit * 0.03, 2)
    tone = fractal(noise, height, width, unit * 0.4)
    hide = plain(height, width, tint, 0.5)
    light = 1.0 + 0.08 * tone - 0.1 * step(-np.abs(grain), -0.25, 0.0)
    relief = pores * np.float32(unit * 0.0003)
    return replace(hide, height=relief, albedo=(hide.albedo * light[..., None]).astype(np.float32), rough=0.45)


def cork(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Pressed grains of cork, light and dark."""
    grains = fractal(noise, height, width, unit * 0.016, 3)
    dark = step(fractal(noise, height, width, unit * 0.014, 2), 1.0, 1.8)
    board = plain(height, width, tint)
    light = 1.0 + 0.14 * grains + 0.05 * fractal(noise, height, width, unit * 0.3) - 0.6 * dark
    relief = (grains * unit * 0.0012 - dark * unit * 0.002).astype(np.float32)
    return replace(board, height=relief, albedo=(board.albedo * light[..., None]).astype(np.float32))


def _pressed(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint, rough: float) -> Surface:
    grain = fractal(noise, height, width, unit * 0.009, 3)
    clouds = fractal(noise, height, width, unit * 0.3)
    fibres = strands(noise, height, width, int(height * width / unit**2 * 900), unit * 0.02)
    light = 1.0 + 0.012 * grain + 0.018 * clouds - 0.05 * fibres
    sheet = plain(height, width, tint)
    relief = (grain * unit * 0.009 * rough).astype(np.float32)
    return replace(sheet, height=relief, albedo=(sheet.albedo * light[..., None]).astype(np.float32))


def _folds(noise: np.random.Generator, height: int, width: int, unit: float) -> tuple[Map, Map]:
    """Where a letter was folded: valleys and hills that run from edge to edge, and the dirt in them."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    relief, stain = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    places = [(x, width * 0.5), (y, height * 0.5)] if noise.random() < 0.5 else [(y, height / 3), (y, height * 2 / 3)]
    for axis, at in places[: int(noise.integers(0, 3))]:
        away = np.abs(axis - at + fractal(noise, height, width, unit * 0.3, 3) * unit * 0.0008)
        sign = np.float32(noise.choice((-1.0, 1.0)))
        relief += sign * (np.exp(-away / (unit * 0.03)) * unit * 0.0035).astype(np.float32)
        stain += np.exp(-away / (unit * 0.0022)).astype(np.float32)
    return relief, np.clip(stain, 0.0, 1.0)


def _curl(noise: np.random.Generator, height: int, width: int, unit: float) -> Map:
    """How far a sheet has come off what it lies on: two corners, and a gentle wave."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(max(height, width))
    far_x, far_y = width / max(height, width), height / max(height, width)
    lift = np.zeros((height, width), np.float32)
    for corner_x, corner_y in ((0.0, 0.0), (far_x, 0.0), (0.0, far_y), (far_x, far_y)):
        strong = noise.uniform(0.0, 1.0) ** 2
        away = np.hypot(x - corner_x, y - corner_y)
        lift += (np.maximum(0.0, 0.5 - away) ** 2 * 4.0 * strong * 0.05).astype(np.float32)
    lift += (fractal(noise, height, width, unit * 0.6, 1) * 0.0035).astype(np.float32)
    return np.asarray((lift - lift.min()) * unit, np.float32)


def _woven(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint, thread: float) -> Surface:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    step_px = max(3.0, unit * thread)
    x = x + fractal(noise, height, width, unit * 0.05, 2, (6.0, 1.0)) * step_px * 0.16
    y = y + fractal(noise, height, width, unit * 0.05, 2, (1.0, 6.0)) * step_px * 0.16
    across, along = np.sin(x * (np.pi / step_px)), np.sin(y * (np.pi / step_px))
    over = across * along  # which of the two threads lies above, in turns
    threads = np.maximum(over, 0) * np.abs(across) + np.maximum(-over, 0) * np.abs(along)
    slubs = fractal(noise, height, width, unit * 0.02, 2, (0.3, 5.0)) + fractal(
        noise, height, width, unit * 0.02, 2, (5.0, 0.3)
    )
    light = 0.86 + 0.2 * threads + 0.035 * slubs
    sheet = plain(height, width, tint)
    relief = (threads * step_px * 0.2).astype(np.float32)
    return replace(sheet, height=relief, albedo=(sheet.albedo * light[..., None]).astype(np.float32))
