from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, file_faces
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.passages import Passage
from hanmo.data.synthesize.scenes.photo import OnPicture, Where, flat_region, write_on
from hanmo.errors import RequestError

DOOR = Where("the wall beside the door", "门边的墙")
QUAD = ((20.0, 30.0), (180.0, 20.0), (176.0, 100.0), (24.0, 90.0))


@pytest.fixture(scope="module")
def english() -> FontFace:
    return file_faces(font_path("en", "serif"))[0]


def half_busy() -> Image.Image:
    """Noise on the left, an even wall with a little light on the right."""
    values = np.random.default_rng(0).integers(0, 256, (120, 200, 3)).astype(np.uint8)
    values[:, 80:] = np.linspace(170, 210, 120)[None, :, None]
    return Image.fromarray(values)


def test_the_even_part_is_found_and_a_busy_picture_has_none() -> None:
    quad = flat_region(half_busy())
    assert quad is not None
    assert quad[0][0] >= 78
    assert quad[1][0] <= 200
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8)
    assert flat_region(Image.fromarray(noise)) is None


def test_letters_keep_within_the_quad_and_the_rest_of_the_picture_is_untouched(english: FontFace) -> None:
    wall = Image.new("RGB", (200, 120), (190, 180, 160))
    outcome = write_on(random.Random(1), wall, DOOR, [Passage("en", ("HELLO",))], (english,), QUAD)
    assert isinstance(outcome, OnPicture)
    changed = np.argwhere((np.asarray(outcome.picture) != np.asarray(wall)).any(axis=2))
    assert len(changed) > 200
    x, y = [point[0] for point in outcome.quad], [point[1] for point in outcome.quad]
    assert changed[:, 1].min() >= min(x) - 2
    assert changed[:, 1].max() <= max(x) + 2
    assert changed[:, 0].min() >= min(y) - 2
    assert changed[:, 0].max() <= max(y) + 2
    assert outcome.caption_en.startswith("On the wall beside the door, painted in")
    assert '"HELLO"' in outcome.caption_en
    assert "“HELLO”" in outcome.caption_zh
    assert outcome.contrast >= 1.8


def test_paint_takes_the_light_of_the_picture(english: FontFace) -> None:
    values = np.full((120, 200, 3), 200, np.uint8)
    values[:, :100] = 110
    outcome = write_on(random.Random(3), Image.fromarray(values), DOOR, [Passage("en", ("HHHHHH",))], (english,), QUAD)
    assert isinstance(outcome, OnPicture)
    shown = np.asarray(outcome.picture, int).sum(axis=2)
    inked = shown != values.astype(int).sum(axis=2)
    left, right = shown[:, :95][inked[:, :95]], shown[:, 105:][inked[:, 105:]]
    assert np.percentile(left, 15) < np.percentile(right, 15)


def test_what_cannot_be_written_is_refused(english: FontFace) -> None:
    wall = Image.new("RGB", (200, 120), (190, 180, 160))
    lacking = write_on(random.Random(1), wall, DOOR, [Passage("en", ("茶",))], (english,), QUAD)
    assert lacking == MissingGlyph("茶", english.name)
    with pytest.raises(RequestError, match="leaves the picture of 200x120"):
        write_on(
            random.Random(1),
            wall,
            DOOR,
            [Passage("en", ("A",))],
            (english,),
            ((0.0, 0.0), (900.0, 0.0), (9.0, 9.0), (0.0, 9.0)),
        )
    with pytest.raises(RequestError, match="no passage"):
        write_on(random.Random(1), wall, DOOR, [], (english,), QUAD)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8))
    with pytest.raises(RequestError, match="no even part"):
        write_on(random.Random(1), noise, DOOR, [Passage("en", ("A",))], (english,))
