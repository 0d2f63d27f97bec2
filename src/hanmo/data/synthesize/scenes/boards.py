"""Hard materials (report section 3.4, compositional rendering): wood, metal, enamel, stone, slate, screens.

Functions and units as in `sheets.py`. This module does not know texts, light or scenes.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from hanmo.data.synthesize.scenes.noise import Map, blur, edges, fractal, step
from hanmo.data.synthesize.scenes.surface import Surface, Tint, linear, mixed, plain

_RUST = linear((112, 58, 30))


def wood(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Boards with grain and knots, side by side, weathered along the grain."""
    return _planks(noise, height, width, unit, tint, boards=max(1, round(height / unit / noise.uniform(0.14, 0.24))))


def plank(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """One board."""
    return _planks(noise, height, width, unit, tint, boards=1)


def painted(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Boards under old paint, which has gone from the edges and along the grain."""
    bare = wood(noise, height, width, unit, linear((150, 112, 76)))
    inside = edges(height, width, unit * 0.01)
    grain = fractal(noise, height, width, unit * 0.05, 4, (0.18, 4.0))
    rest = 0.9 * fractal(noise, height, width, unit * 0.3) + 0.8 * grain - bare.height / np.float32(unit * 0.003)
    worn = step((rest - inside / (unit * 0.05)).astype(np.float32), 1.9, 2.3)
    tone = 1.0 + 0.03 * grain + 0.04 * fractal(noise, height, width, unit * 0.5)
    cover = (np.broadcast_to(tint, (height, width, 3)) * tone[..., None]).astype(np.float32)
    relief = bare.height * 0.7 + (1.0 - worn) * np.float32(unit * 0.0012)
    gloss = (0.25 * (1.0 - worn)).astype(np.float32)
    return replace(bare, albedo=mixed(cover, bare.albedo, worn), height=relief, gloss=gloss, rough=0.5)


def metal(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """A brushed plate with a bevelled edge."""
    lines = fractal(noise, height, width, 3.0, 2, (0.6, 60.0)) + 0.6 * fractal(
        noise, height, width, 6.0, 2, (0.5, 40.0)
    )
    rim = np.clip(edges(height, width, unit * 0.012) / (unit * 0.008), 0.0, 1.0)
    face = plain(height, width, tint, 1.0)
    light = (1.0 + 0.05 * lines + 0.03 * fractal(noise, height, width, unit * 0.4))[..., None]
    return replace(
        face,
        albedo=(face.albedo * light).astype(np.float32),
        height=(lines * 0.02 + rim * unit * 0.006).astype(np.float32),
        metal=np.full((height, width), 0.92, np.float32),
        rough=0.34,
        brushed=True,
    )


def enamel(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Glass on steel: glossy, slightly wavy, a raised rim, chipped to rust here and there."""
    inside = edges(height, width, unit * 0.03)
    waves = fractal(noise, height, width, unit * 0.12, 2) * unit * 0.0007
    speck = fractal(noise, height, width, unit * 0.06, 4)
    near = np.exp(-np.maximum(inside, 0.0) / (unit * 0.02))
    chips = step((speck + 2.1 * near).astype(np.float32), 2.95, 3.05)
    halo = step((blur(chips, unit * 0.006)).astype(np.float32), 0.02, 0.6) * (1.0 - chips)
    rust = (_RUST * (1.0 + 0.3 * fractal(noise, height, width, unit * 0.01))[..., None]).astype(np.float32)
    face = plain(height, width, tint)
    albedo = mixed(mixed(face.albedo, _RUST * 1.4, (halo * 0.5).astype(np.float32)), np.maximum(rust, 0.01), chips)
    rim = np.exp(-(((inside - unit * 0.008) / (unit * 0.005)) ** 2)) * unit * 0.003
    relief = (waves + rim - chips * unit * 0.0015 + chips * speck * 0.3).astype(np.float32)
    return replace(face, albedo=albedo, height=relief, gloss=(1.0 - chips).astype(np.float32), rough=0.06)


def stone(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """A slab with specks, hewn flat; its edges are worn."""
    specks = fractal(noise, height, width, unit * 0.008, 3)
    clouds = fractal(noise, height, width, unit * 0.35)
    pits = step(fractal(noise, height, width, unit * 0.02, 3), 1.6, 2.2)
    inside = edges(height, width, unit * 0.02) + fractal(noise, height, width, unit * 0.08, 3) * unit * 0.004
    face = plain(height, width, tint, 0.08)
    light = 1.0 + 0.07 * specks + 0.07 * clouds - 0.3 * pits
    rim = step(inside.astype(np.float32), -unit * 0.002, unit * 0.016)
    relief = (specks * unit * 0.0007 + clouds * unit * 0.003 - pits * unit * 0.003 + rim * unit * 0.012).astype(
        np.float32
    )
    alpha = step(inside.astype(np.float32), -unit * 0.002, unit * 0.001)
    return replace(face, albedo=(face.albedo * light[..., None]).astype(np.float32), height=relief, alpha=alpha)


def slate(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """A chalkboard: the wiped-off chalk of other days lies on it in sweeps."""
    streaks = fractal(noise, height, width, unit * 0.035, 3, (0.6, 4.0))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    # An arm wipes in arcs: the straight streaks are bent.
    arc = np.cos((x / width - noise.uniform(0.2, 0.8)) * 2.2) * height * 0.5
    bend = fractal(noise, height, width, unit * 0.5, 2) * unit * 0.06
    swept = cv2.remap(streaks, x, y + arc + bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    cloud = fractal(noise, height, width, unit * 0.35, 4)
    dust = np.clip(0.035 + 0.013 * swept * step(cloud, -1.5, 1.5) + 0.02 * cloud, 0.0, 0.16)
    grain = fractal(noise, height, width, unit * 0.004, 2)
    face = plain(height, width, tint, 0.12)
    albedo = mixed(face.albedo, np.array([0.7, 0.71, 0.7], np.float32), dust.astype(np.float32))
    return replace(face, albedo=albedo, height=(grain * 0.16).astype(np.float32), rough=0.6)


def screen(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint) -> Surface:
    """Dark glass that shines in a colour of its own, with a smear or two; see `marks.shining` for what it shows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    fade = (0.75 + 0.5 * (1.0 - (x / width + y / height) / 2.0))[..., None]
    glow = np.broadcast_to(tint, (height, width, 3)) * fade
    face = plain(height, width, np.array([0.012, 0.012, 0.014], np.float32))
    smear = fractal(noise, height, width, unit * 0.2, 3, (1.0, 2.0))
    gloss = np.clip(0.55 + 0.06 * smear, 0.0, 1.0).astype(np.float32)
    return replace(face, glow=glow.astype(np.float32), gloss=gloss, rough=0.03)


def framed(surface: Surface, border: float, frame: Surface, rise: float) -> Surface:
    """`surface` within a frame: `frame` is seen within `border` pixels of the edge, `rise` pixels higher."""
    height, width = surface.height.shape
    inside = edges(height, width, 0.0)
    share = 1.0 - step(inside, border - 0.7, border + 0.7)
    middle = np.abs(inside - border / 2) / (border / 2)
    profile = step(1.0 - middle, 0.0, 0.45) * np.float32(rise)
    # The frame throws a little shade on what it holds.
    shade = 1.0 - 0.45 * np.exp(-np.maximum(inside - border, 0.0) / (rise + 1.0))

    def over(below: Map, above: Map) -> Map:
        return np.asarray(below + share * (above - below), np.float32)

    return replace(
        surface,
        albedo=mixed((surface.albedo * shade[..., None]).astype(np.float32), frame.albedo, share),
        height=over(surface.height, (frame.height + profile).astype(np.float32)),
        gloss=over(surface.gloss, frame.gloss),
        metal=over(surface.metal, frame.metal),
        glow=(surface.glow * (1.0 - share)[..., None]).astype(np.float32),
    )


def screwed(surface: Surface, inset: float, radius: float, tint: Tint) -> Surface:
    """`surface` with a round screw near each corner."""
    height, width = surface.height.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    share, dome = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for number, (at_x, at_y) in enumerate(
        ((inset, inset), (width - inset, inset), (inset, height - inset), (width - inset, height - inset))
    ):
        away = np.hypot(x - at_x, y - at_y)
        turn = 0.7 * number
        slot = np.abs((x - at_x) * np.sin(turn) - (y - at_y) * np.cos(turn)) < radius * 0.16
        share = np.maximum(share, step(-away, -radius - 0.7, -radius + 0.7))
        dome += np.sqrt(np.maximum(0.0, 1.0 - (away / radius) ** 2)) * radius * 0.5 - (slot & (away < radius * 0.8)) * (
            radius * 0.3
        )
    return replace(
        surface,
        albedo=mixed(surface.albedo, tint, share),
        height=(surface.height * (1.0 - share) + dome).astype(np.float32),
        gloss=np.maximum(surface.gloss, share),
        metal=np.maximum(surface.metal, share * np.float32(0.9)),
    )


def _planks(noise: np.random.Generator, height: int, width: int, unit: float, tint: Tint, boards: int) -> Surface:
    relief, tone = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    hue = np.zeros((height, width), np.float32)
    each = -(-height // boards)
    for top in range(0, height, each):
        bottom = min(top + each, height)
        tall = bottom - top
        y, x = np.mgrid[0:tall, 0:width].astype(np.float32)
        warp = fractal(noise, tall, width, unit * 0.25, 3, (0.5, 3.0))
        field = y / (unit * noise.uniform(0.012, 0.022)) + warp * 2.2
        for _ in range(int(noise.integers(0, 2 + width // int(unit)))):
            away = np.hypot((x - noise.uniform(0, width)) / 1.8, y - noise.uniform(0.1, 0.9) * tall) / (unit * 0.03)
            field = field + np.float32(noise.uniform(2.5, 4.0)) * np.exp(-(away**2)) * 2.0
        rings = (0.5 + 0.5 * np.sin(field * 2 * np.pi)) ** 2
        pores = fractal(noise, tall, width, 4.0, 2, (0.5, 22.0))
        coarse = fractal(noise, tall, width, unit * 0.02, 3, (0.35, 12.0))
        tone[top:bottom] = 0.62 * rings + 0.12 * pores + 0.22 * coarse + noise.normal(0, 0.16)
        hue[top:bottom] = noise.normal(0, 1.0)
        gap = np.minimum(y, tall - 1 - y) if boards > 1 else np.full_like(y, unit)
        groove = np.exp(-((gap / (unit * 0.004)) ** 2))
        relief[top:bottom] = -0.4 * rings * unit * 0.002 + pores * 0.12 + coarse * 0.2 - groove * unit * 0.012
        tone[top:bottom] += 1.6 * np.exp(-((gap / (unit * 0.003)) ** 2))
    light = np.exp(-0.42 * (tone - 0.35))
    warm = np.stack([1.0 + 0.02 * hue, np.ones_like(hue), 1.0 - 0.03 * hue - 0.06 * tone], axis=2)
    face = plain(height, width, tint, 0.12)
    albedo = np.clip(face.albedo * light[..., None] * warm, 0.004, 0.95).astype(np.float32)
    return replace(face, albedo=albedo, height=relief, rough=0.5)
