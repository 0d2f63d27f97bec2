"""From a file's bytes to an upright RGB picture, within limits (report section 3.2: broken files, and rotation).

Whatever the bytes are, the answer is a picture or a reason: no error of a decoder passes. The type is told from the
first bytes, the size from the header, and both are judged before anything is decoded, so a small file that would
unfold into gigabytes never does. Then the whole picture is decoded, because a header is no proof of the rest.

JPEG, PNG, WebP, GIF, BMP and AVIF are read. TIFF, SVG, PSD and the like are not: they are containers or programs
rather than what a collection of pictures holds, and their decoders are where the bombs are. What no decoder tells, this
module does not tell either: a JPEG with bytes changed in the middle of its data decodes, with a smear.
It does not know records, thresholds or where the bytes came from.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Literal, get_args

import numpy as np
from PIL import ExifTags, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from hanmo.errors import ConfigError

Format = Literal["jpeg", "png", "webp", "gif", "bmp", "avif"]

_NAMES: dict[str, Format] = {"jpg": "jpeg", "jfif": "jpeg", "pjpeg": "jpeg", "apng": "png", "x-ms-bmp": "bmp"}
# EXIF orientation -> what makes the picture upright. Of each: degrees clockwise, and whether mirrored as well.
_UPRIGHT: dict[int, tuple[Image.Transpose, int, bool]] = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0, True),
    3: (Image.Transpose.ROTATE_180, 180, False),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180, True),
    5: (Image.Transpose.TRANSPOSE, 270, True),
    6: (Image.Transpose.ROTATE_270, 90, False),
    7: (Image.Transpose.TRANSVERSE, 90, True),
    8: (Image.Transpose.ROTATE_90, 270, False),
}


class Reason(Enum):
    """Why there is no picture; the value is what people read."""

    TOO_MANY_BYTES = "too many bytes"
    NOT_A_PICTURE = "not a picture"
    WRONG_TYPE = "not of the declared type"
    TOO_MANY_PIXELS = "too many pixels"
    TOO_MANY_FRAMES = "animated beyond the limit"
    TRUNCATED = "truncated"
    BROKEN = "broken"


@dataclass(frozen=True)
class DecodeLimits:
    """How much is decoded.

    Attributes:
        bytes: of the file.
        pixels: width times height; also of an animation's canvas.
        side: pixels, of the longer side.
        frames: of an animation; the picture is its first frame.

    Raises:
        ConfigError: a limit below 1.
    """

    bytes: int = 64 << 20
    pixels: int = 100_000_000
    side: int = 32_768
    frames: int = 1

    def __post_init__(self) -> None:
        """Refuse limits that allow nothing."""
        for name in ("bytes", "pixels", "side", "frames"):
            if getattr(self, name) < 1:
                raise ConfigError(f"the limit of {name} is {getattr(self, name)}; it must be 1 or more")


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture, whole.

    Attributes:
        image: upright, RGB, transparent parts on white, 16-bit channels reduced to 8.
        format: what the bytes are.
        frames: 1 unless animated.
        rotation: degrees clockwise that the file asks to be turned by (EXIF), and `image` was: 0, 90, 180 or 270.
        mirrored: whether it was also mirrored, left to right, before it was turned.
    """

    image: Image.Image
    format: Format
    frames: int
    rotation: int
    mirrored: bool


@dataclass(frozen=True)
class Undecodable:
    """No picture, and why; `detail` is one line with the numbers."""

    reason: Reason
    detail: str


def decode(data: bytes, declared: str | None = None, limits: DecodeLimits | None = None) -> Decoded | Undecodable:
    """Decode a picture, or say why not. Raises nothing that depends on `data`.

    Args:
        data: the whole file.
        declared: what its source says it is: a media type (image/png), a name's extension (.png, jpg), or None.
        limits: how much is decoded.
    """
    limits = limits or DecodeLimits()
    if len(data) > limits.bytes:
        return Undecodable(Reason.TOO_MANY_BYTES, f"{len(data)} bytes; the limit is {limits.bytes}")
    kind = sniff(data)
    if kind is None:
        return Undecodable(Reason.NOT_A_PICTURE, f"{len(data)} bytes, none of {', '.join(get_args(Format))}")
    if declared is not None and declared_format(declared) != kind:
        return Undecodable(Reason.WRONG_TYPE, f"declared {declared[:60]!r}, but the bytes are {kind}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a decoder's remarks on a file that it reads all the same
            return _decode(data, kind, limits)
    except Image.DecompressionBombError as error:  # a frame beyond its canvas; Pillow's own limit
        return Undecodable(Reason.TOO_MANY_PIXELS, f"{kind}: {str(error)[:160]}")
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, IndexError, MemoryError ...
        cut = _ends_early(data, kind) or "truncated" in str(error).lower() or isinstance(error, EOFError)
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Undecodable(Reason.TRUNCATED if cut else Reason.BROKEN, f"{kind}: {said[:160]}")


def stated_too_large(data: bytes, limits: DecodeLimits | None = None) -> Undecodable | None:
    """Whether a picture's header states more pixels than are allowed; None where not, and where there is no telling.

    Nothing is decoded, so it costs next to nothing; a file that is broken is no concern of this function.
    """
    limits, kind = limits or DecodeLimits(), sniff(data)
    if kind is None:
        return None
    stated = _stated_size(data, kind)
    if stated is not None:
        return _beyond(*stated, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _opener(kind)(BytesIO(data)) as picture:
                return _beyond(*picture.size, limits)
    except Exception:  # decoders raise anything
        return None


def sniff(data: bytes) -> Format | None:
    """What the first bytes say that a file is; None when it is none of `Format`."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:2] == b"BM" and data[6:10] == bytes(4):  # two letters alone begin many a text
        return "bmp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "avif"
    return None


def declared_format(declared: str) -> Format | None:
    """The format that a media type or an extension means; None when it means none of `Format`."""
    word = declared.split(";")[0].strip().lower().removeprefix("image/").rpartition(".")[2]
    known: dict[str, Format] = {name: name for name in get_args(Format)}
    return (known | _NAMES).get(word)


# --- one file that is what it says ------------------------------------------------------------------


def _decode(data: bytes, kind: Format, limits: DecodeLimits) -> Decoded | Undecodable:
    # Decoders of WebP and AVIF take memory for the canvas when they are opened, so the header is asked first.
    stated = _stated_size(data, kind)
    if stated is not None and (refused := _beyond(*stated, limits)):
        return refused
    if kind == "png":
        PngImageFile(BytesIO(data)).verify()  # every checksum; decoding alone passes over those of the pixels
    with _opener(kind)(BytesIO(data)) as picture:
        if refused := _beyond(*picture.size, limits):
            return refused
        frames = int(getattr(picture, "n_frames", 1))
        if frames > limits.frames:
            return Undecodable(Reason.TOO_MANY_FRAMES, f"{frames} frames; the limit is {limits.frames}")
        if _ends_early(data, kind):
            return Undecodable(Reason.TRUNCATED, f"{kind}: the file ends before its end mark")
        picture.load()
        transpose, rotation, mirrored = _UPRIGHT.get(_orientation(picture), (None, 0, False))
        image = _rgb(picture)
    if transpose is not None:
        image = image.transpose(transpose)
    return Decoded(image, kind, frames, rotation, mirrored)


def _opener(kind: Format) -> Callable[[BytesIO], ImageFile.ImageFile]:
    # The classes and not `Image.open`, which would judge sizes by a global setting, and tries every format it knows.
    match kind:
        case "jpeg":
            return JpegImageFile
        case "png":
            return PngImageFile
        case "webp":
            return WebPImageFile
        case "gif":
            return GifImageFile
        case "bmp":
            return BmpImageFile
        case "avif":
            return AvifImageFile


def _beyond(width: int, height: int, limits: DecodeLimits) -> Undecodable | None:
    if width * height > limits.pixels:
        return Undecodable(Reason.TOO_MANY_PIXELS, f"{width}x{height} pixels; the limit is {limits.pixels} in all")
    if max(width, height) > limits.side:
        return Undecodable(Reason.TOO_MANY_PIXELS, f"{width}x{height} pixels; the limit of a side is {limits.side}")
    return None


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a picture is not broken because its EXIF is
        return 1


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
        grey = np.asarray(picture).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
    return picture.convert("RGB")


# --- what headers and end marks say -----------------------------------------------------------------


def _stated_size(data: bytes, kind: Format) -> tuple[int, int] | None:
    """Width and height out of the header, for the formats whose decoders trust it too early."""
    if kind == "webp":
        return _webp_size(data)
    if kind == "avif":
        at = data.find(b"ispe", 0, 1 << 16)
        sizes = []
        while at >= 0 and at + 16 <= len(data):
            sizes.append(struct.unpack_from(">II", data, at + 8))
            at = data.find(b"ispe", at + 4, 1 << 16)
        return max(sizes, key=lambda size: size[0] * size[1]) if sizes else None
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    chunk = data[12:16]
    if len(data) < 30:
        return None
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _ends_early(data: bytes, kind: Format) -> bool:
    """Whether a format's own end mark or length says that bytes are missing at the end."""
    match kind:
        case "jpeg":
            return not _jpeg_ends(data)
        case "png":
            return _PNG_END not in data[-64 << 10 :]
        case "webp":
            return len(data) < 8 + int.from_bytes(data[4:8], "little")
        case "bmp":
            return len(data) < int.from_bytes(data[2:6], "little")
        case "avif":
            return not _boxes_end(data)
        case "gif":
            return False  # many real ones lack the end mark; the decoder misses pixels by itself


_PNG_END = b"IEND\xaeB`\x82"
"""The name of the last chunk, which is empty, and its checksum."""


def _jpeg_ends(data: bytes) -> bool:
    """Whether the end mark follows the first scan: a thumbnail's lies before it, within a segment."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        mark, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if mark == 0xFF:  # fill
            at += 1
        elif mark == 0xDA:
            return data.find(b"\xff\xd9", at + length) >= 0
        else:
            at += 2 + length
    return b"\xff\xd9" in data[at:]  # bytes between segments, which decoders pass over


def _boxes_end(data: bytes) -> bool:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:  # to the end of the file
            return True
        at += max(size, 8)
    return at == len(data)
