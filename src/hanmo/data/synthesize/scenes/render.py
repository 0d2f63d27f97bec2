"""From things in space to a picture (report section 3.4, compositional rendering).

Things are drawn from the farthest to the nearest. Each is lit in its own plane; what stands in the lamp's way
is found by walking from every point towards the lamp, so that shadows fall where perspective says.
This module does not know texts or materials. Colours are linear. H W: rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hanmo.data.synthesize.scenes.camera import Camera, Plane, Vectors, raised, sampled
from hanmo.data.synthesize.scenes.lighting import Light, shade
from hanmo.data.synthesize.scenes.noise import Map, blur
from hanmo.data.synthesize.scenes.surface import Colors, Surface, Tint


@dataclass(frozen=True)
class Thing:
    """A flat or nearly flat thing.

    Attributes:
        plane: Where it is; its map has `round(width * unit)` columns.
        surface: What it is made of.
        endless: It has no edge: walls, tables.
        casts: Whether it throws a shadow on what lies behind it.
        sharp: Whether the camera's focus leaves it sharp wherever it is.
        thick: How far its sides go back from its face, units.
        side: The colour of its sides.
    """

    plane: Plane
    surface: Surface
    endless: bool = False
    casts: bool = True
    sharp: bool = False
    thick: float = 0.0
    side: Tint | None = None


@dataclass(frozen=True)
class Pattern:
    """What the lamp's light passes on its way: a map of `unit` pixels per unit around the origin's plane."""

    plane: Plane
    share: Map


@dataclass(frozen=True)
class Layer:
    """A thing as it is seen: its colours, where it is, and where on its map each pixel lies."""

    colors: Colors
    alpha: Map
    place: Vectors


def layers(
    camera: Camera, things: Sequence[Thing], light: Light, pattern: Pattern | None, blurred: float
) -> list[Layer]:
    """Each thing as it is seen, in the order given (the farthest first).

    Args:
        camera: The view.
        things: Nearer ones later.
        light: What lights them.
        pattern: What the lamp's light passes.
        blurred: The deviation, in pixels, of the blur of a thing that is twice as far away as the target.
    """
    ways = camera.rays()
    return [_layer(camera, ways, things, number, light, pattern, blurred) for number in range(len(things))]


def _layer(
    camera: Camera,
    ways: Vectors,
    things: Sequence[Thing],
    number: int,
    light: Light,
    pattern: Pattern | None,
    blurred: float,
) -> Layer:
    thing = things[number]
    plane, surface = thing.plane, thing.surface
    place, far = plane.hits(camera.place, ways)
    if surface.bulge is not None:
        place = raised(plane, place, ways, surface.bulge)
    border = cv2.BORDER_REFLECT if thing.endless else cv2.BORDER_CONSTANT
    points = camera.place + ways * far[..., None]
    if surface.bulge is not None:
        points = points + plane.front * (sampled(surface.bulge, place, cv2.BORDER_REPLICATE) / plane.unit)[..., None]
    around, direct = shade(surface, plane, light, camera.place)
    # The map is seen smaller than it is: average it first, else it shimmers.
    around, direct = (sampled(values, place, cv2.BORDER_REFLECT) for values in (around, direct))
    alpha = np.ones_like(far) if thing.endless else sampled(surface.alpha, place, border)
    alpha = alpha * (far < 1e4)
    around, direct, alpha = (np.asarray(values, np.float32) for values in (around, direct, alpha))
    if thing.thick > 0.0 and thing.side is not None:
        around, direct, alpha = _solid(thing, thing.side, place, ways, light, (around, direct, alpha))
    lamp, open_share = np.ones_like(far), np.ones_like(far)
    for other in things[number + 1 :]:
        if other.casts:
            cast, near = _shadow(points.astype(np.float32), other, light)
            lamp, open_share = lamp * (1.0 - cast), open_share * (1.0 - 0.75 * near)
    if pattern is not None:
        there, _ = pattern.plane.hits(points.astype(np.float32), light.way)
        lamp = lamp * sampled(pattern.share, there, cv2.BORDER_REPLICATE)
    colors = around * open_share[..., None] + direct * lamp[..., None]
    colors = (colors * alpha[..., None]).astype(np.float32)
    layer = Layer(colors, alpha.astype(np.float32), place)
    return layer if thing.sharp else _focused(layer, far, camera.focal, blurred)


def _solid(
    thing: Thing, side: Tint, place: Vectors, ways: Vectors, light: Light, seen: tuple[Colors, Colors, Map]
) -> tuple[Colors, Colors, Map]:
    """The face with its sides behind it, which a slanting view shows: the same silhouette, deeper and deeper."""
    around, direct, face = seen
    plane, alpha = thing.plane, thing.surface.alpha
    facing = np.copysign(np.maximum(np.abs(place[..., 2]), 0.15), place[..., 2])
    slope = blur(np.pad(alpha, 8), 3.0)
    behind = np.zeros_like(face)
    depth = np.zeros_like(face)
    slide = np.dstack([(ways @ plane.right) / facing, (ways @ plane.down) / facing, np.zeros_like(facing)])
    steps = max(3, min(40, round(thing.thick * plane.unit / 1.2)))
    for deep in np.linspace(0.0, 1.0, steps + 1)[1:]:
        there = sampled(alpha, (place - slide * np.float32(deep * thing.thick * plane.unit)).astype(np.float32))
        depth = np.where((behind < 0.5) & (there >= 0.5), np.float32(deep), depth)
        behind = np.maximum(behind, there)
    at = (place - slide * (depth * thing.thick * plane.unit)[..., None]).astype(np.float32)
    down = sampled(np.gradient(slope, axis=0).astype(np.float32), at + np.float32(8.0))
    across = sampled(np.gradient(slope, axis=1).astype(np.float32), at + np.float32(8.0))
    long = np.maximum(np.hypot(across, down), 1e-4)
    lit = np.maximum(-(across * (light.way @ plane.right) + down * (light.way @ plane.down)) / long, 0.0)
    tone = (0.9 - 0.3 * depth)[..., None] * side
    share = face[..., None]
    around = around * share + (1.0 - share) * tone * light.sky * np.float32(0.75)
    direct = direct * share + (1.0 - share) * tone * light.lamp * lit[..., None]
    return around.astype(np.float32), direct.astype(np.float32), np.maximum(face, behind).astype(np.float32)


def _shadow(points: Vectors, caster: Thing, light: Light) -> tuple[Map, Map]:
    """How much of the lamp's light, and of the light around, a thing takes from points behind it; 0 to 1."""
    plane, alpha = caster.plane, caster.surface.alpha
    toward, far = plane.hits(points, light.way)
    gap = np.abs((points - plane.origin) @ plane.front)
    middle = float(np.median(gap)) + 0.004
    pad = int(min(0.5, 0.04 + middle * 1.2) * plane.unit)
    shift = np.array([pad, pad, 0.0], np.float32)
    wide = np.pad(alpha, pad)
    if caster.surface.bulge is not None:
        toward = raised(plane, toward, np.broadcast_to(light.way, points.shape), caster.surface.bulge)
    ahead = far < 1e4
    cast = sampled(blur(wide, plane.unit * (0.002 + 0.13 * min(middle, 0.6))), toward + shift)
    straight, _ = plane.hits(points, plane.front)
    close = np.clip(1.0 - gap / 0.3, 0.0, 1.0) ** 2
    near = sampled(blur(wide, plane.unit * min(0.012 + 0.5 * middle, 0.16)), straight + shift) * close
    return (cast * ahead).astype(np.float32), near.astype(np.float32)


def _focused(layer: Layer, far: Map, focal: float, blurred: float) -> Layer:
    """The layer with what is nearer or farther than the target out of focus."""
    circle = np.abs(1.0 - focal / np.maximum(far, 0.05)) * np.float32(2.0 * blurred)
    seen = circle[layer.alpha > 0.02]
    widest = float(np.percentile(seen, 99)) if seen.size else 0.0
    if widest < 0.4:
        return layer
    both = np.dstack([layer.colors, layer.alpha])
    steps = [both, *(blur(both, widest * share) for share in (0.33, 0.66, 1.0))]
    at = np.clip(circle / widest * 3.0, 0.0, 3.0)
    out = np.zeros_like(both)
    for number, values in enumerate(steps):
        out += values * np.clip(1.0 - np.abs(at - number), 0.0, 1.0)[..., None]
    return Layer(out[..., :3], out[..., 3], layer.place)


def stacked(backdrop: Colors, seen: Sequence[Layer]) -> Colors:
    """The layers over a backdrop."""
    picture = backdrop
    for layer in seen:
        picture = picture * (1.0 - layer.alpha)[..., None] + layer.colors
    return picture.astype(np.float32)


def developed(
    noise: np.random.Generator, picture: Colors, width: int, height: int, grain: float, vignette: float, bloom: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The picture as a camera gives it: bloom, darker corners, a soft shoulder, sRGB, grain; 0 to 255."""
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    side = min(width, height)
    bright = np.maximum(small - 1.15, 0.0)
    small = small + bloom * (0.6 * blur(bright, side * 0.008) + 0.5 * blur(bright, side * 0.04))
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - height / 2) / side
    x = (np.arange(width, dtype=np.float32)[None, :] + 0.5 - width / 2) / side
    small = small * (1.0 - vignette * np.clip((x * x + y * y) * 1.3, 0.0, 1.0))[..., None]
    knee = np.float32(0.6)
    over = np.maximum(small - knee, 0.0)
    small = np.minimum(small, knee) + (1.0 - knee) * (1.0 - np.exp(-over / (1.0 - knee)))
    value = np.where(small <= 0.0031308, 12.92 * small, 1.055 * np.maximum(small, 1e-6) ** (1 / 2.4) - 0.055)
    grains = noise.standard_normal((height, width)).astype(np.float32)
    color = noise.standard_normal((height, width, 3)).astype(np.float32)
    film = cv2.GaussianBlur(grains, (0, 0), 0.6)[..., None] * 1.6 + 0.35 * color
    value = value + grain * film * (0.35 + 0.65 * (1.0 - value))
    return np.asarray(np.rint(np.clip(value, 0.0, 1.0) * 255.0), np.uint8)
