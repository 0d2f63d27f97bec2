"""Faults of stages 5 and 6, planted in a clean picture: marks, codes, compression, noise, mosaics, blur.

Each takes a PIL picture and a numpy Generator and gives a new picture of the same size; those that need room say how
much they need. Codes are written by zxing-cpp's own writer, so that what is planted is a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO

import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Planter = Callable[[Image.Image, np.random.Generator], Image.Image]
Box = tuple[int, int, int, int]

AGENCIES = ("StockPhoto", "PixelBank", "FOTOLIA", "imagehub.com", "SAMPLE", "PREVIEW")
OWNERS = ("© J. Miller", "www.photohub.com", "© 2024 Anna Lee", "@street.lens", "pixabank.net", "图片来自网络")

MATRIX_FORMATS = ("QRCode", "MicroQRCode", "DataMatrix", "Aztec")
BAR_FORMATS = ("EAN13", "Code128", "UPCA", "ITF")


# --- watermarks -------------------------------------------------------------------------------------


def tiled_watermark(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One text again and again all over the picture, aslant, see-through: a picture agency's preview."""
    text, tone, alpha = _choice(rng, AGENCIES), int(rng.choice([0, 255])), int(rng.integers(70, 130))
    size = max(13, round(min(picture.size) * rng.uniform(0.055, 0.08)))
    letters = _letters(text, size, (tone, tone, tone, alpha))
    tile = Image.new("RGBA", (round(letters.width * 1.25), round(letters.height * 2.6)))
    tile.alpha_composite(letters, (0, 0))
    long = 2 * max(picture.size)
    sheet = Image.new("RGBA", (long, long))
    for row, top in enumerate(range(0, long - tile.height, tile.height)):
        for left in range(-(row % 2) * tile.width // 2 + tile.width // 2, long - tile.width, tile.width):
            sheet.alpha_composite(tile, (left, top))
    turned = sheet.rotate(float(rng.uniform(20, 40)), Image.Resampling.BICUBIC)
    left, top = (long - picture.width) // 2, (long - picture.height) // 2
    return _over(picture, turned.crop((left, top, left + picture.width, top + picture.height)), (0, 0))


def diagonal_watermark(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One large see-through word across the middle, along the diagonal."""
    tone, alpha = int(rng.choice([0, 255])), int(rng.integers(80, 140))
    text = _choice(rng, AGENCIES)
    size = round(1.15 * picture.width / (0.62 * len(text)) * 0.75)
    letters = _letters(text, size, (tone, tone, tone, alpha)).rotate(
        float(rng.uniform(20, 35)), Image.Resampling.BICUBIC, expand=True
    )
    letters.thumbnail((round(picture.width * 0.9), round(picture.height * 0.9)))
    return _over(picture, letters, ((picture.width - letters.width) // 2, (picture.height - letters.height) // 2))


def corner_mark(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A small line in a corner: whose picture it is."""
    tone, alpha = int(rng.choice([0, 255])), int(rng.integers(150, 230))
    size = max(12, round(min(picture.size) * rng.uniform(0.045, 0.06)))
    letters = _letters(_choice(rng, OWNERS), size, (tone, tone, tone, alpha))
    if tone == 255:  # as programs do, so that it can be read on white too
        shade = _letters_shadow(letters)
        shade.alpha_composite(letters)
        letters = shade
    gap = round(min(picture.size) * 0.03)
    left = gap if rng.random() < 0.3 else picture.width - letters.width - gap
    top = gap if rng.random() < 0.2 else picture.height - letters.height - gap
    return _over(picture, letters, (left, top))


WATERMARKS: dict[str, Planter] = {"tiled": tiled_watermark, "diagonal": diagonal_watermark, "corner": corner_mark}


def _letters_shadow(letters: Image.Image) -> Image.Image:
    shade = Image.new("RGBA", letters.size)
    shade.paste((0, 0, 0, 160), (1, 1), letters.getchannel("A").crop((0, 0, letters.width - 1, letters.height - 1)))
    return shade


# --- codes ------------------------------------------------------------------------------------------


def matrix_code(picture: Image.Image, rng: np.random.Generator, format: str = "QRCode") -> Image.Image:
    """A QR code (or another square one) of some size somewhere, upright or a little turned; at least 160 pixels."""
    text = "".join(rng.choice(list("ABCDEFGHKLMNPQRSTUVWXYZ23456789"), 8 if "Micro" in format else 16))
    code = code_label(text, format, int(rng.integers(2, 5)))
    return _stuck_on(picture, code, rng, turn=12.0)


def bar_code(picture: Image.Image, rng: np.random.Generator, format: str = "EAN13") -> Image.Image:
    """A bar code as on a product; at least 160 pixels."""
    digits = "".join(str(digit) for digit in rng.integers(0, 10, 12))
    match format:
        case "UPCA":
            text = digits[:11]
        case "Code128":
            text = "HM" + digits[:6]
        case _:
            text = digits
    code = code_label(text, format, int(rng.integers(1, 3)))
    return _stuck_on(picture, code, rng, turn=4.0)


CODES: dict[str, Planter] = {"qr": matrix_code, "bar": bar_code}


def code_label(text: str, format: str, scale: int) -> Image.Image:
    """A code as it is printed: black on white, with the quiet zone that it needs; `scale` pixels a module."""
    code = zxingcpp.create_barcode(text, zxingcpp.barcode_format_from_str(format))
    picture = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=scale))).convert("RGB")
    quiet = 10 * scale if format in BAR_FORMATS else 4 * scale
    label = Image.new("RGB", (picture.width + 2 * quiet, picture.height + 2 * quiet), "white")
    label.paste(picture, (quiet, quiet))
    return label


def _stuck_on(picture: Image.Image, label: Image.Image, rng: np.random.Generator, turn: float) -> Image.Image:
    angle = float(rng.uniform(-turn, turn)) if rng.random() < 0.5 else 0.0
    sticker = label.convert("RGBA").rotate(angle, Image.Resampling.BICUBIC, expand=True)
    room = min(picture.width / sticker.width, picture.height / sticker.height) * 0.95
    if room < 1:
        size = (max(1, int(sticker.width * room)), max(1, int(sticker.height * room)))
        sticker = sticker.resize(size, Image.Resampling.LANCZOS)
    left = int(rng.integers(0, picture.width - sticker.width + 1))
    top = int(rng.integers(0, picture.height - sticker.height + 1))
    return _over(picture, sticker, (left, top))


# --- quality ----------------------------------------------------------------------------------------


def over_compressed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Saved as JPEG of quality 4 to 12 and loaded again."""
    file = BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=int(rng.integers(4, 13)))
    return Image.open(BytesIO(file.getvalue())).convert("RGB")


def noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Grain of 18 to 35 grey levels, as at a high ISO setting."""
    level = np.asarray(picture.convert("RGB"), dtype=np.float64)
    grain = rng.normal(0, rng.uniform(18, 35), level.shape)
    return Image.fromarray((level + grain).clip(0, 255).astype(np.uint8))


def soft(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A small picture enlarged three to four times: many pixels, no detail."""
    ratio = float(rng.uniform(3, 4))
    small = picture.convert("RGB").resize(
        (max(1, round(picture.width / ratio)), max(1, round(picture.height / ratio))), Image.Resampling.BOX
    )
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def hazy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Contrast taken away until a quarter or less is left."""
    grey = Image.new("RGB", picture.size, (int(rng.integers(100, 160)),) * 3)
    return Image.blend(picture.convert("RGB"), grey, float(rng.uniform(0.78, 0.9)))


QUALITY: dict[str, Planter] = {"compressed": over_compressed, "noisy": noisy, "soft": soft, "hazy": hazy}


# --- faces ------------------------------------------------------------------------------------------


def mosaic(picture: Image.Image, rng: np.random.Generator, box: Box | None = None) -> Image.Image:
    """The part in `box` (default: about the middle) as 6 to 12 coarse squares a side."""
    left, top, right, bottom = box or middle_of(picture)
    cells = int(rng.integers(6, 13))
    side = max(3, min(right - left, bottom - top) // cells)
    part = picture.convert("RGB").crop((left, top, right, bottom))
    size = (-(-part.width // side), -(-part.height // side))
    coarse = part.resize(size, Image.Resampling.BOX).resize((size[0] * side, size[1] * side), Image.Resampling.NEAREST)
    return _pasted(picture, coarse.crop((0, 0, part.width, part.height)), (left, top))


def blurred_box(picture: Image.Image, rng: np.random.Generator, box: Box | None = None) -> Image.Image:
    """The part in `box` (default: about the middle) blurred beyond recognition."""
    left, top, right, bottom = box or middle_of(picture)
    radius = max(2.5, min(right - left, bottom - top) * float(rng.uniform(0.06, 0.1)))
    soft_all = picture.convert("RGB").filter(ImageFilter.GaussianBlur(radius))
    return _pasted(picture, soft_all.crop((left, top, right, bottom)), (left, top))


FACES: dict[str, Planter] = {"mosaic": mosaic, "blurred": blurred_box}


def middle_of(picture: Image.Image) -> Box:
    """The middle half of a picture: where a portrait's face would be."""
    return picture.width // 4, picture.height // 4, picture.width * 3 // 4, picture.height * 3 // 4


# --- drawing ----------------------------------------------------------------------------------------


@cache
def _font(size: int, chinese: bool) -> ImageFont.FreeTypeFont:
    names = ("NotoSansCJK-Regular.ttc",) if chinese else ("DejaVuSans.ttf",)
    return ImageFont.truetype(names[0], size)


def _letters(text: str, size: int, color: tuple[int, int, int, int]) -> Image.Image:
    font = _font(size, not text.replace("©", "").isascii())
    left, top, right, bottom = font.getbbox(text)
    letters = Image.new("RGBA", (round(right - left) + 4, round(bottom - top) + 4), (*color[:3], 0))
    ImageDraw.Draw(letters).text((2 - left, 2 - top), text, font=font, fill=color)
    return letters


def _over(picture: Image.Image, layer: Image.Image, place: tuple[int, int]) -> Image.Image:
    ground = picture.convert("RGBA")
    full = Image.new("RGBA", ground.size)
    full.paste(layer, place)
    return Image.alpha_composite(ground, full).convert("RGB")


def _pasted(picture: Image.Image, part: Image.Image, place: tuple[int, int]) -> Image.Image:
    copy = picture.convert("RGB")
    copy.paste(part, place)
    return copy


def _choice(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
