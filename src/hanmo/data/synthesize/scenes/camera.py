"""Where things stand and how they are seen (report section 3.4, compositional rendering): rays and planes.

The camera looks at a target near the origin; everything flat is a `Plane` in space, so that the perspective of
a thing, of the wall behind it and of the shadow between them is one and the same.
This module does not know materials or light. x grows to the right, y down, z away from the viewer; one unit is
the picture's short side at the target. H W: rows and columns of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import cv2
import numpy as np
from jaxtyping import Float32

Vector = Float32[np.ndarray, "c"]
Vectors = Float32[np.ndarray, "H W 3"]


def vector(x: float, y: float, z: float) -> Vector:
    """Three numbers as a vector."""
    return np.array([x, y, z], np.float32)


@dataclass(frozen=True)
class Camera:
    """A view.

    Attributes:
        width: of the picture, pixels.
        height: of the picture, pixels.
        yaw: degrees; positive: seen from the right.
        pitch: degrees; positive: seen from below (for a table: from its near edge).
        roll: degrees.
        focal: The focal length in short sides, which is also how far the target is away; smaller: more perspective.
        target: The point in the picture's middle.
    """

    width: int
    height: int
    yaw: float
    pitch: float
    roll: float
    focal: float
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def place(self) -> Vector:
        """Where the camera is."""
        yaw, pitch = radians(self.yaw), radians(self.pitch)
        away = vector(sin(yaw) * cos(pitch), sin(pitch), -cos(yaw) * cos(pitch))
        return np.asarray(vector(*self.target) + away * np.float32(self.focal), np.float32)

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """What is right, down and ahead for the camera."""
        ahead = vector(*self.target) - self.place
        ahead = ahead / np.linalg.norm(ahead)
        right = np.cross(vector(0.0, 1.0, 0.0), ahead)
        right = right / np.linalg.norm(right)
        down = np.cross(ahead, right)
        turn = radians(self.roll)
        right, down = right * cos(turn) + down * sin(turn), down * cos(turn) - right * sin(turn)
        return right.astype(np.float32), down.astype(np.float32), ahead.astype(np.float32)

    def rays(self) -> Vectors:
        """The direction (of length 1) in which each pixel looks."""
        right, down, ahead = self.axes()
        side = min(self.width, self.height)
        x = ((np.arange(self.width, dtype=np.float32) + 0.5 - self.width / 2) / (side * self.focal))[None, :, None]
        y = ((np.arange(self.height, dtype=np.float32) + 0.5 - self.height / 2) / (side * self.focal))[:, None, None]
        ways = ahead + x * right + y * down
        return np.asarray(ways / np.linalg.norm(ways, axis=2, keepdims=True), np.float32)

    def project(self, points: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 2"]:
        """Where points are seen, in pixels (x, y)."""
        right, down, ahead = self.axes()
        seen = points - self.place
        far = seen @ ahead * np.float32(1.0 / (min(self.width, self.height) * self.focal))
        middle = np.array([self.width / 2, self.height / 2], np.float32)
        return np.asarray(np.stack([seen @ right / far, seen @ down / far], axis=1) + middle, np.float32)


@dataclass(frozen=True)
class Plane:
    """A flat thing: its middle, its directions right and down, how large it is, and its pixels per unit."""

    origin: Vector
    right: Vector
    down: Vector
    width: float
    height: float
    unit: float

    @property
    def front(self) -> Vector:
        """The direction from which it is seen."""
        return np.asarray(-np.cross(self.right, self.down), np.float32)

    def points(self, pixels: Float32[np.ndarray, "n 2"], above: float = 0.0) -> Float32[np.ndarray, "n 3"]:
        """Where pixels (x, y) of the thing's map lie in space, `above` units in front of the plane."""
        across = pixels[:, :1] / self.unit - self.width / 2
        along = pixels[:, 1:] / self.unit - self.height / 2
        return np.asarray(self.origin + across * self.right + along * self.down + above * self.front, np.float32)

    def hits(self, start: Vectors | Vector, ways: Vectors | Vector) -> tuple[Vectors, Float32[np.ndarray, "H W"]]:
        """Where rays meet the plane: (x, y, slide) in pixels of the map, and how far the rays go.

        The third number is how far a hit slides for each pixel that the face stands off the plane, before it is
        split into directions; see `raised`. A ray that never meets the plane gets a place far outside.
        """
        facing = ways @ self.front
        far = ((self.origin - start) @ self.front) / np.where(np.abs(facing) < 1e-6, -1e-6, facing)
        points = start + ways * far[..., None] - self.origin
        x = (points @ self.right + self.width / 2) * self.unit
        y = (points @ self.down + self.height / 2) * self.unit
        ahead = far > 1e-4
        place = np.stack([np.where(ahead, x, -1e5), np.where(ahead, y, -1e5), np.broadcast_to(facing, x.shape)], axis=2)
        return np.clip(place, -1e5, 1e5).astype(np.float32), np.where(ahead, far, 1e5).astype(np.float32)


def raised(plane: Plane, place: Vectors, ways: Vectors, bulge: Float32[np.ndarray, "h w"]) -> Vectors:
    """`place` (of `Plane.hits`) where rays meet the bulging face instead of the plane."""
    facing = np.copysign(np.maximum(np.abs(place[..., 2]), 0.15), place[..., 2])
    slide_x, slide_y = ((ways @ way) / facing for way in (plane.right, plane.down))
    moved = place.copy()
    for _ in range(4):
        lift = sampled(bulge, moved, cv2.BORDER_REPLICATE)
        moved[..., 0] = place[..., 0] + slide_x * lift
        moved[..., 1] = place[..., 1] + slide_y * lift
    return moved


def sampled(values: np.ndarray, place: Vectors, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """The values of a map at each `place`, between pixels where needed; 0 outside unless `border` says else."""
    x, y = (np.ascontiguousarray(place[..., axis] - 0.5) for axis in (0, 1))
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border))
