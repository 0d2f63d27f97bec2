from __future__ import annotations

import pytest
from PIL import Image

from hanmo.data.buckets import RATIOS, RESOLUTIONS, bucket_of, buckets, fit, resolutions_of
from hanmo.errors import RequestError


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_all_sizes_of_a_resolution_are_as_large_and_divide_into_patches(resolution: int) -> None:
    found = buckets(resolution)
    assert [bucket.ratio for bucket in found] == list(RATIOS)
    for bucket in found:
        width, height = bucket.size
        assert width % 16 == height % 16 == 0
        assert width * height == pytest.approx(resolution**2, rel=0.14)
        assert width / height == pytest.approx(bucket.ratio[0] / bucket.ratio[1], rel=0.06)


def test_the_largest_resolution_has_the_sizes_of_the_model_card() -> None:
    sizes = {bucket.ratio: bucket.size for bucket in buckets(1328)}
    assert sizes[1, 1] == (1328, 1328)
    assert sizes[16, 9] == (1664, 928)
    assert sizes[2, 3] == (1056, 1584)


def test_a_picture_goes_to_the_nearest_shape_and_is_never_enlarged() -> None:
    wide = bucket_of((1600, 900), 640)
    assert wide is not None
    assert wide.ratio == (16, 9)
    assert bucket_of((640, 639), 640) is None
    assert bucket_of((640, 639), 640, enlarge=1.01) is not None


def test_a_picture_is_trained_at_every_resolution_that_it_reaches() -> None:
    assert resolutions_of((2000, 2000)) == (256, 640, 1328)
    assert resolutions_of((2000, 2000), (640, 1328)) == (640, 1328)
    assert resolutions_of((700, 900)) == (256, 640)
    assert resolutions_of((100, 2000)) == ()


def test_fitting_cuts_evenly_around_the_middle() -> None:
    picture = Image.new("RGB", (900, 300), "red")
    picture.paste("blue", (300, 0, 600, 300))
    bucket = buckets(256)[0]
    found = fit(picture, bucket)
    assert found.size == (256, 256)
    assert found.getpixel((128, 128)) == (0, 0, 255)
    assert found.getpixel((4, 4))[2] > 200  # the blue middle is all that is left of three squares


def test_an_unknown_resolution_names_the_known_ones() -> None:
    with pytest.raises(RequestError, match="choose one of 256, 640, 1328"):
        buckets(512)
    with pytest.raises(RequestError, match="no pixels"):
        bucket_of((0, 5), 256)
