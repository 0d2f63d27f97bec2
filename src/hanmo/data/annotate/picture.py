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

from PIL import Image

from hanmo.data.decode import DecodeLimits, Undecodable, decode
from hanmo.data.record import content_id
from hanmo.errors import RequestError

_QUALITY = 95
_FRAMES = 1 << 20  # of an animation the first one is shown, however many follow


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
        key: `record.content_id` of the file as it was given.
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


def show(data: bytes, limits: PictureLimits) -> Shown | Broken:
    """Decode a file; this never raises.

    Args:
        data: the file; of an animation the first frame is taken.
        limits: on what is decoded.
    """
    found = decode(data, limits=DecodeLimits(bytes=limits.bytes, pixels=limits.pixels, frames=_FRAMES))
    if isinstance(found, Undecodable):
        return Broken(f"{found.reason.value} ({found.detail})")
    return Shown(content_id(data), _within(found.image, limits.shown))


def _within(image: Image.Image, pixels: int) -> Image.Image:
    width, height = image.size
    if width * height <= pixels:
        return image
    shrink = math.sqrt(pixels / (width * height))
    size = max(1, int(width * shrink)), max(1, int(height * shrink))
    return image.resize(size, Image.Resampling.LANCZOS)
