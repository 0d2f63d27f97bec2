"""Grounds and inks of paragraphs (report section 3.4, pure rendering: plain or gradient backgrounds).

A `Palette` holds colours that go together: a ground, a second one for gradients, an ink for the text and one
for the title. Text must be readable: the ratio that WCAG 2 defines is measured against the pixels of the
ground under the text, the worst of them counts, and it reaches `READABLE`.
This module does not know fonts or layouts. Colours are (red, green, blue) in 0-255. H W: rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8

RGB = tuple[int, int, int]
READABLE = 4.5  # level AA of WCAG 2 for running text
DIRECTIONS = ("plain", "down", "across", "diagonal", "glow")


@dataclass(frozen=True)
class Color:
    """A colour and what it is called in English and in Chinese."""

    en: str
    zh: str
    rgb: RGB


@dataclass(frozen=True)
class Palette:
    """Colours that go together; `second` is where a gradient ends."""

    ground: Color
    second: Color
    ink: Color
    accent: Color


IVORY = Color("warm ivory", "暖象牙白", (250, 245, 233))
PAPER = Color("rice paper", "宣纸色", (243, 237, 221))
SAND = Color("soft sand", "浅沙色", (235, 222, 200))
MINT = Color("pale mint", "淡薄荷绿", (225, 240, 230))
MIST = Color("misty blue", "雾蓝色", (224, 234, 243))
BLUSH = Color("pale blush", "淡粉色", (251, 232, 226))
PEACH = Color("light peach", "浅桃色", (253, 221, 200))
LILAC = Color("pale lilac", "淡丁香紫", (236, 230, 246))
PEARL = Color("pearl grey", "珍珠灰", (238, 239, 241))
WHITE = Color("white", "白色", (253, 253, 252))
CHICK = Color("pale yellow", "鹅黄色", (253, 243, 200))
CELADON = Color("celadon green", "青瓷色", (206, 225, 213))
SKY = Color("light sky blue", "浅天蓝", (205, 226, 242))
GOLDEN = Color("marigold", "金盏黄", (247, 197, 72))

BLACK = Color("ink black", "墨黑色", (26, 27, 30))
CHARCOAL = Color("charcoal", "炭灰色", (54, 57, 63))
MIDNIGHT = Color("midnight blue", "午夜蓝", (19, 30, 58))
NAVY = Color("navy blue", "藏青色", (30, 49, 92))
INDIGO = Color("indigo", "靛蓝色", (49, 50, 122))
TEAL = Color("deep teal", "深青色", (12, 76, 82))
PINE = Color("pine green", "松绿色", (20, 62, 50))
MOSS = Color("moss green", "苔绿色", (66, 84, 36))
BROWN = Color("dark brown", "深褐色", (70, 45, 30))
BURGUNDY = Color("burgundy", "酒红色", (104, 22, 44))
VERMILION = Color("vermilion red", "朱红色", (178, 42, 30))
RUST = Color("rust", "铁锈红", (156, 62, 24))
PLUM = Color("plum purple", "梅紫色", (78, 36, 92))
SLATE = Color("slate grey", "石板灰", (46, 58, 72))

PALETTES = (
    Palette(IVORY, SAND, CHARCOAL, VERMILION),
    Palette(IVORY, BLUSH, BROWN, BURGUNDY),
    Palette(PAPER, SAND, BLACK, VERMILION),
    Palette(PAPER, CELADON, PINE, RUST),
    Palette(SAND, IVORY, BROWN, TEAL),
    Palette(MINT, WHITE, PINE, TEAL),
    Palette(MINT, SKY, NAVY, TEAL),
    Palette(MIST, WHITE, SLATE, INDIGO),
    Palette(MIST, LILAC, NAVY, PLUM),
    Palette(BLUSH, PEACH, BURGUNDY, BURGUNDY),
    Palette(BLUSH, LILAC, PLUM, BURGUNDY),
    Palette(PEACH, CHICK, BROWN, VERMILION),
    Palette(LILAC, MIST, INDIGO, PLUM),
    Palette(PEARL, WHITE, CHARCOAL, VERMILION),
    Palette(PEARL, MIST, BLACK, NAVY),
    Palette(WHITE, PEARL, BLACK, RUST),
    Palette(WHITE, MINT, SLATE, TEAL),
    Palette(CHICK, IVORY, MOSS, RUST),
    Palette(CELADON, MINT, PINE, BURGUNDY),
    Palette(SKY, WHITE, NAVY, INDIGO),
    Palette(GOLDEN, CHICK, BLACK, BURGUNDY),
    Palette(BLACK, CHARCOAL, IVORY, GOLDEN),
    Palette(MIDNIGHT, NAVY, MIST, GOLDEN),
    Palette(NAVY, INDIGO, WHITE, PEACH),
    Palette(INDIGO, PLUM, LILAC, GOLDEN),
    Palette(TEAL, PINE, MINT, CHICK),
    Palette(PINE, TEAL, PAPER, GOLDEN),
    Palette(MOSS, PINE, IVORY, CHICK),
    Palette(BURGUNDY, PLUM, BLUSH, PEACH),
    Palette(VERMILION, BURGUNDY, IVORY, CHICK),
    Palette(PLUM, MIDNIGHT, LILAC, PEACH),
    Palette(SLATE, MIDNIGHT, PEARL, CHICK),
    Palette(BROWN, BLACK, SAND, GOLDEN),
)


def paint(palette: Palette, direction: str, width: int, height: int) -> UInt8[np.ndarray, "H W 3"]:
    """The ground of a picture: plain, or from `ground` to `second`.

    Args:
        palette: Its `ground` and `second` are used.
        direction: "plain", "down", "across", "diagonal", or "glow" (from the middle to the corners).
        width: pixels.
        height: pixels.
    """
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    x = np.linspace(0.0, 1.0, width, dtype=np.float32)[None, :]
    match direction:
        case "plain":
            return np.full((height, width, 3), palette.ground.rgb, dtype=np.uint8)
        case "down":
            way = y
        case "across":
            way = x
        case "diagonal":
            way = (x + y) / 2.0
        case "glow":
            way = np.hypot(x - 0.5, y - 0.5) * np.float32(2.0**0.5)
        case _:
            raise ValueError(direction)  # a fault of ours: the caller draws from DIRECTIONS
    start, stop = (np.array(color.rgb, dtype=np.float32) for color in (palette.ground, palette.second))
    shades = np.rint(start + way[:, :, None] * (stop - start)).astype(np.uint8)
    return np.broadcast_to(shades, (height, width, 3)).copy()


def luminance(pixels: UInt8[np.ndarray, "*shape 3"]) -> Float64[np.ndarray, "*shape"]:
    """Relative luminance as WCAG 2 defines it: 0 (black) to 1 (white)."""
    value = pixels.astype(np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]), dtype=np.float64)


def contrast(ink: RGB, ground: UInt8[np.ndarray, "h w 3"]) -> float:
    """The lowest contrast of `ink` with any pixel of `ground`: 1 (none) to 21."""
    own = float(luminance(np.array([ink], dtype=np.uint8))[0])
    under = luminance(ground)
    ratios = (np.maximum(under, own) + 0.05) / (np.minimum(under, own) + 0.05)
    return float(ratios.min())
