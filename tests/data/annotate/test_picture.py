"""Pictures as they are shown to a model."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import pytest
from annotations import COLORS, file_of
from PIL import Image

from hanmo.data.annotate.picture import Broken, PictureLimits, Shown, show
from hanmo.data.record import content_id
from hanmo.errors import RequestError

LIMITS = PictureLimits()


def sent(shown: Shown) -> Image.Image:
    kind, _, data = shown.data_url().partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_picture_goes_out_upright_and_without_its_metadata() -> None:
    picture = Image.new("RGB", (40, 20), COLORS["red"])
    picture.paste(COLORS["blue"], (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned: its left is up
    exif[0x010E] = "where I live"
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif, quality=95)
    shown = show(file.getvalue(), LIMITS)
    assert isinstance(shown, Shown)
    assert shown.key == content_id(file.getvalue())
    out = sent(shown)
    assert (out.size, dict(out.getexif())) == ((20, 40), {})
    assert out.getpixel((10, 5))[2] > 200 > out.getpixel((10, 5))[0]  # type: ignore[index]


def test_transparent_parts_are_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(file, "PNG")
    shown = show(file.getvalue(), LIMITS)
    assert isinstance(shown, Shown)
    assert shown.image.getpixel((4, 4)) == (255, 255, 255)


def test_a_large_picture_is_shrunk_to_the_budget_and_keeps_its_ratio() -> None:
    shown = show(file_of("red", (400, 100)), PictureLimits(shown=10_000))
    assert isinstance(shown, Shown)
    assert shown.image.size == (200, 50)
    thin = show(file_of("red", (4000, 1)), PictureLimits(shown=100))
    assert isinstance(thin, Shown)
    assert thin.image.height == 1


def bomb() -> bytes:
    """A PNG that says it has 900 million pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a picture"),
        (b"<html>not found</html>", "not a picture"),
        (file_of("red", (64, 64), "JPEG")[:300], "truncated"),
        (file_of("red", kind="PPM"), "not a picture"),  # Pillow could, but nobody has asked for it
        (bomb(), "truncated"),  # before its pixels are thought of
    ],
)
def test_what_is_no_picture_is_broken_and_raises_nothing(data: bytes, reason: str) -> None:
    found = show(data, LIMITS)
    assert isinstance(found, Broken)
    assert reason in found.reason


def test_limits_are_kept_before_anything_is_decoded() -> None:
    data = file_of("red", (40, 40))
    assert "40x40" in getattr(show(data, PictureLimits(pixels=1599)), "reason", "")
    assert "the limit is 10" in getattr(show(data, PictureLimits(bytes=10)), "reason", "")
    with pytest.raises(RequestError, match=r"picture\.pixels 0"):
        PictureLimits(pixels=0)
