from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from hanmo.data.decode import DecodeLimits, Undecodable
from hanmo.data.look import looked_at, picture_of
from hanmo.data.record import Record, make_record
from hanmo.errors import HanmoError


def picture(color: tuple[int, int, int], side: int = 8) -> Record:
    buffer = BytesIO()
    Image.new("RGB", (side, side), color).save(buffer, "PNG")
    return make_record(buffer.getvalue())


def test_one_record_is_decoded_once_and_the_next_one_replaces_it() -> None:
    red, blue = picture((255, 0, 0)), picture((0, 0, 255))
    first = picture_of(red)
    assert picture_of(red) is first
    assert picture_of(blue)[0, 0].tolist() == [0, 0, 255]
    again = picture_of(red)
    assert again is not first
    assert np.array_equal(again, first)


def test_operators_cannot_change_what_the_next_one_sees() -> None:
    with pytest.raises(ValueError, match="read-only"):
        picture_of(picture((9, 9, 9)))[0, 0] = 1


def test_a_broken_picture_is_a_reason_and_for_an_operator_an_error() -> None:
    whole = picture((1, 2, 3), side=64)
    torn = make_record(whole.image[:-20])
    assert isinstance(looked_at(torn), Undecodable)
    with pytest.raises(HanmoError, match="no picture: truncated"):
        picture_of(torn)


def test_limits_are_part_of_the_question() -> None:
    record = picture((1, 2, 3), side=64)
    assert picture_of(record).shape == (64, 64, 3)
    with pytest.raises(HanmoError, match="too many pixels"):
        picture_of(record, DecodeLimits(pixels=100))
