"""Measures of a picture as it looks, without knowing what it shows (report section 3.2, stage 2).

    clarity     0 ... 1,040,400   variance of the Laplacian, in squared grey levels: low is blurred
    luma        0 ... 1           mean grey: low is dark, high is bright
    dark        0 ... 1           share of pixels that are black, or nearly (grey of 5 or less in 255)
    bright      0 ... 1           share of pixels that are white, or nearly (grey of 250 or more)
    saturation  0 ... 1           how far colours are from grey: 0 is a grey picture
    entropy     0 ... 8           bits of the histogram of grey: 0 is one colour, high is many shades
    texture     0 ... 1           share of pixels on an edge: 0 is flat, near 1 is noise

All but saturation are measured on grey at one working size, 512 pixels on the longer side (a smaller picture is not
enlarged), so the same picture scores alike at every resolution, and block noise of a file format is averaged out of
large ones. Clarity thereby asks whether a picture is sharp for the size at which it is used. Saturation, which no size
changes, is measured over blocks of pixels. Each is a function of the pixels alone; above 512 pixels, another build of
OpenCV may round a mean another way. Of a picture of one colour, or of one pixel, clarity, entropy and texture are 0.
It does not know files, thresholds or records. Letters: H W pixels, h w pixels at the working size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

WORKING_SIDE = 512
"""Pixels of the longer side at which everything is measured."""
EDGE = 8.0
"""Grey levels per pixel from which a slope is an edge: above what JPEG leaves in flat parts, below what an eye sees."""

_DARK, _BRIGHT = 5, 250
_BORDER = cv2.BORDER_REPLICATE  # the outermost pixels repeated, so that the frame of a picture is no edge

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
    grey = working_grey(picture)
    shades = _shades(grey)
    return Quality(
        clarity=_clarity(grey),
        luma=_luma(shades),
        dark=_dark(shades),
        bright=_bright(shades),
        saturation=saturation(picture),
        entropy=_entropy(shades),
        texture=_texture(grey),
    )


def clarity(picture: Pixels) -> float:
    """Variance of the Laplacian of grey, 0 to 1,040,400: blur takes away the high frequencies that it consists of.

    It grows with the square of contrast and with how much there is to see, so it orders pictures of one kind best.
    """
    return _clarity(working_grey(picture))


def luma(picture: Pixels) -> float:
    """Mean grey, 0 (black) to 1 (white)."""
    return _luma(_shades(working_grey(picture)))


def dark(picture: Pixels) -> float:
    """Share of pixels, 0 to 1, whose grey is clipped at the dark end: 5 or less in 255."""
    return _dark(_shades(working_grey(picture)))


def bright(picture: Pixels) -> float:
    """Share of pixels, 0 to 1, whose grey is clipped at the bright end: 250 or more in 255."""
    return _bright(_shades(working_grey(picture)))


def saturation(picture: Pixels) -> float:
    """Mean saturation (of HSV) weighted by value, 0 (grey) to 1.

    The weight keeps the meaningless hues of nearly black pixels out of it: sum of max - min over sum of max. Making
    a picture darker by a factor leaves it as it is. Before, the noise of colours is averaged out, in blocks of pixels.
    """
    height, width = picture.shape[:2]
    block = -(-max(height, width) // WORKING_SIDE)
    size = (-(-width // block), -(-height // block))  # whole blocks are many times faster than the exact size
    small = picture if block == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    red, green, blue = cv2.split(small)
    high = int(cv2.sumElems(cv2.max(cv2.max(red, green), blue))[0])
    low = int(cv2.sumElems(cv2.min(cv2.min(red, green), blue))[0])
    return (high - low) / high if high else 0.0


def entropy(picture: Pixels) -> float:
    """Bits of the histogram of the 256 levels of grey, 0 (one level) to 8 (all alike)."""
    return _entropy(_shades(working_grey(picture)))


def texture(picture: Pixels) -> float:
    """Share of pixels whose slope of grey reaches `EDGE`, 0 to 1.

    A density and not an energy, because the filter looks for pictures that are structure all over, such as noise and
    moire: in those nearly every pixel lies on an edge, whereas the energy of a page of black letters, which has few
    but the steepest edges, is as high as theirs.
    """
    return _texture(working_grey(picture))


def working_grey(picture: Pixels) -> UInt8[np.ndarray, "h w"]:
    """Grey at the working size, each pixel the mean of those that it stands for."""
    grey = to_grey(picture)
    height, width = grey.shape
    longer = max(height, width)
    if longer <= WORKING_SIDE:
        return grey
    size = (max(1, round(width * WORKING_SIDE / longer)), max(1, round(height * WORKING_SIDE / longer)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def to_grey(picture: Pixels) -> UInt8[np.ndarray, "H W"]:
    """Luma of Rec. 601, as JPEG has it: 0.299 R + 0.587 G + 0.114 B, rounded; integers, so the same everywhere."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


# --- at the working size ----------------------------------------------------------------------------


# Sums of whole numbers, so that nothing depends on the order in which OpenCV adds them.


def _shades(grey: UInt8[np.ndarray, "h w"]) -> Int64[np.ndarray, " 256"]:
    """How many pixels have each level of grey."""
    return cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().astype(np.int64)


def _clarity(grey: UInt8[np.ndarray, "h w"]) -> float:
    laplacian = cv2.Laplacian(grey, cv2.CV_16S, ksize=1, borderType=_BORDER)
    total = int(cv2.sumElems(laplacian)[0])
    squares = round(cv2.norm(laplacian, cv2.NORM_L2SQR))
    return (squares * grey.size - total * total) / grey.size**2


def _luma(shades: Int64[np.ndarray, " 256"]) -> float:
    return int(shades @ np.arange(256)) / int(shades.sum()) / 255


def _dark(shades: Int64[np.ndarray, " 256"]) -> float:
    return int(shades[: _DARK + 1].sum()) / int(shades.sum())


def _bright(shades: Int64[np.ndarray, " 256"]) -> float:
    return int(shades[_BRIGHT:].sum()) / int(shades.sum())


def _entropy(shades: Int64[np.ndarray, " 256"]) -> float:
    shares = shades[shades > 0] / shades.sum()
    return max(0.0, float(-(shares * np.log2(shares)).sum()))  # one level gives -0.0


def _texture(grey: UInt8[np.ndarray, "h w"]) -> float:
    # Sobel's kernels are eight times a slope in grey levels per pixel.
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, borderType=_BORDER)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, borderType=_BORDER)
    return int(np.count_nonzero(across * across + down * down >= (8 * EDGE) ** 2)) / grey.size
