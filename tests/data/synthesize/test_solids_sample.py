from __future__ import annotations

import math
import random

import numpy as np
import pytest

from hanmo.data.pairs import Pair, pair_records, pairs_of
from hanmo.data.synthesize.solids import Camera
from hanmo.data.synthesize.solids_sample import (
    ANGLES,
    SolidConfig,
    another_view,
    describe_solids,
    solid_pair,
    solid_scene,
)
from hanmo.errors import ConfigError

SMALL = SolidConfig(32, 32, 2)


def test_solids_do_not_touch_and_no_two_have_the_same_name() -> None:
    for seed in range(30):
        scene = solid_scene(random.Random(seed))
        assert 1 <= len(scene.solids) <= 5
        for number, one in enumerate(scene.solids):
            for other in scene.solids[:number]:
                assert math.dist((one.x, one.y), (other.x, other.y)) > one.reach + other.reach
        names = [(solid.kind, paint.rgb) for solid, paint in zip(scene.solids, scene.paints, strict=True)]
        assert len(set(names)) == len(names)


def test_a_caption_names_every_solid() -> None:
    scene = solid_scene(random.Random(4))
    en, zh = describe_solids(scene)
    forms = {"sphere": "球", "box": "方块", "cylinder": "圆柱", "cone": "圆锥", "torus": "圆环"}
    for solid in scene.solids:
        assert {"torus": "ring"}.get(solid.kind, solid.kind) in en.text
        assert forms[solid.kind] in zh.text


def test_a_depth_pair_holds_the_depth_of_its_picture() -> None:
    pair = solid_pair(random.Random(2), SMALL, "depth")
    assert (pair.kind, pair.mask, pair.captions) == ("depth", None, ())
    assert 0 < pair.details["near"] < pair.details["far"]
    assert pair.target.max() == 255
    assert (pair.target[:, :, 0] == pair.target[:, :, 2]).all()
    assert any(word in pair.instructions[0].text.lower() for word in ("depth", "far"))


def test_words_say_by_how_much_the_camera_moved() -> None:
    camera, seen = Camera(elevation=27.0, azimuth=350.0), set()
    for seed in range(80):
        other, (en, zh) = another_view(camera, random.Random(seed))
        turn = round((other.azimuth - camera.azimuth + 180.0) % 360.0 - 180.0)
        rise = round(other.elevation - camera.elevation)
        assert (turn == 0) != (rise == 0)
        assert str(abs(turn or rise)) in en.text
        assert str(abs(turn or rise)) in zh.text
        if turn:
            assert abs(turn) in ANGLES
            assert ("right" if turn > 0 else "left") in en.text
            assert ("右" if turn > 0 else "左") in zh.text
        else:
            assert any(word in en.text for word in (("higher", "up") if rise > 0 else ("lower", "down")))
            assert ("抬高" if rise > 0 else "降低") in zh.text
        seen.add(bool(turn))
    assert seen == {True, False}


def test_a_view_pair_shows_the_same_scene_from_two_places() -> None:
    pair = solid_pair(random.Random(5), SMALL, "view")
    assert (pair.sources[0] != pair.target).any()
    assert pair.details["from"] != pair.details["to"]
    assert pair.captions == pair.source_captions[0]  # what stands there is the same


def test_pairs_are_the_same_for_the_same_seed_and_go_through_records() -> None:
    first, second = (solid_pair(random.Random(9), SMALL) for _ in range(2))
    np.testing.assert_array_equal(first.target, second.target)
    (read,) = pairs_of(pair_records(first, "solids"))
    assert isinstance(read, Pair)
    np.testing.assert_array_equal(read.sources[0], first.sources[0])
    assert read.details == first.details


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose from depth, view"):
        solid_pair(random.Random(0), SMALL, "normal")
    with pytest.raises(ConfigError, match=r"solids\.most is 0"):
        SolidConfig(most=0)
    with pytest.raises(ConfigError, match=r"solids\.height"):
        SolidConfig(height=8)
