"""A picture as it is shown to a model: decoded within limits, upright, opaque, not larger than need be.

Models that see shrink what they are given to a budget of pixels anyway; it is done here, so that all of them see
the same. What goes out is encoded anew: it carries no metadata of the file, such as where a photograph was taken.
It knows no model and no words.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from hashlib import sha256

from PIL import Image

from hanmo.errors import RequestError
from hanmo.pipeline.pictures import open_picture

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""Decoders that may be used; others start programs, or are seldom looked after."""

_QUALITY = 95


@dataclass(frozen=True)
class PictureLimits:
    """What is decoded, and how large it is shown.

    Attributes:
        bytes: of a file.
        pixels: of a picture, before it is decoded.
        shown: pixels of what a model sees.

    Raises:
        RequestError: at construction.
    """

    bytes: int = 64 * 2**20
    pixels: int = 80_000_000
    shown: int = 1328 * 1328

    def __post_init__(self) -> None:
        """Check the limits."""
        for name in ("bytes", "pixels", "shown"):
            if getattr(self, name) < 1:
                raise RequestError(f"picture.{name} {getattr(self, name)} is not allowed: give 1 or more")


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture that can be shown.

    Attributes:
        key: SHA-256 of the file as it was given, hexadecimal.
        image: RGB, upright, on white where it was transparent.
    """

    key: str
    image: Image.Image

    def data_url(self) -> str:
        """The picture in a line of text, for an endpoint; JPEG with full colour resolution: letters stay sharp."""
        file = io.BytesIO()
        self.image.save(file, "JPEG", quality=_QUALITY, subsampling=0)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True)
class Broken:
    """Why a file cannot be shown."""

    reason: str


def picture_key(data: bytes) -> str:
    """SHA-256 of a file, hexadecimal."""
    return sha256(data).hexdigest()


def show(data: bytes, limits: PictureLimits) -> Shown | Broken:
    """Decode a file; this never raises.

    Args:
        data: the file; of an animation the first frame is taken.
        limits: on what is decoded.
    """
    if len(data) > limits.bytes:
        return Broken(f"the file has {len(data)} bytes, more than {limits.bytes}")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as file:
            width, height = file.size
            if width * height > limits.pixels:
                return Broken(f"the picture has {width}x{height} pixels, more than {limits.pixels}")
            file.load()
            image = open_picture(file)
    except Exception as error:  # what a decoder raises on damaged data is listed nowhere
        return Broken(f"the picture cannot be decoded ({' '.join(str(error).split())[:120] or type(error).__name__})")
    return Shown(picture_key(data), _within(image, limits.shown))


def _within(image: Image.Image, pixels: int) -> Image.Image:
    width, height = image.size
    if width * height <= pixels:
        return image
    shrink = math.sqrt(pixels / (width * height))
    size = max(1, int(width * shrink)), max(1, int(height * shrink))
    return image.resize(size, Image.Resampling.LANCZOS)
