from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanmo.errors import RequestError
from hanmo.pipeline.geometry import continued, exact_canvas, margins_for, size_of_ratio, window_around
from hanmo.weights.preferences import Preferences

PREFERENCES = Preferences(default_size=(96, 64), smallest=32, largest=256)


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


@settings(max_examples=60, deadline=None)
@given(width=st.integers(32, 256), height=st.integers(32, 256))
def test_a_picture_comes_back_from_its_canvas_byte_for_byte(width: int, height: int) -> None:
    canvas = exact_canvas((width, height), PREFERENCES)
    picture = noise((width, height))
    painted = canvas.fit(picture)
    assert painted.size == canvas.size
    assert not any(side % 16 for side in canvas.size)
    assert max(painted.width - width, painted.height - height) < 16
    np.testing.assert_array_equal(np.asarray(canvas.back(painted)), np.asarray(picture))


@pytest.mark.parametrize("size", [(20, 24), (600, 300), (300, 80)])
def test_a_picture_outside_the_range_is_resized_and_its_result_resized_back(size: tuple[int, int]) -> None:
    canvas = exact_canvas(size, PREFERENCES)
    assert canvas.inner != size
    assert max(canvas.size) <= 256
    assert canvas.back(canvas.fit(noise(size))).size == size


def test_a_picture_too_thin_for_the_checkpoint_is_refused() -> None:
    with pytest.raises(RequestError, match="too thin"):
        exact_canvas((2000, 20), PREFERENCES)


def test_what_is_added_mirrors_the_edge() -> None:
    picture = noise((6, 5))
    pixels = np.asarray(continued(picture, 2, 9, 1, 0))
    assert pixels.shape == (6, 17, 3)
    np.testing.assert_array_equal(pixels[1:, 2:8], np.asarray(picture))
    np.testing.assert_array_equal(pixels[1:, 8], np.asarray(picture)[:, 5])
    np.testing.assert_array_equal(pixels[1:, 1], np.asarray(picture)[:, 0])


def test_margins_reach_a_ratio_with_the_least_that_can_be_added() -> None:
    assert margins_for((100, 100), (16, 9)) == (39, 39, 0, 0)
    assert margins_for((160, 45), (16, 9)) == (0, 0, 22, 23)
    with pytest.raises(RequestError, match="already"):
        margins_for((160, 90), (16, 9))


def test_ratios_have_the_released_sizes_or_the_checkpoints_area() -> None:
    assert size_of_ratio((16, 9), (1024, 1024)) == (1664, 928)
    assert size_of_ratio((32, 18), (1024, 1024)) == (1664, 928)
    assert size_of_ratio((5, 4), (1024, 1024)) == (1152, 912)
    assert size_of_ratio((1, 1), (128, 64)) == (96, 96)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), width=st.integers(16, 500), height=st.integers(16, 500))
def test_a_window_holds_its_box_and_lies_in_the_picture(data: st.DataObject, width: int, height: int) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    window = window_around((left, top, right, bottom), (width, height), PREFERENCES)
    assert 0 <= window[0] <= left
    assert 0 <= window[1] <= top
    assert right <= window[2] <= width
    assert bottom <= window[3] <= height
    for side, limit in ((window[2] - window[0], width), (window[3] - window[1], height)):
        assert side == limit or (side % 16 == 0 and side >= PREFERENCES.smallest)
