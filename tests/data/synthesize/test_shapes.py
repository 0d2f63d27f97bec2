from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.shapes import HANDS, NAMES_ZH, OUTLINES, SIDE, shape


@pytest.mark.parametrize("kind", OUTLINES)
def test_every_shape_is_whole_named_and_unlike_the_others(kind: str) -> None:
    alpha = shape(kind, "blue", "flat")[:, :, 3]
    assert alpha.shape == (SIDE, SIDE)
    assert 0.1 < (alpha > 127).mean() < 0.85
    assert not alpha[[0, -1]].any()  # nothing is cut off
    assert not alpha[:, [0, -1]].any()
    assert kind in NAMES_ZH
    others = [shape(other, "blue", "flat")[:, :, 3] for other in OUTLINES if other != kind]
    assert min(np.abs(alpha.astype(int) - other).mean() for other in others) > 4


@pytest.mark.parametrize("hand", HANDS)
def test_a_shape_has_the_colour_that_it_is_called_by(hand: str) -> None:
    pixels = shape("circle", "green", hand).astype(int)
    middle = pixels[SIDE // 2 - 20 : SIDE // 2 + 20, SIDE // 2 - 20 : SIDE // 2 + 20, :3].mean(axis=(0, 1))
    nearest = min(COLORS, key=lambda name: float(np.linalg.norm(middle - COLORS[name])))
    assert nearest == "green"


def test_a_sticker_has_a_white_border_and_an_outline_is_dark() -> None:
    column = shape("square", "red", "sticker")[:, SIDE // 2]
    first = column[np.flatnonzero(column[:, 3] == 255)[0]]
    assert first[:3].min() > 250
    column = shape("square", "red", "outlined")[:, SIDE // 2]
    first = column[np.flatnonzero(column[:, 3] == 255)[0] + 1]
    assert first[:3].max() < 60


def test_a_shape_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        shape("star", "red", "flat")[0, 0] = 1
