from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.grounds import DIRECTIONS, PALETTES, READABLE, contrast, paint


def test_contrast_is_the_worst_one_under_the_text() -> None:
    ground = np.full((2, 2, 3), 255, dtype=np.uint8)
    assert contrast((0, 0, 0), ground) == pytest.approx(21.0)
    assert contrast((118, 118, 118), ground) == pytest.approx(4.54, abs=0.01), "the known grey at the limit"
    ground[1, 1] = 118
    assert contrast((118, 118, 118), ground) == pytest.approx(1.0)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_palette_is_readable_everywhere_on_every_ground(direction: str) -> None:
    for palette in PALETTES:
        ground = paint(palette, direction, 24, 24)
        for color in (palette.ink, palette.accent):
            assert contrast(color.rgb, ground) >= READABLE, (color.en, palette.ground.en, palette.second.en)


def test_gradients_go_where_their_names_say() -> None:
    palette = PALETTES[0]
    first, last = palette.ground.rgb, palette.second.rgb
    down, across = paint(palette, "down", 5, 4), paint(palette, "across", 5, 4)
    assert (down[0] == first).all()
    assert (down[-1] == last).all()
    assert (across[:, 0] == first).all()
    assert (across[:, -1] == last).all()
    diagonal, glow = paint(palette, "diagonal", 5, 5), paint(palette, "glow", 5, 5)
    assert tuple(diagonal[0, 0]) == tuple(glow[2, 2]) == first
    assert tuple(diagonal[-1, -1]) == tuple(glow[0, 0]) == tuple(glow[-1, -1]) == last
    assert (paint(palette, "plain", 5, 4) == first).all()


def test_each_colour_has_one_name_in_each_language() -> None:
    colors = {color for one in PALETTES for color in (one.ground, one.second, one.ink, one.accent)}
    assert len({color.en for color in colors}) == len({color.zh for color in colors}) == len(colors)
    assert len({color.rgb for color in colors}) == len(colors)
