"""Scenes of solids whose depth and other views are known exactly, for depth and novel views without a download.

The scenes are drawn as those for training are (`hanmo.data.synthesize`), from seeds that training does not use; their
truth comes from the rays, not from a picture. Beyond 3.6 times the camera's distance the floor fades into the wall, so
depth there cannot be seen and is not valid. The same number and size, the same scene, on every machine.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64
from PIL import Image

from hanmo.data.synthesize.solids import Camera, depth_map
from hanmo.data.synthesize.solids_sample import solid_scene
from hanmo.data.synthesize.solids_shade import SolidScene, draw_solids

_HAZE = 3.6
"""Distances of the camera after which nothing but the wall is seen."""


@lru_cache(maxsize=64)
def solids_of(number: int) -> tuple[SolidScene, Camera]:
    """Scene `number` and the camera of its first view."""
    rng = random.Random(f"evaluation of solids {number}")
    scene = solid_scene(rng)
    wide = max(math.hypot(solid.x, solid.y) + solid.reach for solid in scene.solids)
    high = max(solid.top for solid in scene.solids)
    distance = max(3.2, rng.uniform(2.9, 3.3) * max(wide, high))
    camera = Camera(distance, rng.uniform(0.0, 360.0), rng.uniform(18.0, 38.0), (0.0, 0.0, 0.4 * high), 42.0)
    return scene, camera


@lru_cache(maxsize=16)
def drawn(number: int, size: int, azimuth: int = 0) -> Image.Image:
    """Scene `number` as a picture of `size` pixels square, after the camera went `azimuth` degrees to its right."""
    scene, camera = solids_of(number)
    moved = replace(camera, azimuth=(camera.azimuth + azimuth) % 360.0)
    return Image.fromarray(draw_solids(scene, moved, size, size))


def true_depth(number: int, size: int) -> tuple[Float64[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    """Depth along the camera's axis of `drawn(number, size)`, in metres, and where it can be seen."""
    scene, camera = solids_of(number)
    depth = depth_map(scene.solids, camera, size, size)
    valid = depth < _HAZE * camera.distance
    return np.where(valid, depth, 1.0), valid
