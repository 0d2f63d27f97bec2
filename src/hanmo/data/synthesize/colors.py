"""The colours of a card (report section 3.4, pure rendering): a dozen names that everybody uses.

A background and the letters on it are flat colours out of `COLORS`. Letters must stand out: a pair is used
only where its contrast (the ratio of relative luminances that WCAG 2 defines) reaches `CONTRAST`.
This module does not know cards, fonts or captions. Colours are (red, green, blue) in 0-255.
"""

from __future__ import annotations

from functools import cache

RGB = tuple[int, int, int]

COLORS: dict[str, RGB] = {
    "red": (214, 40, 40),
    "orange": (238, 120, 22),
    "yellow": (252, 216, 55),
    "green": (40, 155, 70),
    "blue": (35, 85, 205),
    "purple": (125, 50, 160),
    "pink": (238, 110, 165),
    "brown": (115, 70, 38),
    "grey": (135, 138, 142),
    "black": (22, 22, 24),
    "white": (246, 246, 244),
    "cyan": (30, 168, 188),
}
CONTRAST = 2.5


def contrast(first: str, second: str) -> float:
    """The contrast of two named colours: 1 (none) to 21 (black on white)."""
    low, high = sorted((_luminance(COLORS[first]), _luminance(COLORS[second])))
    return (high + 0.05) / (low + 0.05)


@cache
def default_color(background: str) -> str:
    """The letters' colour where nobody asked for one: black or white, whichever stands out more."""
    return max(("white", "black"), key=lambda color: contrast(background, color))


@cache
def letter_colors(background: str) -> tuple[str, ...]:
    """Every colour that letters on `background` may have, in the order of `COLORS`."""
    return tuple(color for color in COLORS if contrast(background, color) >= CONTRAST)


@cache
def backgrounds(color: str) -> tuple[str, ...]:
    """Every background on which letters of `color` stand out, in the order of `COLORS`."""
    return tuple(name for name in COLORS if color in letter_colors(name))


def _luminance(color: RGB) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255.0 for channel in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
