from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.sprites import Layer, covered, fitted, lay, shadow
from hanmo.errors import RequestError


def square(size: int, alpha: int = 255, border: int = 0) -> np.ndarray:
    cutout = np.zeros((size + 2 * border, size + 2 * border, 4), dtype=np.uint8)
    cutout[border : border + size, border : border + size] = (200, 100, 50, alpha)
    return cutout


def test_a_cutout_loses_its_empty_border_and_keeps_its_shape() -> None:
    wide = square(8, border=20)[:, :, :].copy()
    wide[24:, :, 3] = 0  # half as high as wide
    assert fitted(wide, 40).shape == (20, 40, 4)


def test_colours_at_the_edge_come_from_what_can_be_seen() -> None:
    cutout = square(9, border=1)
    cutout[cutout[:, :, 3] == 0] = (0, 255, 0, 0)  # green that nobody sees
    small = fitted(cutout, 5)
    seen = small[small[:, :, 3] > 0]
    assert np.abs(seen[:, :3].astype(int) - (200, 100, 50)).max() <= 2


def test_a_cutout_that_shows_nothing_is_refused() -> None:
    with pytest.raises(RequestError, match="shows nothing"):
        fitted(square(4, alpha=0), 8)


@pytest.mark.parametrize(("x", "y"), [(3, 2), (-2, -3), (9, 9), (40, 40), (-40, 0)])
def test_nothing_outside_of_what_a_layer_covers_changes(x: int, y: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    before, layer = picture.copy(), Layer(square(5, alpha=100), x, y)
    lay(picture, layer)
    mask = covered((12, 12), (layer,))
    assert (picture[~mask] == before[~mask]).all()
    inside = max(0, min(12, x + 5) - max(0, x)) * max(0, min(12, y + 5) - max(0, y))
    assert mask.sum() == inside


def test_alpha_mixes_and_255_covers() -> None:
    picture = np.zeros((2, 1, 3), dtype=np.uint8)
    lay(picture, Layer(np.array([[[255, 0, 0, 255]], [[255, 0, 0, 51]]], dtype=np.uint8), 0, 0))
    assert picture[:, 0].tolist() == [[255, 0, 0], [51, 0, 0]]


def test_a_shadow_is_soft_and_reaches_beyond_its_thing() -> None:
    dark, border = shadow(square(20), 3.0, 0.5)
    alpha = dark[:, :, 3].astype(int)
    assert border == 8
    assert alpha.shape == (36, 36)
    assert alpha[18, 18] == pytest.approx(127, abs=4)
    assert 0 < alpha[18, 6] < 60
