from __future__ import annotations

import pytest

from hanmo.data.synthesize.colors import (
    COLORS,
    CONTRAST,
    backgrounds,
    contrast,
    default_color,
    letter_colors,
)


def test_black_on_white_has_nearly_the_greatest_contrast_there_is() -> None:
    assert 15 < contrast("black", "white") == contrast("white", "black") < 21


@pytest.mark.parametrize("background", COLORS)
def test_letters_stand_out_on_every_background(background: str) -> None:
    assert default_color(background) in letter_colors(background)
    assert len(letter_colors(background)) > 1, "another colour than the default can be asked for"
    assert all(contrast(background, color) >= CONTRAST for color in letter_colors(background))


@pytest.mark.parametrize("color", COLORS)
def test_backgrounds_and_letter_colors_are_two_views_of_one_relation(color: str) -> None:
    assert all(color in letter_colors(background) for background in backgrounds(color))


def test_the_default_is_black_or_white() -> None:
    assert {default_color(background) for background in COLORS} == {"black", "white"}
