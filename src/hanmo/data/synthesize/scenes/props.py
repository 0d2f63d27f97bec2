"""Things that lie about and may hide a part (report section 3.4, compositional rendering): leaves, pens, cables.

Each function draws a silhouette and puffs it up to a relief, so that it is lit like everything else. The map's
size comes from the silhouette; one unit is the picture's short side.
This module does not know cameras or texts. H W: rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from hanmo.data.synthesize.scenes.noise import Map, blur, edges, fractal, step
from hanmo.data.synthesize.scenes.surface import Surface, linear, mixed, plain

Prop = Callable[[np.random.Generator, float], Surface]
_SHIFT = 4  # polygons have coordinates of 1/16 pixel


def leaves(noise: np.random.Generator, unit: float) -> Surface:
    """A twig with leaves on both sides, from the lower left to the upper right."""
    side = int(unit * 0.56)
    tint = linear(((62, 104, 48), (88, 118, 60), (44, 92, 66), (150, 96, 40))[int(noise.integers(0, 4))])
    twig = plain(side, side, tint)
    alpha, relief, albedo = twig.alpha * 0, twig.height.copy(), twig.albedo.copy()
    bend, full = noise.uniform(-0.25, 0.25), noise.uniform(0.13, 0.34)
    along = np.linspace(0.04, 0.94, 9)
    spine = np.stack([along, 1.0 - along + bend * np.sin(along * np.pi) * 0.5], axis=1) * side
    stem = _line(side, spine, unit * 0.007)
    way = np.arctan2(*(spine[-1] - spine[0])[::-1])
    for number in range(1, 9):
        for hand in (-1, 1) if number < 8 else (0,):
            if noise.random() < 0.12:
                continue
            long = unit * noise.uniform(0.1, 0.15) * (1.0 - 0.04 * number) * (0.27 / full) ** 0.35
            turn = way + hand * noise.uniform(0.6, 1.0)
            one, rib, dome = _leaf(noise, side, spine[number], long, turn, full)
            tone = noise.normal(0.0, 0.16)
            veins = 1.0 + 0.5 * rib + 0.06 * fractal(noise, side, side, unit * 0.03, 3)
            color = twig.albedo * (np.exp(tone) * veins)[..., None]
            albedo = mixed(albedo, (color * np.array([1 + tone * 0.6, 1.0, 0.9])).astype(np.float32), one)
            relief = relief * (1.0 - one) + one * (np.float32(unit * 0.012 + number * 0.5) + dome)
            alpha = np.maximum(alpha, one)
    albedo = mixed(albedo, linear((92, 76, 52)), stem * (1.0 - alpha * 0.6))
    alpha = np.maximum(alpha, stem)
    return replace(
        twig,
        albedo=albedo.astype(np.float32),
        height=blur(relief, 0.7).astype(np.float32),
        alpha=alpha.astype(np.float32),
        gloss=(0.35 * alpha).astype(np.float32),
        rough=0.45,
    )


def pen(noise: np.random.Generator, unit: float) -> Surface:
    """A ballpoint or fountain pen with a metal clip and tip, its tip to the left."""
    wide, tall = int(unit * 0.5), int(unit * 0.06)
    body = linear(
        ((24, 26, 32), (150, 30, 36), (24, 52, 110), (222, 218, 208), (28, 84, 72))[int(noise.integers(0, 5))]
    )
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    share = x / wide
    radius = np.interp(
        share, [0.0, 0.02, 0.13, 0.16, 0.6, 0.61, 0.95, 1.0], [0.04, 0.05, 0.2, 0.24, 0.29, 0.31, 0.3, 0.2]
    )
    radius = (radius * tall).astype(np.float32)
    away = np.abs(y + 0.5 - tall / 2)
    dome = np.sqrt(np.maximum(0.0, radius**2 - away**2))
    alpha = step(radius - away, -0.6, 0.6)
    steel = ((share < 0.13) | (np.abs(share - 0.605) < 0.012)).astype(np.float32)
    clip = ((share > 0.64) & (share < 0.92) & (np.abs(y - tall * 0.42) < tall * 0.05)).astype(np.float32)
    steel = np.maximum(steel, clip)
    tube = plain(tall, wide, body)
    return replace(
        tube,
        albedo=mixed(tube.albedo, np.array([0.78, 0.76, 0.72], np.float32), steel),
        height=(dome + clip * tall * 0.06).astype(np.float32),
        alpha=alpha,
        gloss=np.full((tall, wide), 0.9, np.float32),
        metal=steel * np.float32(0.9),
        rough=0.2,
    )


def pencil(noise: np.random.Generator, unit: float) -> Surface:
    """A pencil of six sides with a cut point."""
    wide, tall = int(unit * 0.52), int(unit * 0.045)
    body = linear(((226, 168, 36), (176, 38, 40), (40, 92, 72), (46, 66, 120))[int(noise.integers(0, 4))])
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    share, half = x / wide, np.float32(tall * 0.34)
    away = (y + 0.5 - tall / 2) / half
    radius = np.minimum(1.0, (share + 0.002) / 0.12)
    alpha = step((radius - np.abs(away)) * half, -0.6, 0.6)
    sides = np.where(np.abs(away) < 0.45, 1.0, 1.0 - (np.abs(away) - 0.45) * 1.1)
    waves = 0.012 * np.abs(np.sin(away * 4.5 + 0.4))
    bare = 1.0 - step(share - waves.astype(np.float32), 0.112, 0.116)
    lead = 1.0 - step(share, 0.03, 0.034)
    stick = plain(tall, wide, body)
    grain = 1.0 + 0.05 * fractal(noise, tall, wide, 6.0, 2, (0.5, 8.0))
    albedo = mixed(stick.albedo, linear((214, 176, 128)), bare) * grain[..., None]
    albedo = mixed(albedo.astype(np.float32), np.array([0.03, 0.03, 0.035], np.float32), lead)
    return replace(
        stick,
        albedo=albedo,
        height=(np.minimum(sides, radius * 1.0) * half * 0.9).astype(np.float32),
        alpha=alpha,
        gloss=((1.0 - bare) * 0.5).astype(np.float32),
        rough=0.3,
    )


def cable(noise: np.random.Generator, unit: float) -> Surface:
    """A long cable that lies in a curve from one edge of its map to another."""
    side = int(unit * 1.5)
    t = np.linspace(-0.05, 1.05, 60)
    sway, turn = noise.uniform(0.06, 0.2), noise.uniform(2.0, 5.0)
    curve = np.stack([t, 0.5 + sway * np.sin(t * turn + noise.uniform(0, 6))], axis=1) * side
    alpha = _line(side, curve, unit * 0.013)
    tint = linear(((30, 30, 32), (226, 224, 220), (160, 60, 44))[int(noise.integers(0, 3))])
    return _puffed(plain(side, side, tint, 0.5), alpha, unit * 0.0065)


def tape(noise: np.random.Generator, unit: float) -> Surface:
    """A strip of paper tape that lets a little through, torn at both ends."""
    wide, tall = int(unit * 0.17), int(unit * 0.05)
    tint = linear(((232, 214, 160), (168, 196, 188), (222, 160, 150), (196, 204, 222))[int(noise.integers(0, 4))])
    x = np.mgrid[0:tall, 0:wide][1].astype(np.float32)
    torn = (fractal(noise, tall, 1, tall * 0.2, 3) * unit * 0.002).astype(np.float32)
    alpha = step(np.minimum(x - 3 - torn, wide - 4 - x + torn), -0.7, 0.7) * step(edges(tall, wide, 1.0), 0.3, 1.7)
    grain = fractal(noise, tall, wide, unit * 0.006, 2, (3.0, 0.6))
    strip = plain(tall, wide, tint, 0.15)
    return replace(
        strip,
        albedo=(strip.albedo * (1.0 + 0.02 * grain)[..., None]).astype(np.float32),
        height=(grain * 0.15).astype(np.float32),
        alpha=(alpha * 0.86).astype(np.float32),
    )


def rod(noise: np.random.Generator, unit: float, long: float) -> Surface:
    """A round stick of wood from which cloth hangs."""
    wide, tall = int(unit * long), int(unit * 0.03)
    alpha = step(edges(tall, wide, tall * 0.45), -0.5, 0.9)
    tint = linear(((150, 108, 66), (84, 54, 36), (196, 160, 112))[int(noise.integers(0, 3))])
    grain = fractal(noise, tall, wide, unit * 0.02, 3, (0.4, 12.0))
    stick = plain(tall, wide, tint, 0.3)
    stick = replace(stick, albedo=(stick.albedo * (1.0 + 0.1 * grain)[..., None]).astype(np.float32))
    return _puffed(stick, alpha, tall / 2)


def pin(noise: np.random.Generator, unit: float) -> Surface:
    """The round head of a pin."""
    side = int(unit * 0.036)
    tint = linear(
        ((200, 36, 36), (34, 92, 170), (232, 186, 40), (236, 236, 232), (36, 128, 84))[int(noise.integers(0, 5))]
    )
    alpha = step(edges(side, side, side / 2), -0.5, 0.9)
    return replace(_puffed(plain(side, side, tint, 0.8), alpha, side / 2), rough=0.15)


def coin(noise: np.random.Generator, unit: float) -> Surface:
    """A coin with a rim and a worn device."""
    side = int(unit * 0.1)
    inside = edges(side, side, side / 2)
    alpha = step(inside, 0.0, 1.4)
    device = step(fractal(noise, side, side, side * 0.25, 2), 0.0, 0.4) * step(inside, side * 0.16, side * 0.2)
    rim = 1.0 - step(inside, side * 0.06, side * 0.1)
    face = plain(
        side, side, np.array(((0.9, 0.62, 0.25), (0.75, 0.74, 0.72))[int(noise.integers(0, 2))], np.float32), 0.9
    )
    relief = blur((rim + 0.6 * device).astype(np.float32), 0.8) * side * 0.02
    return replace(face, height=relief.astype(np.float32), alpha=alpha, metal=alpha * np.float32(0.9), rough=0.35)


def finger(noise: np.random.Generator, unit: float) -> Surface:
    """The tip of a thumb that comes in from the left and holds an edge."""
    wide, tall = int(unit * 0.3), int(unit * 0.125)
    y, x = np.mgrid[0:tall, 0:wide].astype(np.float32)
    share = x / wide
    half = np.interp(share, [0.0, 0.45, 0.62, 0.8, 0.92, 1.0], [0.45, 0.42, 0.4, 0.41, 0.3, 0.0]).astype(np.float32)
    away = (y + 0.5 - tall * (0.5 + 0.05 * np.sin(share * 3.0))) / tall
    alpha = step((half - np.abs(away)) * tall, -0.7, 0.7)
    dome = np.sqrt(np.maximum(0.0, half**2 - away**2)) * tall * 0.8
    skin = linear(((232, 188, 160), (206, 152, 118), (150, 102, 74), (98, 64, 46))[int(noise.integers(0, 4))])
    nail = step(1.0 - np.hypot((share - 0.83) / 0.115, away / 0.25).astype(np.float32), 0.0, 0.08)
    crease = np.exp(-(((share - 0.5 + 0.015 * np.cos(away * 8)) / 0.008) ** 2)) + 0.7 * np.exp(
        -(((share - 0.54) / 0.006) ** 2)
    )
    ridges = fractal(noise, tall, wide, unit * 0.008, 2, (2.0, 0.6))
    face = plain(tall, wide, skin)
    warm = np.array([1.04, 0.9, 0.86], np.float32)
    albedo = face.albedo * (1.0 + 0.02 * ridges - 0.14 * crease)[..., None]
    albedo = mixed(albedo.astype(np.float32), (albedo * warm * 1.1).astype(np.float32), nail)
    relief = dome - crease * unit * 0.0012 - blur(nail, 1.0) * unit * 0.0015 + ridges * 0.1
    return replace(
        face,
        albedo=albedo,
        height=blur(relief.astype(np.float32), 0.8).astype(np.float32),
        alpha=alpha,
        gloss=(0.12 + 0.4 * nail).astype(np.float32),
        rough=0.35,
    )


def _puffed(face: Surface, alpha: Map, radius: float) -> Surface:
    """The face with a round relief: as high as half a circle of `radius` over its edge."""
    inside = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    rest = np.clip(1.0 - inside / radius, 0.0, 1.0)
    relief = np.sqrt(1.0 - rest**2) * radius
    return replace(
        face, height=blur(relief.astype(np.float32), 0.8).astype(np.float32), alpha=alpha.astype(np.float32), rough=0.3
    )


def _line(side: int, points: np.ndarray, thick: float) -> Map:
    canvas = np.zeros((side, side), np.uint8)
    fixed = np.round(points * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, 255, max(1, round(thick)), cv2.LINE_AA, _SHIFT)
    return np.asarray(canvas.astype(np.float32) / 255.0, np.float32)


def _leaf(
    noise: np.random.Generator, side: int, start: np.ndarray, long: float, turn: float, full: float
) -> tuple[Map, Map, Map]:
    """One leaf: where it is, its middle rib and veins, its vaulting."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    along = ((x - start[0]) * np.cos(turn) + (y - start[1]) * np.sin(turn)) / long
    across = (-(x - start[0]) * np.sin(turn) + (y - start[1]) * np.cos(turn)) / long
    across = across - 0.12 * np.sin(np.clip(along, 0, 1) * np.pi) * noise.uniform(-1, 1)
    inside = np.clip(along, 0.0, 1.0)
    half = full * np.sin(inside**0.75 * np.pi) ** 0.9
    share = step(((half - np.abs(across)) * long).astype(np.float32), -0.6, 0.6) * ((along > 0) & (along < 1))
    rib = np.exp(-((across / 0.012) ** 2)) + 0.35 * np.exp(-((np.sin((along - np.abs(across)) * 34) / 0.35) ** 2))
    dome = (0.07 - np.abs(np.abs(across) - 0.06)) * long * 0.9 - rib * 0.4
    return share.astype(np.float32), (rib * share).astype(np.float32), dome.astype(np.float32)
