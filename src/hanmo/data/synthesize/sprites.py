"""Pictures with transparency, set into others so that nothing else of these changes (report section 3.4, edits).

A `Layer` is a cut-out at its place. `lay` writes only where its alpha is not 0, in whole numbers: what lies outside of
all layers of two pictures is the same in both, byte for byte. It does not know what is drawn or what changes.
H W: rows and columns of a picture; cut-outs have sizes of their own. Colours are 0-255, alpha 0 (nothing) to 255
(covers).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageFilter

from hanmo.errors import RequestError

Cutout = UInt8[np.ndarray, "_ _ 4"]
Pixels = UInt8[np.ndarray, "H W 3"]
Mask = Bool[np.ndarray, "H W"]

_FAINT = 8
"""Alpha below this is not seen; cut off, so that masks are tight."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A cut-out and where its upper left corner lies, in pixels; it may reach over the edges."""

    cutout: Cutout
    x: int
    y: int


def fitted(cutout: Cutout, side: int) -> Cutout:
    """The same without its empty border, as large as fits a square of `side` pixels.

    Raises:
        RequestError: nothing of it is visible.
    """
    seen = cutout[:, :, 3] >= _FAINT
    if not seen.any():
        raise RequestError("a cut-out shows nothing: its alpha is 0 throughout")
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    picture = Image.fromarray(cutout[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = side / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    # Colours weighted by alpha, or the edges would take on the colour of what cannot be seen.
    return np.asarray(picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA"))


def shadow(cutout: Cutout, blur: float, strength: float) -> tuple[Cutout, int]:
    """A soft shadow of a cut-out, and by how many pixels it is larger on each side.

    Args:
        cutout: what throws it.
        blur: radius in pixels.
        strength: 0 (none) to 1 (black).
    """
    border = int(np.ceil(2.5 * blur))
    alpha = np.pad(cutout[:, :, 3], border)
    soft = np.asarray(Image.fromarray(alpha).filter(ImageFilter.GaussianBlur(blur)), dtype=np.float32)
    dark = np.zeros((*alpha.shape, 4), dtype=np.uint8)
    dark[:, :, :3] = (24, 22, 40)
    dark[:, :, 3] = np.rint(soft * strength)
    return dark, border


def lay(picture: Pixels, layer: Layer) -> None:
    """Set a layer into a picture, in place."""
    cutout, (rows, columns) = _visible(picture.shape[:2], layer)
    if not cutout.size:
        return
    below = picture[rows, columns].astype(np.uint32)
    alpha = cutout[:, :, 3:].astype(np.uint32)
    mixed = (cutout[:, :, :3] * alpha + below * (255 - alpha) + 127) // 255
    picture[rows, columns] = np.where(alpha >= _FAINT, mixed, below).astype(np.uint8)


def covered(shape: tuple[int, int], layers: tuple[Layer, ...], least: int = _FAINT) -> Mask:
    """Where any of the layers has at least this alpha: all that they touch, or with 255 what they hide."""
    mask = np.zeros(shape, dtype=bool)
    for layer in layers:
        cutout, (rows, columns) = _visible(shape, layer)
        mask[rows, columns] |= cutout[:, :, 3] >= least
    return mask


def _visible(shape: tuple[int, ...], layer: Layer) -> tuple[Cutout, tuple[slice, slice]]:
    top, left = max(layer.y, 0), max(layer.x, 0)
    bottom = max(top, min(layer.y + layer.cutout.shape[0], shape[0]))
    right = max(left, min(layer.x + layer.cutout.shape[1], shape[1]))
    part = layer.cutout[top - layer.y : bottom - layer.y, left - layer.x : right - layer.x]
    return part, (slice(top, bottom), slice(left, right))
