"""A card: flat ground, one line of text in fixed cells; how it is drawn (report section 3.4, pure rendering).

A caption determines its card: what it leaves unsaid has one default (sans, normal size, centre, black or
white letters). Every character stands in a cell of its own, and the line of cells begins on the 8-pixel grid
of the VAE's latents, so that a glyph always meets the patches in the same few ways.

Cells at the unit of 128x64 pixels (a card twice as wide and high doubles them):

    en  normal  1-5 characters  24x32     zh  normal  1-4 characters  32x32
    en  normal  6-8 characters  16x32     zh  small   1-4 characters  24x32
    en  small   1-8 characters  16x32

This module does not know captions or how cards are chosen. Pictures are uint8 [H, W, 3] or PIL RGB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16, UInt8
from PIL import Image

from hanmo.data.synthesize.characters import is_chinese
from hanmo.data.synthesize.colors import COLORS, default_color, letter_colors
from hanmo.data.synthesize.fonts import glyph
from hanmo.errors import RequestError

SCRIPTS = ("en", "zh")
FONTS = ("sans", "serif")
SIZES = ("normal", "small")
PLACES = ("centre", "top", "bottom", "left", "right")
LONGEST = {"en": 8, "zh": 4}
UNIT = (128, 64)
CELL_HEIGHT = 32
GRID = 8
EM = {
    ("en", "sans", 24): 30,
    ("en", "sans", 16): 24,
    ("en", "serif", 24): 28,
    ("en", "serif", 16): 22,
    ("zh", "sans", 32): 29,
    ("zh", "sans", 24): 22,
    ("zh", "serif", 32): 29,
    ("zh", "serif", 24): 22,
}  # by script, font, width of the cell


@dataclass(frozen=True)
class Card:
    """What a card shows; `color` is that of the letters, sizes are in pixels (multiples of 128x64)."""

    text: str
    script: str
    background: str
    color: str
    font: str = "sans"
    size: str = "normal"
    place: str = "centre"
    width: int = 128
    height: int = 64

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            RequestError: a value that no card has, a text too long, or letters that do not stand out.
        """
        for name, value, allowed in (
            ("script", self.script, SCRIPTS),
            ("background", self.background, tuple(COLORS)),
            ("font", self.font, FONTS),
            ("size", self.size, SIZES),
            ("place", self.place, PLACES),
        ):
            if value not in allowed:
                raise RequestError(f"a card's {name} cannot be {value!r}; choose one of {', '.join(allowed)}")
        if self.color not in letter_colors(self.background):
            good = ", ".join(letter_colors(self.background))
            raise RequestError(f"{self.color} letters do not stand out on {self.background}; choose {good}")
        if not 1 <= len(self.text) <= LONGEST[self.script]:
            raise RequestError(
                f"a card's text has 1 to {LONGEST[self.script]} characters ({self.script}), "
                f"not {len(self.text)}; shorten it"
            )
        if self.width % UNIT[0] or self.height % UNIT[1] or self.unit < 1:
            raise RequestError(f"a card cannot be {self.width}x{self.height}; use multiples of {UNIT[0]}x{UNIT[1]}")

    @property
    def unit(self) -> int:
        """How many times larger than 128x64 the layout is drawn."""
        return min(self.width // UNIT[0], self.height // UNIT[1])

    @property
    def defaults(self) -> bool:
        """Whether everything but text and background is what an unspoken wish means."""
        plain = (self.font, self.size, self.place) == ("sans", "normal", "centre")
        return plain and self.color == default_color(self.background)


def script_of(text: str) -> str:
    """The script a text is drawn in: "zh" when it holds a Chinese character, else "en"."""
    return "zh" if any(map(is_chinese, text)) else "en"


def cells(card: Card) -> list[tuple[str, int, int, int, int]]:
    """(character, left, top, right, bottom) of every cell in reading order, in pixels."""
    width, height = _cell_size(card)
    left, top = _corner(card, width * len(card.text), height)
    return [(char, left + i * width, top, left + (i + 1) * width, top + height) for i, char in enumerate(card.text)]


def draw_array(card: Card) -> UInt8[np.ndarray, "H W 3"]:
    """The picture of a card.

    Raises:
        RequestError: A font is missing on this machine, or a character in its font.
    """
    width, height = _cell_size(card)
    em = _em(card)
    ground = np.array(COLORS[card.background], dtype=np.float32)
    step = np.array(COLORS[card.color], dtype=np.float32) - ground
    picture = np.empty((card.height, card.width, 3), dtype=np.uint8)
    picture[:] = COLORS[card.background]
    for char, left, top, right, bottom in cells(card):
        ink = glyph(char, card.script, card.font, em, width, height)
        picture[top:bottom, left:right] = np.rint(ground + ink[:, :, None] * step)
    return picture


def draw(card: Card) -> Image.Image:
    """The picture of a card, as RGB; see `draw_array`."""
    return Image.fromarray(draw_array(card))


def glyph_grid(card: Card, patch: int = 16) -> Int16[np.ndarray, "h w 2"]:
    """For each half (left, right) of each patch: the index in `card.text` of the character drawn there.

    The character is the one whose cell covers most of the half patch; -1 where none does.
    """
    h, w, half = card.height // patch, card.width // patch, patch // 2
    best = np.zeros((h, 2 * w), dtype=np.int64)
    index = np.full((h, 2 * w), -1, dtype=np.int16)
    for i, (_, left, top, right, bottom) in enumerate(cells(card)):
        overlap = np.outer(_overlap(top, bottom, patch, h), _overlap(left, right, half, 2 * w))
        index[overlap > best] = i
        best = np.maximum(best, overlap)
    return index.reshape(h, w, 2)


def glyph_bitmap(char: str) -> Float32[np.ndarray, "16 16"]:
    """A small picture of a character (sans, ink 1, ground 0), for the first value of its embedding."""
    script = script_of(char)
    width = 24 if script == "en" else 32
    ink = glyph(char, script, "sans", EM[script, "sans", width], width, CELL_HEIGHT)
    square = np.zeros((32, 32), dtype=np.float32)
    left = (32 - width) // 2
    square[:, left : left + width] = ink
    return np.asarray(square.reshape(16, 2, 16, 2).mean(axis=(1, 3)), dtype=np.float32)


def text_box(card: Card) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the line of cells, in pixels."""
    line = cells(card)
    return line[0][1], line[0][2], line[-1][3], line[0][4]


def _cell_size(card: Card) -> tuple[int, int]:
    if card.script == "zh":
        width = 24 if card.size == "small" else 32
    else:
        width = 16 if card.size == "small" or len(card.text) > 5 else 24
    return width * card.unit, CELL_HEIGHT * card.unit


def _em(card: Card) -> int:
    """Pixels per em: the largest that keeps descenders and most wide characters inside the cell."""
    return EM[card.script, card.font, _cell_size(card)[0] // card.unit] * card.unit


def _corner(card: Card, width: int, height: int) -> tuple[int, int]:
    across, down = card.width - width, card.height - height
    middle = across // 2 // GRID * GRID, down // 2 // GRID * GRID
    match card.place:
        case "top":
            return middle[0], 0
        case "bottom":
            return middle[0], down
        case "left":
            return min(GRID, middle[0]), middle[1]
        case "right":
            return across - min(GRID, middle[0]), middle[1]
        case _:
            return middle


def _overlap(start: int, stop: int, step: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """How many of the pixels [start, stop) lie in each of `count` steps."""
    edges = np.arange(count, dtype=np.int64) * step
    covered = np.minimum(edges + step, stop) - np.maximum(edges, start)
    return np.asarray(np.maximum(covered, 0), dtype=np.int64)
