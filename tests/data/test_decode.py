"""Real files, spoiled in the ways that a crawl meets."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from procedural import file_of, pixels, scene

from hanmo.data.decode import Decoded, DecodeLimits, Reason, Undecodable, declared_format, decode, sniff
from hanmo.errors import ConfigError

PICTURE = scene(1, 64, 40)
FILES = {
    "png": file_of(PICTURE),
    "jpeg": file_of(PICTURE, "jpeg", quality=90),
    "webp": file_of(PICTURE, "webp", lossless=True),
    "gif": file_of(PICTURE, "gif"),
    "bmp": file_of(PICTURE, "bmp"),
    "avif": file_of(PICTURE, "avif"),
}
PROGRESSIVE = file_of(PICTURE, "jpeg", quality=80, progressive=True)


def reason(data: bytes, declared: str | None = None, limits: DecodeLimits | None = None) -> Reason | None:
    answer = decode(data, declared, limits)
    return answer.reason if isinstance(answer, Undecodable) else None


def decoded(data: bytes, declared: str | None = None, limits: DecodeLimits | None = None) -> Decoded:
    answer = decode(data, declared, limits)
    assert isinstance(answer, Decoded), answer
    return answer


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, and holds a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_of_every_format_is_read(kind: str) -> None:
    answer = decoded(FILES[kind], kind)
    assert (answer.format, answer.frames, answer.rotation, answer.mirrored) == (kind, 1, 0, False)
    assert (answer.image.mode, answer.image.size) == ("RGB", (64, 40))
    apart = np.abs(pixels(answer.image).astype(int) - pixels(PICTURE)).mean()
    assert apart == 0 if kind in ("png", "webp", "bmp") else apart < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotation_in_the_exif_is_reported_and_undone(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = file_of(PICTURE, "png", exif=exif)
    answer = decoded(data)
    with Image.open(BytesIO(data)) as turned:
        upright = ImageOps.exif_transpose(turned)
    assert np.array_equal(pixels(answer.image), pixels(upright))
    again = ImageOps.mirror(PICTURE) if answer.mirrored else PICTURE
    assert np.array_equal(pixels(again.rotate(-answer.rotation, expand=True)), pixels(answer.image))
    assert (answer.rotation, answer.mirrored) != (0, False) or orientation == 1


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_in_the_middle_is_found(kind: str) -> None:
    data = FILES[kind]
    for share in (0.5, 0.75, 0.95):
        assert reason(data[: int(len(data) * share)]) is Reason.TRUNCATED, share


def test_a_png_that_lacks_only_its_last_checksum_is_cut() -> None:
    assert reason(FILES["png"][:-4]) is Reason.TRUNCATED


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["png", "jpeg", "webp", "bmp", "avif", "progressive"]), st.data())
def test_no_cut_of_any_length_passes(kind: str, draw: st.DataObject) -> None:
    data = PROGRESSIVE if kind == "progressive" else FILES[kind]
    cut = draw.draw(st.integers(0, len(data) - 2))
    assert reason(data[:cut]) in (Reason.TRUNCATED, Reason.BROKEN, Reason.NOT_A_PICTURE)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_spoiled_bytes_never_raise(kind: str, draw: st.DataObject) -> None:
    data = bytearray(FILES[kind])
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    answer = decode(bytes(data), limits=DecodeLimits(pixels=1 << 20))
    assert isinstance(answer, Decoded | Undecodable)
    assert isinstance(answer, Decoded) or "\n" not in answer.detail


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", *(data[:12] for data in FILES.values())]))
def test_bytes_of_any_kind_never_raise(noise: bytes, head: bytes) -> None:
    assert isinstance(decode(head + noise, limits=DecodeLimits(pixels=1 << 20)), Undecodable)


def test_a_flipped_bit_in_the_pixels_of_a_png_is_broken() -> None:
    data = bytearray(FILES["png"])
    data[len(data) // 2] ^= 1
    assert reason(bytes(data)) is Reason.BROKEN


def test_a_jpeg_with_a_thumbnail_is_cut_where_the_picture_is_cut() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x"
    data = bytearray(file_of(PICTURE, "jpeg", exif=exif))
    thumbnail = b"\xff\xe9" + struct.pack(">H", 2 + len(FILES["jpeg"])) + FILES["jpeg"]
    whole = bytes(data[:2]) + thumbnail + bytes(data[2:])
    assert decoded(whole).image.size == (64, 40)
    assert decoded(whole + b"a trailer of a phone").image.size == (64, 40)
    assert reason(whole[:-2]) is Reason.TRUNCATED


@pytest.mark.parametrize("declared", ["image/png", ".png", "PNG", "photo.final.png", "image/png; q=1"])
def test_a_declared_type_is_understood_in_every_spelling(declared: str) -> None:
    assert declared_format(declared) == "png"
    assert reason(FILES["png"], declared) is None
    assert reason(FILES["jpeg"], declared) is Reason.WRONG_TYPE


def test_what_lies_about_its_type_is_found() -> None:
    assert reason(FILES["png"], "image/jpeg") is Reason.WRONG_TYPE
    assert reason(FILES["png"], "text/html") is Reason.WRONG_TYPE
    assert reason(b"<html>404 not found</html>", "image/png") is Reason.NOT_A_PICTURE
    assert reason(b"") is Reason.NOT_A_PICTURE
    assert sniff(b"BMW cars are not bitmaps") is None


def test_a_bomb_is_refused_by_its_header() -> None:
    limits = DecodeLimits(pixels=10_000)
    assert reason(png_header(60_000, 60_000)) is Reason.TOO_MANY_PIXELS
    assert reason(png_header(40_000, 1)) is Reason.TOO_MANY_PIXELS
    for kind in FILES:
        assert reason(file_of(Image.new("RGB", (128, 128)), kind), limits=limits) is Reason.TOO_MANY_PIXELS, kind
    webp = bytearray(file_of(Image.new("RGBA", (16, 16), (1, 2, 3, 4)), "webp", exif=b"Exif\0\0"))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = b"\xff\xff\xff\xff\xff\xff"
    assert reason(bytes(webp)) is Reason.TOO_MANY_PIXELS


def test_the_size_of_a_webp_is_read_from_each_kind_of_header() -> None:
    limits = DecodeLimits(pixels=40 * 30 - 1)
    plain = Image.new("RGB", (40, 30), "red")
    for options in ({"lossless": True}, {"quality": 50}, {"quality": 50, "exif": b"Exif\0\0"}):
        answer = decode(file_of(plain, "webp", **options), limits=limits)
        assert isinstance(answer, Undecodable)
        assert answer.detail.startswith("40x30")


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    size = len(FILES["png"])
    assert reason(FILES["png"], limits=DecodeLimits(bytes=size - 1)) is Reason.TOO_MANY_BYTES
    assert reason(FILES["png"], limits=DecodeLimits(bytes=size)) is None


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "avif"])
def test_an_animation_is_taken_up_to_the_limit_of_frames(kind: str) -> None:
    frames = [scene(seed, 32, 32) for seed in range(3)]
    data = file_of(frames[0], kind, save_all=True, append_images=frames[1:])
    answer = decode(data)
    assert isinstance(answer, Undecodable)
    assert (answer.reason, answer.detail) == (Reason.TOO_MANY_FRAMES, "3 frames; the limit is 1")
    taken = decoded(data, limits=DecodeLimits(frames=3))
    assert taken.frames == 3
    assert np.abs(pixels(taken.image).astype(int) - pixels(frames[0])).mean() < 15


def test_transparent_parts_are_white_and_wide_grey_keeps_its_shades() -> None:
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    assert decoded(file_of(clear)).image.getpixel((3, 3)) == (255, 255, 255)
    deep = Image.fromarray(np.full((4, 4), 128 << 8, np.uint16))
    assert decoded(file_of(deep)).image.getpixel((0, 0)) == (128, 128, 128)
    assert decoded(file_of(PICTURE.convert("CMYK"), "jpeg")).image.mode == "RGB"


def test_a_spoiled_exif_does_not_cost_the_picture() -> None:
    data = file_of(PICTURE, "jpeg", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")
    assert decoded(data).rotation == 0


def test_a_limit_that_allows_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="limit of pixels is 0"):
        DecodeLimits(pixels=0)
