"""Measures of a picture as it looks, without knowing what it shows (report section 3.2, stage 2).

    clarity     0 ... 1,040,400   variance of the Laplacian, in squared grey levels: low is blurred
    luma        0 ... 1           mean grey: low is dark, high is bright
    dark        0 ... 1           share of pixels that are black, or nearly (grey of 5 or less in 255)
    bright      0 ... 1           share of pixels that are white, or nearly (grey of 250 or more)
    saturation  0 ... 1           how far colours are from grey: 0 is a grey picture
    entropy     0 ... 8           bits of the histogram of grey: 0 is one colour, high is many shades
    texture     0 ... 1           share of pixels on an edge: 0 is flat, near 1 is noise

All are measured at one working size, 512 pixels on the longer side (a smaller picture is not enlarged), so the same
picture scores alike at every resolution, and block noise of a file format is averaged out of large ones. Clarity
thereby asks whether a picture is sharp for the size at which it is used. Each is a deterministic function of the
pixels alone. Of a picture of one colour, or of one pixel, clarity, entropy and texture are 0. It does not know
files, thresholds or records. Letters: H W pixels, h w pixels at the working size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

WORKING_SIDE = 512
"""Pixels of the longer side at which everything is measured."""
EDGE = 8.0
"""Grey levels per pixel from which a slope is an edge: above what JPEG leaves in flat parts, below what an eye sees."""

_DARK, _BRIGHT = 5, 250

Pixels = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class Quality:
    """All measures of one picture; see the file's head for their ranges."""

    clarity: float
    luma: float
    dark: float
    bright: float
    saturation: float
    entropy: float
    texture: float


def measure(picture: Pixels) -> Quality:
    """Every measure, resizing once.

    Args:
        picture: sRGB, 0-255, H and W at least 1.
    """
    return measure_image(Image.fromarray(picture))


def measure_image(image: Image.Image) -> Quality:
    """`measure`, of a picture that is RGB already."""
    small = np.asarray(_resized(image))
    grey = to_grey(small)
    return Quality(
        clarity=_clarity(grey),
        luma=_luma(grey),
        dark=_dark(grey),
        bright=_bright(grey),
        saturation=_saturation(small),
        entropy=_entropy(grey),
        texture=_texture(grey),
    )


def clarity(picture: Pixels) -> float:
    """Variance of the Laplacian of grey, 0 to 1,040,400: blur takes away the high frequencies that it consists of.

    It grows with the square of contrast and with how much there is to see, so it orders pictures of one kind best.
    """
    return _clarity(to_grey(working_picture(picture)))


def luma(picture: Pixels) -> float:
    """Mean grey, 0 (black) to 1 (white)."""
    return _luma(to_grey(working_picture(picture)))


def dark(picture: Pixels) -> float:
    """Share of pixels, 0 to 1, whose grey is clipped at the dark end: 5 or less in 255."""
    return _dark(to_grey(working_picture(picture)))


def bright(picture: Pixels) -> float:
    """Share of pixels, 0 to 1, whose grey is clipped at the bright end: 250 or more in 255."""
    return _bright(to_grey(working_picture(picture)))


def saturation(picture: Pixels) -> float:
    """Mean saturation (of HSV) weighted by value, 0 (grey) to 1.

    The weight keeps the meaningless hues of nearly black pixels out of it: sum of max - min over sum of max. Making
    a picture darker by a factor leaves it as it is.
    """
    return _saturation(working_picture(picture))


def entropy(picture: Pixels) -> float:
    """Bits of the histogram of the 256 levels of grey, 0 (one level) to 8 (all alike)."""
    return _entropy(to_grey(working_picture(picture)))


def texture(picture: Pixels) -> float:
    """Share of pixels whose slope of grey reaches `EDGE`, 0 to 1.

    A density and not an energy, because the filter looks for pictures that are structure all over, such as noise and
    moire: in those nearly every pixel lies on an edge, whereas the energy of a page of black letters, which has few
    but the steepest edges, is as high as theirs.
    """
    return _texture(to_grey(working_picture(picture)))


def working_picture(picture: Pixels) -> UInt8[np.ndarray, "h w 3"]:
    """The picture at the working size, each pixel the mean of those that it stands for."""
    return np.asarray(_resized(Image.fromarray(picture)))


def _resized(image: Image.Image) -> Image.Image:
    width, height = image.size
    longer = max(height, width)
    if longer <= WORKING_SIDE:
        return image
    size = (max(1, round(width * WORKING_SIDE / longer)), max(1, round(height * WORKING_SIDE / longer)))
    return image.resize(size, Image.Resampling.BOX)


def to_grey(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
    """Luma of Rec. 601, as JPEG has it: 0.299 R + 0.587 G + 0.114 B, rounded; integers, so the same everywhere."""
    return np.asarray(Image.fromarray(picture).convert("L"))


# --- at the working size ----------------------------------------------------------------------------


def _clarity(grey: UInt8[np.ndarray, "h w"]) -> float:
    level = _framed(grey)
    centre = level[1:-1, 1:-1]
    laplacian = level[:-2, 1:-1] + level[2:, 1:-1] + level[1:-1, :-2] + level[1:-1, 2:] - 4 * centre
    return float(laplacian.var(dtype=np.float64))


def _luma(grey: UInt8[np.ndarray, "h w"]) -> float:
    return float(grey.mean(dtype=np.float64)) / 255


def _dark(grey: UInt8[np.ndarray, "h w"]) -> float:
    return float((grey <= _DARK).mean(dtype=np.float64))


def _bright(grey: UInt8[np.ndarray, "h w"]) -> float:
    return float((grey >= _BRIGHT).mean(dtype=np.float64))


def _saturation(small: UInt8[np.ndarray, "h w 3"]) -> float:
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]  # channel by channel: an axis of 3 is slow
    high = int(np.maximum(np.maximum(red, green), blue).sum(dtype=np.int64))
    low = int(np.minimum(np.minimum(red, green), blue).sum(dtype=np.int64))
    return (high - low) / high if high else 0.0


def _entropy(grey: UInt8[np.ndarray, "h w"]) -> float:
    counts = np.bincount(grey.ravel(), minlength=256)
    shares = counts[counts > 0] / grey.size
    return max(0.0, float(-(shares * np.log2(shares)).sum()))  # one level gives -0.0


def _texture(grey: UInt8[np.ndarray, "h w"]) -> float:
    level = _framed(grey)
    # Sobel's kernels over 8, so that a slope is in grey levels per pixel.
    across = level[:-2] + 2 * level[1:-1] + level[2:]
    down = level[:, :-2] + 2 * level[:, 1:-1] + level[:, 2:]
    horizontal = (across[:, 2:] - across[:, :-2]) / 8
    vertical = (down[2:] - down[:-2]) / 8
    return float((horizontal**2 + vertical**2 >= EDGE**2).mean(dtype=np.float64))


def _framed(grey: UInt8[np.ndarray, "h w"]) -> Float32[np.ndarray, "h+2 w+2"]:
    """With the outermost pixels repeated, so that the frame of a picture is no edge."""
    return np.pad(grey.astype(np.float32), 1, mode="edge")
