"""Pictures of solids: one lamp with a soft shadow, a bright room, patterns on surfaces (report 4.2: depth, views).

Each pixel is the mean of four rays, each with its own part of the lamp, so edges and shadows are soft; the same
scene and camera give the same bytes. Light is summed up linearly and shown as sRGB. Depth becomes a picture as depth
models show it: near is white, far and the sky are black, linear in 1 / depth. It does not know words.
R: rays. H W: rows and columns. Colours are 0-255, light is 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from hanmo.data.synthesize.colors import RGB
from hanmo.data.synthesize.solids import (
    NOTHING,
    PLANE,
    Camera,
    Hits,
    Lengths,
    Solid,
    Vectors,
    local,
    rays,
    reached,
    trace,
)
from hanmo.errors import RequestError

Pattern = Literal["plain", "stripes", "checks", "dots"]
Floor = Literal["plain", "tiles", "planks"]
Light = Float64[np.ndarray, "R 3"]

PATTERNS: tuple[Pattern, ...] = ("plain", "stripes", "checks", "dots")
FLOORS: tuple[Floor, ...] = ("plain", "tiles", "planks")
_SAMPLES = ((0.125, 0.625), (0.375, 0.125), (0.625, 0.875), (0.875, 0.375))
"""Where the four rays of a pixel pass: each in a row and a column of its own."""
_LAMPS = 8
"""Points of the lamp that each of them asks."""


@dataclass(frozen=True)
class Paint:
    """What a solid's surface looks like.

    Attributes:
        rgb: its colour.
        pattern: in a paler shade of the colour.
        gloss: strength of the lamp's reflection, 0 to 1.
    """

    rgb: RGB
    pattern: Pattern = "plain"
    gloss: float = 0.35


@dataclass(frozen=True)
class SolidScene:
    """Solids with their paint, the floor, and the lamp.

    Attributes:
        solids: what stands there.
        paints: one for each.
        floor: the plane's pattern.
        floor_rgb: its colour, and, paler, that of the room.
        lamp: azimuth and elevation of the lamp, in degrees.

    Raises:
        RequestError: solids and paints are not as many.
    """

    solids: tuple[Solid, ...]
    paints: tuple[Paint, ...]
    floor: Floor = "plain"
    floor_rgb: RGB = (226, 222, 214)
    lamp: tuple[float, float] = (40.0, 52.0)

    def __post_init__(self) -> None:
        """See the class."""
        if len(self.solids) != len(self.paints):
            raise RequestError(f"{len(self.solids)} solids have {len(self.paints)} paints; each needs one")


def draw_solids(scene: SolidScene, camera: Camera, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """The picture of a scene."""
    total = np.zeros((height * width, 3))
    for number, offset in enumerate(_SAMPLES):
        origins, ways = rays(camera, width, height, offset)
        total += _seen(scene, origins, ways, camera, number)
    return _shown(total / len(_SAMPLES)).reshape(height, width, 3)


def depth_picture(depth: Float64[np.ndarray, "H W"]) -> tuple[UInt8[np.ndarray, "H W 3"], float, float]:
    """A depth map as a grey picture, and the depths that became white and black.

    The depth of a value v above 0 is 1 / (v / 255 * (1 / near - 1 / far) + 1 / far), within the rounding of v.

    Args:
        depth: above 0, in any unit; inf is the sky.

    Raises:
        RequestError: nothing but sky, or depths that are not above 0.
    """
    known = depth[np.isfinite(depth)]
    if not known.size or known.min() <= 0.0:
        raise RequestError("a depth map needs depths above 0 that are finite somewhere")
    near, far = float(known.min()), float(known.max())
    span = max(1.0 / near - 1.0 / far, 1e-12)
    share = np.clip((1.0 / depth - 1.0 / far) / span, 0.0, 1.0)
    grey = np.rint(share * 255.0).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2), near, far


def _seen(scene: SolidScene, origins: Vectors, ways: Vectors, camera: Camera, number: int) -> Light:
    """The light that comes along each ray."""
    hits = trace(scene.solids, origins, ways)
    own = _own_colors(scene, hits)
    lit, shine = _lamp_light(scene, hits, ways, number)
    above = 0.5 + 0.5 * hits.normal[:, 2]  # the room is brighter above than below
    ambient = (0.30 + 0.24 * above) * _open(scene.solids, hits)
    light = own * (ambient + 0.78 * lit)[:, None] + shine[:, None]
    room = _linear(scene.floor_rgb) * 0.86 + 0.10
    away = np.where(np.isfinite(hits.distance), hits.distance, np.inf)
    haze = np.clip((away / camera.distance - 1.4) / 2.2, 0.0, 1.0)  # far away the floor becomes the wall
    share = np.where(hits.index == PLANE, haze, np.where(hits.index < 0, 1.0, 0.0))[:, None]
    share = share * share * (3.0 - 2.0 * share)
    return np.asarray(light * (1.0 - share) + room * share)


def _own_colors(scene: SolidScene, hits: Hits) -> Light:
    """The surfaces' own colours, linear."""
    own = _floor_colors(scene, hits.point)
    for number, (solid, paint) in enumerate(zip(scene.solids, scene.paints, strict=True)):
        mine = hits.index == number
        if mine.any():
            base = _linear(paint.rgb)
            second = base * 0.22 + 0.62
            share = _pattern(paint.pattern, solid, local(solid, hits.point[mine]))[:, None]
            own[mine] = base + share * (second - base)
    return own


def _pattern(pattern: Pattern, solid: Solid, at: Vectors) -> Lengths:
    """How much of the paler shade, 0 or 1, at points of a surface."""
    unit = solid.radius
    match pattern:
        case "plain":
            return np.zeros(len(at))
        case "stripes":
            return _share((at[:, 2] / unit * 2.5) % 1.0 > 0.5)
        case _:
            pass
    across = np.arctan2(at[:, 1], at[:, 0]) / math.pi * 6.0
    upwards = at[:, 2] / unit * 2.0
    if solid.kind == "sphere":  # its latitude, so that rows are as far apart at the poles
        upwards = np.arcsin(np.clip(at[:, 2] / unit - 1.0, -1.0, 1.0)) / math.pi * 6.0
    if solid.kind == "box":  # the two axes of each face
        x, y = at[:, 0] / unit * 2.0, at[:, 1] / unit * 2.0
        on_top = at[:, 2] > solid.height - 1e-7
        across = np.where(on_top | (np.abs(y) > 2.0 - 1e-7), x, y)
        upwards = np.where(on_top, y, upwards)
    if pattern == "checks":
        return _share((np.floor(across) + np.floor(upwards)) % 2.0 > 0.5)
    return _share(np.hypot(across % 1.0 - 0.5, upwards % 1.0 - 0.5) < 0.28)


def _share(chosen: Bool[np.ndarray, " R"]) -> Lengths:
    return np.where(chosen, 1.0, 0.0)


def _floor_colors(scene: SolidScene, points: Vectors) -> Light:
    base = np.broadcast_to(_linear(scene.floor_rgb), points.shape).copy()
    x, y = points[:, 0], points[:, 1]
    match scene.floor:
        case "tiles":
            base *= np.where((np.floor(x / 0.8) + np.floor(y / 0.8)) % 2.0 > 0.5, 1.0, 0.78)[:, None]
        case "planks":
            row = np.floor(y / 0.45)
            tone = 0.90 + 0.10 * np.sin(row * 12.9898 + np.floor((x + row * 0.73) / 2.2) * 78.233)
            seam = np.minimum(y / 0.45 % 1.0, 1.0 - y / 0.45 % 1.0) < 0.02
            base *= np.where(seam, 0.62, tone)[:, None]
    return base


def _lamp_light(scene: SolidScene, hits: Hits, ways: Vectors, number: int) -> tuple[Lengths, Lengths]:
    """Light of the lamp that surfaces scatter, and that they reflect like a mirror; shadows taken off."""
    met = np.flatnonzero(hits.index != NOTHING)
    normal, point = hits.normal[met], hits.point[met]
    lamps = _lamp(scene.lamp, number)
    facing = np.maximum(normal @ np.stack(lamps, axis=1), 0.0)
    free = facing > 0.0
    start = point + 1e-4 * normal
    for solid in scene.solids:
        asked, which = np.nonzero(free & _may_shade(solid, start, lamps)[:, None])
        free[asked, which] = ~np.isfinite(reached(solid, start[asked], np.stack(lamps)[which]))
    lit, shine = np.zeros(len(ways)), np.zeros(len(ways))
    lit[met] = (free * facing).mean(axis=1)
    gloss = np.array([*(paint.gloss for paint in scene.paints), 0.0])[hits.index[met]]  # the last is the plane's
    glossy = np.flatnonzero(gloss > 0.0)
    for n, lamp in enumerate(lamps):
        half = lamp - ways[met[glossy]]
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        mirrored = np.maximum((normal[glossy] * half).sum(axis=1), 0.0) ** 60
        shine[met[glossy]] += free[glossy, n] * gloss[glossy] * mirrored / len(lamps)
    return lit, shine


def _may_shade(solid: Solid, points: Vectors, lamps: list[Float64[np.ndarray, " 3"]]) -> Bool[np.ndarray, " R"]:
    """Whether a solid can stand between a point and any part of the lamp; most of a picture it cannot."""
    middle = np.array([solid.x, solid.y, solid.top / 2.0])
    around = math.hypot(solid.reach, solid.top / 2.0)
    towards = np.mean(lamps, axis=0)
    towards /= np.linalg.norm(towards)
    wide = max(math.acos(min(1.0, float(lamp @ towards))) for lamp in lamps)
    along = (middle - points) @ towards
    past = np.sqrt(np.maximum(((middle - points) ** 2).sum(axis=1) - along**2, 0.0))
    return np.asarray((along > -around) & (past <= around + math.tan(wide) * (np.abs(along) + around)))


def _lamp(place: tuple[float, float], number: int) -> list[Float64[np.ndarray, " 3"]]:
    """Directions to some points of the round lamp; each of a pixel's rays asks others (a spiral, evenly filled)."""
    a, e = (math.radians(v) for v in place)
    towards = np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])
    side = np.array([-math.sin(a), math.cos(a), 0.0])
    up = np.cross(towards, side)
    count, points = _LAMPS * len(_SAMPLES), []
    for n in range(number, count, len(_SAMPLES)):
        far, turn = 0.16 * math.sqrt((n + 0.5) / count), n * 2.399963
        way = towards + far * (math.cos(turn) * side + math.sin(turn) * up)
        points.append(way / np.linalg.norm(way))
    return points


def _open(solids: tuple[Solid, ...], hits: Hits) -> Lengths:
    """How much of the room a point sees: each other solid hides as much as a ball of its size would."""
    free = np.ones(len(hits.distance))
    for number, solid in enumerate(solids):
        radius = min(solid.reach, solid.top / 2.0)
        to = np.array([solid.x, solid.y, radius]) - hits.point
        far = np.maximum(np.linalg.norm(to, axis=1), radius)
        facing = np.clip(((hits.normal * to).sum(axis=1) / far), 0.0, 1.0)
        hidden = 0.75 * facing * (radius / far) ** 2
        free *= np.where(hits.index == number, 1.0, 1.0 - hidden)
    return free


def _linear(rgb: RGB) -> Float64[np.ndarray, " 3"]:
    value = np.array(rgb, dtype=np.float64) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _shown(light: Light) -> UInt8[np.ndarray, "R 3"]:
    """Linear light as sRGB; what is too bright bends softly towards white."""
    soft = np.where(light > 0.8, 0.8 + 0.2 * np.tanh((light - 0.8) / 0.2), light)
    shown = np.where(soft <= 0.0031308, soft * 12.92, 1.055 * np.maximum(soft, 1e-9) ** (1.0 / 2.4) - 0.055)
    return np.rint(np.clip(shown, 0.0, 1.0) * 255.0).astype(np.uint8)
