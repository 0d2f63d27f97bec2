from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hanmo.errors import RequestError
from hanmo.pipeline.mask import as_mask, bounds, cells, feathered, paste_back, read_mask

SIZE = (40, 24)


def drawn(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((SIZE[1], SIZE[0]), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def test_every_way_to_give_a_mask_means_the_same(tmp_path: Path) -> None:
    wanted = drawn((8, 4, 20, 16))
    grey = Image.fromarray(np.where(wanted, 255, 0).astype(np.uint8))
    alpha = Image.new("RGBA", SIZE, (9, 9, 9, 255))
    alpha.putalpha(Image.fromarray(np.where(wanted, 0, 255).astype(np.uint8)))
    grey.save(tmp_path / "mask.png")
    ways = (
        grey,
        alpha,
        tmp_path / "mask.png",
        wanted,
        wanted.astype(np.float32),
        np.where(wanted, 255, 0).astype(np.uint8),
        (8, 4, 20, 16),
        [8, 4, 20, 16],
        [(8, 4), (19, 4), (19, 15), (8, 15)],
    )
    for way in ways:
        np.testing.assert_array_equal(read_mask(as_mask(way), SIZE), wanted)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (np.ones((24, 41)), "the mask has 41x24 pixels and the picture 40x24"),
        (np.zeros((24, 40)), "the mask is empty"),
        (np.ones((24, 40)), "covers the whole picture: use edit or generate"),
        ((8, 4, 60, 16), "does not lie in a picture of 40x24"),
        ([(0, 0), (60, 0), (0, 9)], "a point of the polygon lies outside"),
        (np.zeros((24, 40, 3)), r"shape \[24, 40, 3\]"),
        ("none.png", "the mask none.png does not exist"),
        ("box", "the mask box does not exist"),
        (5, "give a picture, an array, a box"),
        ([(1, 2), (3, 4)], "a polygon of three points or more"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_in_one_line(given: object, says: str) -> None:
    with pytest.raises(RequestError, match=says) as refused:
        read_mask(as_mask(given), SIZE)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(RequestError, match="cannot be read"):
        read_mask(tmp_path / "a.png", SIZE)


@settings(max_examples=40, deadline=None)
@given(feather=st.integers(0, 12), left=st.integers(0, 30), top=st.integers(0, 15))
def test_a_feather_reaches_as_far_as_it_says_and_no_further(feather: int, left: int, top: int) -> None:
    mask = drawn((left, top, left + 8, top + 6))
    share = feathered(mask, feather)
    assert (share[mask] == 1).all()
    rows, columns = np.nonzero(share)
    assert rows.min() >= top - feather
    assert columns.min() >= left - feather
    assert rows.max() < top + 6 + feather
    assert columns.max() < left + 8 + feather
    if feather >= 2 and left >= feather:
        ramp = share[top + 3, left - feather : left]
        assert (np.diff(ramp) >= 0).all()
        assert ramp[-1] > ramp[0]


def test_a_cell_is_painted_when_one_of_its_pixels_is() -> None:
    share = np.zeros((16, 24), dtype=np.float32)
    share[8, 15] = 0.1
    assert cells(share).tolist() == [[0, 0, 0], [0, 1, 0]]


def test_pasting_changes_only_where_there_is_a_share() -> None:
    source = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8))
    share = feathered(drawn((10, 8, 20, 12)), 3)[4:20, 6:30]
    result = np.asarray(paste_back(source, Image.new("RGB", (24, 16), "white"), share, (6, 4)))
    whole = np.zeros((24, 40), dtype=bool)
    whole[4:20, 6:30] = share > 0
    np.testing.assert_array_equal(result[~whole], np.asarray(source)[~whole])
    assert (result[8:12, 10:20] == 255).all()


def test_bounds_hold_everything_and_nothing_more() -> None:
    assert bounds(drawn((3, 5, 9, 11)).astype(np.float32)) == (3, 5, 9, 11)
