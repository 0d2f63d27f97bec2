"""Solids on a plane, seen by rays: what each pixel sees, how far, how the surface lies (report 4.2: depth, views).

Every surface is intersected exactly, a torus by steps that end within a billionth; so the depth of a pixel is that of
the point that its ray meets, with no mesh between. The world has z up and the plane at z = 0; lengths are in one unit,
say metres. An angle of azimuth that grows moves the camera to its own right. It does not know colours or words.
R: rays. H W: rows and columns. Vectors are (x, y, z).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from hanmo.errors import RequestError

Vectors = Float64[np.ndarray, "R 3"]
Lengths = Float64[np.ndarray, " R"]
Kind = Literal["sphere", "box", "cylinder", "cone", "torus"]

PLANE, NOTHING = -1, -2
"""What `Hits.index` says of rays that meet the plane, or nothing at all."""
_NEAR = 1e-6
"""A ray does not meet the point that it starts from."""
_TUBE = 0.36
"""Radius of a torus' tube, as a share of its outer radius."""


@dataclass(frozen=True)
class Solid:
    """A body that stands on the plane.

    Attributes:
        kind: its form. A torus lies flat.
        x: where it stands.
        y: where it stands.
        radius: half its width; of a box, half a side of its square base.
        height: of a box, cylinder or cone; a sphere is as high as wide, a torus as its tube.
        heading: by how much it is turned about the vertical, in degrees.

    Raises:
        RequestError: a size that is not positive.
    """

    kind: Kind
    x: float
    y: float
    radius: float
    height: float = 1.0
    heading: float = 0.0

    def __post_init__(self) -> None:
        """See the class."""
        if not (self.radius > 0 and self.height > 0):
            raise RequestError(f"a {self.kind} has radius {self.radius} and height {self.height}; both must be above 0")

    @property
    def top(self) -> float:
        """How high it reaches."""
        match self.kind:
            case "sphere":
                return 2.0 * self.radius
            case "torus":
                return 2.0 * _TUBE * self.radius
            case _:
                return self.height

    @property
    def reach(self) -> float:
        """How far from its axis it reaches."""
        return self.radius * (math.sqrt(2.0) if self.kind == "box" else 1.0)


@dataclass(frozen=True)
class Camera:
    """Where from and how wide a scene is seen.

    Attributes:
        distance: from the point that it looks at.
        azimuth: degrees about the vertical; 0 looks along -x.
        elevation: degrees above the plane, above 0 and below 90.
        target: the point that it looks at, in the picture's middle.
        field: vertical angle of view in degrees.

    Raises:
        RequestError: an angle or distance out of range.
    """

    distance: float = 6.0
    azimuth: float = 0.0
    elevation: float = 25.0
    target: tuple[float, float, float] = (0.0, 0.0, 0.5)
    field: float = 40.0

    def __post_init__(self) -> None:
        """See the class."""
        if not (0.0 < self.elevation < 90.0 and 0.0 < self.field < 150.0 and self.distance > 0.0):
            raise RequestError(
                f"a camera at {self.distance}, {self.elevation} degrees high, {self.field} degrees wide; the distance "
                "must be above 0, elevation between 0 and 90, field between 0 and 150"
            )

    @property
    def axes(self) -> tuple[Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"], Float64[np.ndarray, " 3"]]:
        """Unit vectors to the right, upwards and forwards, as the camera sees."""
        a, e = math.radians(self.azimuth % 360.0), math.radians(self.elevation)
        forward = -np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])
        right = np.array([-math.sin(a), math.cos(a), 0.0])
        return right, np.cross(right, forward), forward

    @property
    def eye(self) -> Float64[np.ndarray, " 3"]:
        """Where it stands."""
        return np.array(self.target) - self.distance * self.axes[2]


@dataclass(frozen=True, eq=False)
class Hits:
    """What rays meet first.

    Attributes:
        distance: along each ray, whose direction has length 1; inf where it meets nothing.
        index: which solid, or `PLANE` or `NOTHING`.
        point: where; the ray's origin where it meets nothing.
        normal: unit vectors away from the surface; (0, 0, 1) where there is none.
    """

    distance: Lengths
    index: Int64[np.ndarray, " R"]
    point: Vectors
    normal: Vectors


def rays(camera: Camera, width: int, height: int, offset: tuple[float, float] = (0.5, 0.5)) -> tuple[Vectors, Vectors]:
    """Origins and unit directions, row by row; `offset` is where within its pixel a ray passes, in pixels."""
    right, up, forward = camera.axes
    half = math.tan(math.radians(camera.field) / 2.0)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    across = (2.0 * (x + offset[0]) - width) / height * half
    upwards = (height - 2.0 * (y + offset[1])) / height * half
    ways = forward + across[:, :, None] * right + upwards[:, :, None] * up
    ways = (ways / np.linalg.norm(ways, axis=2, keepdims=True)).reshape(-1, 3)
    return np.broadcast_to(camera.eye, ways.shape).copy(), ways


def trace(solids: tuple[Solid, ...], origins: Vectors, ways: Vectors) -> Hits:
    """What each ray meets first."""
    down = ways[:, 2] < -1e-12
    distance = np.full(len(ways), np.inf)
    distance[down] = -origins[down, 2] / ways[down, 2]
    distance[distance <= _NEAR] = np.inf
    index = np.where(np.isfinite(distance), PLANE, NOTHING).astype(np.int64)
    for number, solid in enumerate(solids):
        found = reached(solid, origins, ways)
        closer = found < distance
        distance[closer], index[closer] = found[closer], number
    point = origins + np.where(np.isfinite(distance), distance, 0.0)[:, None] * ways
    normal = np.zeros_like(point)
    normal[:, 2] = 1.0
    for number, solid in enumerate(solids):
        own = index == number
        if own.any():
            normal[own] = _turned(_normals(solid, local(solid, point[own])), solid.heading)
    return Hits(distance, index, point, normal)


def depth_map(solids: tuple[Solid, ...], camera: Camera, width: int, height: int) -> Float64[np.ndarray, "H W"]:
    """Depth at the middle of each pixel: along the camera's axis, as depth cameras measure it; inf for the sky."""
    origins, ways = rays(camera, width, height)
    hits = trace(solids, origins, ways)
    depth: Float64[np.ndarray, "H W"] = (hits.distance * (ways @ camera.axes[2])).reshape(height, width)
    return depth


def local(solid: Solid, points: Vectors) -> Vectors:
    """Points as the solid sees them: from its foot, before it was turned."""
    return _turned(points - np.array([solid.x, solid.y, 0.0]), -solid.heading)


def reached(solid: Solid, origins: Vectors, ways: Vectors) -> Lengths:
    """How far each ray goes before it meets a solid; inf where it does not."""
    result = np.full(len(ways), np.inf)
    middle = np.array([solid.x, solid.y, solid.top / 2.0])
    around = math.hypot(solid.reach, solid.top / 2.0) * (1.0 + 1e-9)
    towards = ((middle - origins) * ways).sum(axis=1)
    past = ((middle - origins) ** 2).sum(axis=1) - towards**2
    near = np.flatnonzero((past <= around**2) & (towards > -around))
    if near.size:
        start, way = local(solid, origins[near]), _turned(ways[near], -solid.heading)
        result[near] = _meet(solid, start, way)
    return result


def _meet(solid: Solid, start: Vectors, way: Vectors) -> Lengths:
    r, h = solid.radius, solid.top
    with np.errstate(divide="ignore", invalid="ignore"):
        match solid.kind:
            case "sphere":
                off = start - np.array([0.0, 0.0, r])
                return _first(_roots(np.ones(len(way)), (off * way).sum(axis=1), (off**2).sum(axis=1) - r * r))
            case "box":
                low, high = np.array([-r, -r, 0.0]), np.array([r, r, h])
                sides = np.stack([(low - start) / way, (high - start) / way])
                enter, leave = np.nanmax(sides.min(axis=0), axis=1), np.nanmin(sides.max(axis=0), axis=1)
                met = np.where(enter > _NEAR, enter, leave)
                return np.where((enter <= leave) & (met > _NEAR), met, np.inf)
            case "cylinder" | "cone":
                return _upright(solid, start, way)
            case _:
                return _march(solid, start, way)


def _upright(solid: Solid, start: Vectors, way: Vectors) -> Lengths:
    """The side of a cylinder or cone, between its ends, and the ends."""
    r, h = solid.radius, solid.height
    slope = r / h if solid.kind == "cone" else 0.0
    room = r - slope * start[:, 2]  # the radius at the height of the ray's start; it falls by slope * way_z
    fall = -slope * way[:, 2]
    a = (way[:, :2] ** 2).sum(axis=1) - fall**2
    b = (start[:, :2] * way[:, :2]).sum(axis=1) - room * fall
    c = (start[:, :2] ** 2).sum(axis=1) - room**2
    sides = _roots(a, b, c)
    z = start[None, :, 2] + sides * way[None, :, 2]
    sides = np.where((z >= 0.0) & (z <= h), sides, np.inf)
    ends = []
    for level, radius in ((0.0, r), (h, 0.0 if solid.kind == "cone" else r)):
        t = (level - start[:, 2]) / way[:, 2]
        at = start[:, :2] + t[:, None] * way[:, :2]
        ends.append(np.where((at**2).sum(axis=1) <= radius**2, t, np.inf))
    return _first(np.concatenate([sides, np.stack(ends)]))


def _march(solid: Solid, start: Vectors, way: Vectors) -> Lengths:
    """A torus: steps as long as the distance to its surface, which can never jump over it."""
    ring, tube = solid.radius * (1.0 - _TUBE), solid.radius * _TUBE
    middle = np.array([0.0, 0.0, tube])
    around = math.hypot(solid.radius, tube) + 1e-3
    towards = ((middle - start) * way).sum(axis=1)
    half = np.sqrt(np.maximum(around**2 - (((middle - start) ** 2).sum(axis=1) - towards**2), 0.0))
    t, last = np.maximum(towards - half, 1e-4), towards + half
    met, live = np.full(len(way), np.inf), np.arange(len(way))
    for _ in range(256):
        if not live.size:
            break
        at = start[live] + t[live, None] * way[live]
        gap = np.hypot(np.hypot(at[:, 0], at[:, 1]) - ring, at[:, 2] - tube) - tube
        t[live] += gap
        there = np.abs(gap) < 1e-10
        met[live[there]] = t[live[there]]
        live = live[~there & (t[live] < last[live])]
    return np.where(met > 1e-4, met, np.inf)


def _roots(a: Lengths, b: Lengths, c: Lengths) -> Float64[np.ndarray, "2 R"]:
    """Both solutions of a t^2 + 2 b t + c = 0; inf where there are none."""
    inside = b * b - a * c
    root = np.sqrt(np.where(inside >= 0.0, inside, np.nan))
    both = np.stack([(-b - root) / a, (-b + root) / a])
    return np.where(np.isfinite(both), both, np.inf)


def _first(ways: Float64[np.ndarray, "n R"]) -> Lengths:
    """The smallest of several distances that lies ahead."""
    return np.asarray(np.where(ways > _NEAR, ways, np.inf).min(axis=0))


def _normals(solid: Solid, at: Vectors) -> Vectors:
    """Away from the surface, at points on it, as the solid sees them."""
    r, h = solid.radius, solid.top
    out = at.copy()
    match solid.kind:
        case "sphere":
            out[:, 2] -= r
        case "box":
            share = np.abs(np.stack([at[:, 0] / r, at[:, 1] / r, (at[:, 2] - h / 2.0) / (h / 2.0)], axis=1))
            side = share.argmax(axis=1)
            rows = np.arange(len(at))
            out[:] = 0.0
            out[rows, side] = np.sign((at - np.array([0.0, 0.0, h / 2.0]))[rows, side])
        case "cylinder" | "cone":
            slope = r / h if solid.kind == "cone" else 0.0
            out[:, 2] = np.hypot(at[:, 0], at[:, 1]) * slope
            ends = (at[:, 2] < 1e-7) | ((at[:, 2] > h - 1e-7) & (slope == 0.0))
            out[ends] = np.where(at[ends, 2:] < h / 2.0, [0.0, 0.0, -1.0], [0.0, 0.0, 1.0])
        case _:
            ring = np.hypot(at[:, :1], at[:, 1:2])
            out[:, :2] *= 1.0 - r * (1.0 - _TUBE) / np.maximum(ring, 1e-12)
            out[:, 2] -= r * _TUBE
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def _turned(vectors: Vectors, degrees: float) -> Vectors:
    """Vectors turned about the vertical."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.asarray(vectors @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]))
