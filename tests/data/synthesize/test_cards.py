from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hanmo.data.synthesize.cards import (
    FONTS,
    GRID,
    PLACES,
    SIZES,
    Card,
    cells,
    draw,
    draw_array,
    glyph_bitmap,
    glyph_grid,
    text_box,
)
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.errors import RequestError

HELLO = Card("HELLO", "en", "red", "white")
NIHAO = Card("你好", "zh", "white", "black")


@pytest.mark.parametrize("unit", [1, 2])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("text", "script"), [("A", "en"), ("HELLO", "en"), ("HOLIDAYS", "en"), ("新年快乐", "zh")])
def test_every_cell_lies_on_the_grid_and_inside_the_card(
    text: str, script: str, size: str, place: str, unit: int
) -> None:
    card = Card(text, script, "white", "black", size=size, place=place, width=128 * unit, height=64 * unit)
    boxes = cells(card)
    assert [char for char, *_ in boxes] == list(text)
    for _, left, top, right, bottom in boxes:
        assert 0 <= left < right <= card.width
        assert 0 <= top < bottom <= card.height
        assert left % GRID == top % GRID == 0
    assert all(one[3] == following[1] for one, following in pairwise(boxes))


@pytest.mark.usefixtures("fonts")
def test_all_ink_is_inside_the_text_box() -> None:
    for card in (sample_card(random.Random(seed), CardConfig()) for seed in range(60)):
        picture = draw_array(card)
        ink = (picture != picture.dtype.type(0) + np.array(COLORS[card.background], np.uint8)).any(axis=2)
        left, top, right, bottom = text_box(card)
        assert ink[top:bottom, left:right].sum() == ink.sum() > 0


@pytest.mark.usefixtures("fonts")
def test_ground_and_letters_have_the_named_colors() -> None:
    picture = draw_array(HELLO)
    assert picture.shape == (64, 128, 3)
    assert tuple(picture[0, 0]) == COLORS["red"]
    assert (picture == np.array(COLORS["white"], np.uint8)).all(axis=2).sum() > 300
    assert draw(HELLO).size == (128, 64)


@pytest.mark.usefixtures("fonts")
def test_fonts_sizes_and_places_change_the_picture() -> None:
    pictures = {
        draw_array(replace(NIHAO, font=font, size=size, place=place)).tobytes()
        for font in FONTS
        for size in SIZES
        for place in PLACES
    }
    assert len(pictures) == len(FONTS) * len(SIZES) * len(PLACES)


def test_the_glyph_grid_says_which_character_stands_in_each_half_patch() -> None:
    assert glyph_grid(NIHAO).tolist() == [
        [[-1, -1]] * 8,
        [[-1, -1], [-1, -1], [0, 0], [0, 0], [1, 1], [1, 1], [-1, -1], [-1, -1]],
        [[-1, -1], [-1, -1], [0, 0], [0, 0], [1, 1], [1, 1], [-1, -1], [-1, -1]],
        [[-1, -1]] * 8,
    ]


def test_cells_of_24_pixels_are_three_half_patches_wide() -> None:
    assert glyph_grid(HELLO)[1].ravel().tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, -1]


def test_every_character_appears_in_the_glyph_grid() -> None:
    for seed in range(200):
        card = sample_card(random.Random(seed), CardConfig())
        assert set(glyph_grid(card).ravel()) - {-1} == set(range(len(card.text)))


@pytest.mark.usefixtures("fonts")
def test_glyph_bitmaps_differ_and_lie_between_ground_and_ink() -> None:
    bitmaps = [glyph_bitmap(char) for char in "AO8国好"]
    assert all(bitmap.shape == (16, 16) and 0 <= bitmap.min() <= bitmap.max() <= 1 for bitmap in bitmaps)
    assert len({bitmap.tobytes() for bitmap in bitmaps}) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": ""}, "1 to 8 characters"),
        ({"text": "NINETIMES"}, "not 9"),
        ({"background": "mauve"}, "red, orange"),
        ({"color": "red"}, "do not stand out"),
        ({"width": 100}, "multiples of 128x64"),
        ({"place": "above"}, "centre, top"),
    ],
)
def test_an_impossible_card_is_refused(change: dict[str, str | int], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        replace(HELLO, **change)  # type: ignore[arg-type]
