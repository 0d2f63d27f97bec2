"""What a scene did to its text (report section 3.4, compositional rendering): where it is, how it stands out.

This module does not know materials or light. H W: rows and columns of the picture, h w of the text's map.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from hanmo.data.synthesize.grounds import luminance
from hanmo.data.synthesize.inking import Box
from hanmo.data.synthesize.scenes.camera import Camera, Plane, sampled
from hanmo.data.synthesize.scenes.noise import Map
from hanmo.data.synthesize.scenes.render import Thing

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]


def quad_of(camera: Camera, plane: Plane, box: Box, bulge: Map | None, scale: float) -> Quad:
    """Where a box of the text's map is seen: upper left, upper right, lower right, lower left, in pixels.

    Args:
        camera: The view, in its own pixels.
        plane: Where the map is.
        box: In pixels of the map.
        bulge: How far the face stands off its plane; the quad is widened until the bent box lies in it.
        scale: Pixels of the picture per pixel of the view.
    """
    left, top, right, bottom = (float(edge) for edge in box)
    across, along = np.linspace(left, right, 9), np.linspace(top, bottom, 9)
    rim = [(x, y) for x in across for y in (top, bottom)] + [(x, y) for y in along for x in (left, right)]
    seen = _seen(camera, plane, np.array(rim, np.float32), bulge) * scale
    corners = _seen(
        camera, plane, np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32), bulge
    )
    corners, middle = corners * scale, corners.mean(axis=0) * scale
    wide = 1.0
    while wide < 2.0:
        larger = (middle + (corners - middle) * wide).astype(np.float32)
        if all(cv2.pointPolygonTest(larger[:, None], (float(x), float(y)), True) >= -0.25 for x, y in seen):
            break
        wide += 0.02
    (a, b), (c, d), (e, f), (g, h) = ((float(x), float(y)) for x, y in larger)
    return (a, b), (c, d), (e, f), (g, h)


def hidden(camera: Camera, plane: Plane, ink: Map, letters: Sequence[Box], props: Sequence[Thing]) -> float:
    """The largest share of any letter's ink that the props hide from the camera, 0 to 1."""
    if not props:
        return 0.0
    y, x = np.nonzero(ink[::2, ::2] > 0.5)
    if not len(x):
        return 0.0
    spots = np.stack([x, y], axis=1).astype(np.float32) * 2.0
    points = plane.points(spots)[None]
    ways = points - camera.place
    ways = (ways / np.linalg.norm(ways, axis=2, keepdims=True)).astype(np.float32)
    cover = np.zeros(len(x), np.float32)
    for thing in props:
        place, _ = thing.plane.hits(camera.place, ways)
        cover = np.maximum(cover, sampled(thing.surface.alpha, place)[0])
    worst = 0.0
    for left, top, right, bottom in letters:
        own = (spots[:, 0] >= left) & (spots[:, 0] < right) & (spots[:, 1] >= top) & (spots[:, 1] < bottom)
        if own.any():
            worst = max(worst, float(cover[own].mean()))
    return worst


def contrast(
    picture: UInt8[np.ndarray, "H W 3"],
    ink: Float32[np.ndarray, "h w"],
    parts: Sequence[Box],
    place: Float32[np.ndarray, "rows columns c"],
    scale: float,
) -> float:
    """The lowest ratio of luminance between letters and what surrounds them, 1 to 21.

    Args:
        picture: The finished one.
        ink: The text's map.
        parts: Boxes in the map, each of which is measured on its own.
        place: Where on the map each pixel of the view lies.
        scale: Pixels of the picture per pixel of the view.
    """
    size = (picture.shape[1], picture.shape[0])
    labels = np.zeros(ink.shape, np.float32)
    for number, (left, top, right, bottom) in enumerate(parts, 1):
        labels[top:bottom, left:right] = number
    seen = cv2.resize(sampled(ink, place).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    nearest = cv2.remap(
        labels,
        np.ascontiguousarray(place[..., 0]),
        np.ascontiguousarray(place[..., 1]),
        cv2.INTER_NEAREST,
        borderValue=0.0,
    )
    label = cv2.resize(nearest, size, interpolation=cv2.INTER_NEAREST)
    light = luminance(picture)
    ratios = []
    for number in range(1, len(parts) + 1):
        own = label == number
        solid = seen[own]
        if solid.size < 8:
            continue
        inner = light[own & (seen >= min(0.8, float(np.percentile(solid, 97))))]
        outer = light[own & (seen < 0.04)]
        if inner.size < 3 or outer.size < 3:
            continue
        low, high = sorted((float(np.median(inner)), float(np.median(outer))))
        ratios.append((high + 0.05) / (low + 0.05))
    return min(ratios, default=1.0)


def in_parts(lines: Sequence[tuple[str, Box]], margin: int, count: int = 3) -> list[Box]:
    """Each line's box in `count` pieces along its longer side, widened by `margin` pixels."""
    found = []
    for _, (left, top, right, bottom) in lines:
        for number in range(count):
            if right - left >= bottom - top:
                start, stop = (left + (right - left) * (number + n) // count for n in (0, 1))
                box = (start, top - margin, stop, bottom + margin)
            else:
                start, stop = (top + (bottom - top) * (number + n) // count for n in (0, 1))
                box = (left - margin, start, right + margin, stop)
            found.append((max(0, box[0]), max(0, box[1]), box[2], box[3]))
    return found


def _seen(
    camera: Camera, plane: Plane, spots: Float32[np.ndarray, "n 2"], bulge: Map | None
) -> Float32[np.ndarray, "n 2"]:
    points = plane.points(spots)
    if bulge is not None:
        rows = np.clip(spots[:, 1].astype(int), 0, bulge.shape[0] - 1)
        columns = np.clip(spots[:, 0].astype(int), 0, bulge.shape[1] - 1)
        points = points + plane.front * (bulge[rows, columns] / np.float32(plane.unit))[:, None]
    return camera.project(points.astype(np.float32))
