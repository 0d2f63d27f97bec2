"""What a thing's face is made of (report section 3.4, compositional rendering): heights and colours, no light.

A `Surface` is seen from the front. Light is computed from it by `lighting.py`, never painted into it, so that a
text that is pressed, painted or printed into it is lit as the thing is.
This module does not know cameras or texts. Colours are linear, 0 to 1; heights are pixels of the map, towards
the viewer. H W: rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from hanmo.data.synthesize.scenes.noise import Map

Tint = Float32[np.ndarray, "c"]
Colors = Float32[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class Surface:
    """The face of a thing.

    Attributes:
        albedo: The share of light that it throws back.
        height: Its relief.
        alpha: Where there is anything of it, 0 to 1.
        gloss: How much of the surroundings it mirrors, 0 (none) to 1.
        metal: How much the mirror has the albedo's colour and nothing else is thrown back, 0 to 1.
        glow: Light of its own.
        rough: How blurred the mirror is, 0.02 to 1.
        brushed: Whether the mirror is smeared across, as in brushed metal.
        bulge: How far the whole face stands off its plane, in pixels of the map: folds, curls. It moves what is
            drawn, the relief does not.
    """

    albedo: Colors
    height: Map
    alpha: Map
    gloss: Map
    metal: Map
    glow: Colors
    rough: float = 0.5
    brushed: bool = False
    bulge: Map | None = None


def plain(height: int, width: int, tint: Tint, gloss: float = 0.0) -> Surface:
    """A flat face of one colour, to be changed with `dataclasses.replace`."""
    zero = np.zeros((height, width), np.float32)
    return Surface(
        albedo=np.broadcast_to(tint, (height, width, 3)).astype(np.float32),
        height=zero,
        alpha=np.ones_like(zero),
        gloss=np.full_like(zero, gloss),
        metal=zero,
        glow=np.zeros((height, width, 3), np.float32),
    )


def linear(rgb: tuple[int, int, int]) -> Tint:
    """A colour of sRGB, 0 to 255, as a linear one."""
    value = np.array(rgb, np.float32) / np.float32(255.0)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def mixed(under: Colors, over: np.ndarray, share: Map) -> Colors:
    """`under` where `share` is 0, `over` (a picture or a colour) where it is 1."""
    return np.asarray(under + share[..., None] * (over - under), np.float32)
