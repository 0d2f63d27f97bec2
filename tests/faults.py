"""Clean pictures made faulty on purpose, one named fault each: what the data engine's filters are measured on.

Every maker takes a clean RGB picture and a generator of numpy, from which it draws how bad it gets, and gives a file's
bytes. `FAULTS` names them; `GUILTY` says which operators are right to drop a picture with a fault. The first of them
must; the others may, because a fault shows in more than one number: a page of one colour has neither edges nor many
bytes, and what is dark is not clear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from procedural import file_of

Maker = Callable[[Image.Image, np.random.Generator], bytes]


def clean(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """No fault: one of the three usual formats, in a quality that people use."""
    match int(rng.integers(3)):
        case 0:
            return file_of(picture, "png")
        case 1:
            return file_of(picture, "webp", quality=int(rng.integers(80, 96)))
        case _:
            return file_of(picture, "jpeg", quality=int(rng.integers(80, 96)))


def broken(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Cut off, with damaged data, or of a format that nobody reads; its first bytes are a picture's."""
    kind = str(rng.choice(["jpeg", "png", "webp"]))
    whole = file_of(picture, kind)
    match int(rng.integers(3)):
        case 0:
            return whole[: int(len(whole) * rng.uniform(0.1, 0.95))]
        case 1:
            at = int(rng.integers(64, len(file_of(picture, "png")) - 64))
            data = bytearray(file_of(picture, "png"))
            data[at] ^= int(rng.integers(1, 256))
            return bytes(data)
        case _:
            return file_of(picture, "tiff")


def tiny(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """A thumbnail whose short side has a fifth of the pixels, or fewer."""
    scale = rng.uniform(0.1, 0.2)
    size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
    return clean(picture.resize(size, Image.Resampling.LANCZOS), rng)


def banner(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """A strip across the whole width, five to eight times as wide as high; where it was cut is left to chance."""
    high = max(8, round(picture.width / rng.uniform(5, 8)))
    top = int(rng.integers(0, picture.height - high + 1))
    return clean(picture.crop((0, top, picture.width, top + high)), rng)


def crushed(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Compressed until the blocks show."""
    return file_of(picture, "jpeg", quality=int(rng.integers(1, 4)))


def rotated(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """EXIF asks to turn it by a quarter or a half."""
    return _oriented(picture, int(rng.choice([3, 6, 8])))


def mirrored(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """EXIF asks to mirror it, and perhaps to turn it too."""
    return _oriented(picture, int(rng.choice([2, 4, 5, 7])))


def blurred(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Out of focus: a radius of one to two hundredths of the longer side."""
    radius = max(picture.size) * rng.uniform(0.01, 0.02)
    return clean(picture.filter(ImageFilter.GaussianBlur(radius)), rng)


def dark(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Taken at night: a tenth of the light, or less."""
    return clean(ImageEnhance.Brightness(picture).enhance(rng.uniform(0.02, 0.1)), rng)


def overexposed(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Four to six times too much light: much of it is clipped."""
    return clean(ImageEnhance.Brightness(picture).enhance(rng.uniform(4, 6)), rng)


def washed_out(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """Nearly without colour."""
    return clean(ImageEnhance.Color(picture).enhance(rng.uniform(0, 0.1)), rng)


def flat(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """A page of one of its colours, with a scanner's noise of a level."""
    color = np.array(picture.getpixel((int(rng.integers(picture.width)), int(rng.integers(picture.height)))))
    page = color + rng.integers(0, 2, (picture.height, picture.width, 1))
    return clean(Image.fromarray(page.clip(0, 255).astype(np.uint8)), rng)


def noisy(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """As by a sensor in the dark that was turned up: noise with a deviation of 60 to 90 levels."""
    noise = rng.normal(0, rng.uniform(60, 90), (picture.height, picture.width, 3))
    return clean(Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)), rng)


def copied(picture: Image.Image, rng: np.random.Generator) -> bytes:
    """The same picture as another hand has resized and saved it: smaller, in another quality or format.

    A fault only where the picture itself is in the set too.
    """
    scale = rng.uniform(0.7, 0.95)
    size = (round(picture.width * scale), round(picture.height * scale))
    small = picture.resize(size, Image.Resampling.LANCZOS)
    return file_of(small, str(rng.choice(["jpeg", "webp"])), quality=int(rng.integers(50, 90)))


def _oriented(picture: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return file_of(picture, "jpeg", quality=90, exif=exif.tobytes())


FAULTS: Mapping[str, Maker] = {
    "broken": broken,
    "tiny": tiny,
    "banner": banner,
    "crushed": crushed,
    "rotated": rotated,
    "mirrored": mirrored,
    "blurred": blurred,
    "dark": dark,
    "overexposed": overexposed,
    "washed_out": washed_out,
    "flat": flat,
    "noisy": noisy,
    "copied": copied,
}

GUILTY: Mapping[str, tuple[str, ...]] = {
    "broken": ("broken",),
    "tiny": ("resolution",),
    "banner": ("resolution",),
    "crushed": ("file_size",),
    "rotated": ("rotation",),
    "mirrored": ("rotation",),
    "blurred": ("clarity", "file_size"),
    "dark": ("luma", "clarity", "entropy", "file_size"),
    "overexposed": ("luma", "saturation", "entropy", "file_size"),
    "washed_out": ("saturation",),
    "flat": ("entropy", "clarity", "saturation", "file_size"),
    "noisy": ("texture",),
    "copied": ("duplicates",),
}
