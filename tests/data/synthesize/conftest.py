"""What does not travel with the package: fonts, and emoji, for which squares of many colours stand here."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hanmo.data.record import Record, make_record
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.scene_looks import EmojiLooks, emoji_looks, objects
from hanmo.errors import RequestError


@pytest.fixture(scope="session")
def fonts() -> None:
    """The four fonts of the cards; the test is skipped where one is not installed."""
    try:
        for script, font in FACES:
            font_path(script, font)
    except RequestError as missing:
        pytest.skip(str(missing))


def emoji_record(code: str, art: str, licence: str, level: int) -> Record:
    pixels = np.zeros((24, 24, 4), dtype=np.uint8)
    pixels[4:20, 4:20] = (level, 255 - level, 40 if art == "twemoji" else 200, 255)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return make_record(file.getvalue(), (), "emoji", licence, {"code": code, "art": art, "attribution": f"by {art}"})


@pytest.fixture(scope="session")
def emoji() -> EmojiLooks:
    """Seven things in two hands, and more that not every set has."""
    codes = list(objects())[:8]
    records = [emoji_record(code, "fluent-3d", "MIT", 20 * n) for n, code in enumerate(codes)]
    records += [emoji_record(code, "twemoji", "CC-BY-4.0", 20 * n) for n, code in enumerate(codes[1:])]
    return emoji_looks([*records, emoji_record("1F4A9", "noto", "OFL-1.1", 3)])
