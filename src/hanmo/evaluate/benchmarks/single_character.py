"""Reading one Chinese character from a picture, and how well a reader can (report section 5.2.2, ChineseWord).

`shown` is the rule by which ChineseWord is judged. Of all that a reader finds, in its order,

1. only Chinese characters count: signatures, textures and borders are often read as letters, digits or dots;
2. ten kana that have the shape of a character are that character, since nobody was asked for kana: 夕 is read as タ;
3. no other two characters are the same: nothing is folded, neither variants nor compatibility forms (NFKC would).

A picture is right where `shown` is exactly the character that was asked for. One that shows it twice, or beside
another character, is wrong.

`ceiling` is the share of characters that the reader knows at all: it reads them as a font draws them, black on white. A
painter cannot be seen to be better. A reader's dictionary promises too much: that of RapidOCR 3.10 (PP-OCRv6 small)
holds 8,103 of the 8,105 characters, all 196 outside the basic plane among them, but of 144 of those that were rendered
it read none. This module does not know benchmarks, prompts or painters.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from PIL import Image

from hanmo.data.ocr import Line
from hanmo.data.synthesize.fonts import glyph
from hanmo.data.synthesize.hanzi import tiers
from hanmo.errors import RequestError
from hanmo.evaluate.judges.protocols import OCR

SIDE, SIZE = 256, 128
"""The rendered picture's width and height, and the character's, in pixels."""

_KANA = str.maketrans("エオカタチトニハロー", "工才力夕千卜二八口一")
_HAN = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def shown(lines: Sequence[Line]) -> str:
    """The Chinese characters that were read, in the reader's order, by the rule above."""
    text = "".join(line.text for line in lines).translate(_KANA)
    return "".join(char for char in text if any(low <= ord(char) <= high for low, high in _HAN))


def rendered(character: str, font: str = "sans") -> Image.Image:
    """The character as the font draws it, black on white, in the middle of a picture of `SIDE` x `SIDE` pixels.

    Args:
        character: one Chinese character.
        font: "sans" or "serif", of the fonts of `hanmo.data.synthesize.fonts` (Noto CJK).

    Raises:
        RequestError: the font is not on this machine, or lacks the character.
    """
    ink = glyph(character, "zh", font, SIZE, SIDE, SIDE)
    return Image.fromarray(np.uint8(np.rint(255.0 * (1.0 - ink)))).convert("RGB")


def ceiling(ocr: OCR, per_tier: int, seed: int = 0, fonts: Sequence[str] = ("sans",)) -> tuple[float, float, float]:
    """The share of rendered characters that a reader reads, for each of the three tiers.

    Args:
        ocr: the reader.
        per_tier: characters of each tier to draw, see `drawn`.
        seed: of the draw.
        fonts: every character is read once in each.

    Returns:
        Shares, 0-1, over characters and fonts.

    Raises:
        RequestError: `per_tier` is out of range, or a font is not on this machine.
    """
    first, second, third = (
        [float(shown(ocr.read(rendered(char, font))) == char) for char in tier for font in fonts]
        for tier in drawn(per_tier, seed)
    )
    return sum(first) / len(first), sum(second) / len(second), sum(third) / len(third)


def drawn(per_tier: int | None, seed: int = 0) -> tuple[str, str, str]:
    """The same number of characters of each tier, without repeats, in the table's order; None: all.

    Raises:
        RequestError: fewer than 1, or more than the smallest tier has.
    """
    if per_tier is None:
        return tiers()
    least = min(map(len, tiers()))
    if not 1 <= per_tier <= least:
        raise RequestError(f"{per_tier} characters of each tier cannot be drawn: give 1 to {least}")
    first, second, third = (
        "".join(tier[i] for i in sorted(random.Random(f"chineseword {seed} {k}").sample(range(len(tier)), per_tier)))
        for k, tier in enumerate(tiers())
    )
    return first, second, third
