"""Light on a surface (report section 3.4, compositional rendering): computed from heights, never painted.

    from the lamp or the sun    Lambert's cosine, shadows that the relief throws on itself, a highlight
    from everywhere else        less in hollows, and the mirror image of a bright room

The two come back apart, since a shadow or the bars of a window take away the first one only.
This module does not know texts or pictures. Colours are linear; directions have length 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from hanmo.data.synthesize.scenes.camera import Plane, Vector
from hanmo.data.synthesize.scenes.noise import Map, blur, step
from hanmo.data.synthesize.scenes.surface import Colors, Surface


@dataclass(frozen=True)
class Light:
    """What lights a scene.

    Attributes:
        way: From the scene towards the lamp or the sun.
        lamp: Its colour times its strength.
        sky: The same for all other light.
        room: The colour of what glossy things mirror.
    """

    way: Vector
    lamp: Float32[np.ndarray, c]
    sky: Float32[np.ndarray, c]
    room: Float32[np.ndarray, c]


def shade(surface: Surface, plane: Plane, light: Light, eye: Vector) -> tuple[Colors, Colors]:
    """How a surface looks in its plane: what comes from everywhere, and what comes from the lamp alone."""
    relief = surface.height if surface.bulge is None else surface.height + surface.bulge
    normal = _normals(relief)
    towards = np.stack([light.way @ plane.right, light.way @ plane.down, light.way @ plane.front]).astype(np.float32)
    view = _views(plane, eye, relief.shape[0], relief.shape[1])
    facing = np.maximum(normal @ towards, 0.0)
    reach = plane.unit * 0.03
    hollow = np.clip((blur(surface.height, reach / 3) - surface.height) / (reach / 3), -0.5, 1.0)
    open_share = np.clip(1.0 - 0.75 * hollow, 0.25, 1.15)
    lit = facing * (1.0 - _own_shadow(surface.height, towards))
    diffuse = surface.albedo * (1.0 - surface.metal)[..., None]
    own = np.where(surface.metal[..., None] > 0.0, 0.04 + surface.metal[..., None] * (surface.albedo - 0.04), 0.04)
    grazing = np.clip(1.0 - (normal * view).sum(axis=2), 0.0, 1.0) ** 5
    mirror = own + (1.0 - own) * (grazing * (1.0 - 0.6 * surface.rough))[..., None]
    mirror = mirror * surface.gloss[..., None]
    half = view + towards
    half = half / np.linalg.norm(half, axis=2, keepdims=True)
    sharp = 2.0 / max(surface.rough, 0.05) ** 3
    shine = np.maximum((normal * half).sum(axis=2), 0.0) ** sharp * (sharp + 8.0) / 25.0
    turned = 2.0 * (normal * view).sum(axis=2, keepdims=True) * normal - view
    around = diffuse * (light.sky * open_share[..., None])
    around = around + mirror * light.room * (_room(turned, plane, surface) * np.minimum(open_share, 1.0))[..., None]
    direct = light.lamp * (diffuse * lit[..., None] + mirror * (shine * lit)[..., None])
    return (around + surface.glow).astype(np.float32), direct.astype(np.float32)


def _normals(relief: Map) -> Colors:
    x = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    y = cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3, scale=0.125, borderType=cv2.BORDER_REPLICATE)
    normal = np.dstack([-x, -y, np.ones_like(relief)])
    return np.asarray(normal / np.linalg.norm(normal, axis=2, keepdims=True), np.float32)


def _views(plane: Plane, eye: Vector, height: int, width: int) -> Colors:
    """From each pixel towards the camera, in the plane's own directions."""
    across, along, above = (float((eye - plane.origin) @ way) for way in (plane.right, plane.down, plane.front))
    x = across + plane.width / 2 - (np.arange(width, dtype=np.float32) + 0.5) / plane.unit
    y = along + plane.height / 2 - (np.arange(height, dtype=np.float32) + 0.5) / plane.unit
    ways = np.dstack([*np.meshgrid(x, y), np.full((height, width), above, np.float32)]).astype(np.float32)
    return np.asarray(ways / np.linalg.norm(ways, axis=2, keepdims=True), np.float32)


def _own_shadow(height: Map, towards: Vector) -> Map:
    """Where the relief itself stands in the lamp's way, 0 to 1, by walking towards the lamp."""
    slant = float(np.hypot(towards[0], towards[1]))
    tallest = float(height.max() - height.min())
    if slant < 0.05 or tallest < 0.5:
        return np.zeros_like(height)
    rise = float(max(towards[2], 0.05)) / slant
    reach = min(tallest / rise, 60.0)
    x, y = towards[0] / slant, towards[1] / slant
    deepest = np.full_like(height, -np.inf)
    size = (height.shape[1], height.shape[0])
    for far in np.linspace(0.0, reach, 9)[1:]:
        move = np.array([[1.0, 0.0, x * far], [0.0, 1.0, y * far]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        there = cv2.warpAffine(height, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        deepest = np.maximum(deepest, there - height - np.float32(far * rise))
    return step(deepest.astype(np.float32), 0.0, max(0.6, 0.25 * tallest))


def _room(turned: Colors, plane: Plane, surface: Surface) -> Map:
    """What a mirror sees: a bright window up on the left, a light ceiling, a dark floor."""
    world = turned @ np.stack([plane.right, plane.down, plane.front]).astype(np.float32)
    soft = 0.08 + 0.9 * surface.rough
    up = step(-world[..., 1], -0.5 - soft, 0.5 + soft)
    if surface.brushed:
        streaks = np.exp(-(((world[..., 0] + 0.25) / 0.3) ** 2)) + 0.6 * np.exp(-(((world[..., 0] - 0.45) / 0.14) ** 2))
        return np.asarray(0.35 + 0.3 * up + 0.9 * streaks, np.float32)
    across = (world[..., 0] + 0.32) / 0.3
    along = (world[..., 1] + 0.42) / 0.36
    pane = step(1.0 - np.abs(across), -soft, soft) * step(1.0 - np.abs(along), -soft, soft)
    bars = step(np.minimum(np.abs(across), np.abs(along)).astype(np.float32), 0.03, 0.03 + soft)
    return np.asarray(0.25 + 0.5 * up + (1.0 - surface.rough) * 5.0 * pane * bars, np.float32)
