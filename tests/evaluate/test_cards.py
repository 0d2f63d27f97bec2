from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont

from hanmo.evaluate.cards import RGB, ground_color, lab, letter_color, name_color

PALETTE: dict[str, RGB] = {
    "red": (200, 30, 30),
    "orange": (240, 140, 20),
    "blue": (30, 60, 200),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "gray": (128, 128, 128),
}


@pytest.mark.parametrize("ground", PALETTE)
@pytest.mark.parametrize("letters", PALETTE)
def test_both_colours_of_a_card_are_named(ground: str, letters: str) -> None:
    image = Image.new("RGB", (128, 64), PALETTE[ground])
    draw = ImageDraw.Draw(image)
    draw.text((64, 32), "i1", font=ImageFont.load_default(20), fill=PALETTE[letters], anchor="mm")
    assert name_color(ground_color(image), PALETTE) == ground
    seen = letter_color(image, (40, 16, 88, 48))
    if ground == letters:
        assert seen is None
    else:
        assert seen is not None
        assert name_color(seen, PALETTE) == letters


def test_a_slightly_wrong_colour_gets_the_nearest_name() -> None:
    assert name_color((210, 50, 40), PALETTE) == "red"
    assert name_color((225, 120, 30), PALETTE) == "orange"
    assert name_color((240, 240, 235), PALETTE) == "white"


def test_lab_of_known_colours() -> None:
    white, red, gray = lab([(255, 255, 255), (255, 0, 0), (119, 119, 119)])
    assert white == pytest.approx([100.0, 0.0, 0.0], abs=0.05)
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert gray == pytest.approx([50.03, 0.0, 0.0], abs=0.05)
