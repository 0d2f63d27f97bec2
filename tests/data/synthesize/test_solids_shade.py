from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.solids import Camera, Solid
from hanmo.data.synthesize.solids_shade import Paint, SolidScene, depth_picture, draw_solids
from hanmo.errors import RequestError

RED = (214, 40, 40)
BALL = SolidScene((Solid("sphere", 0.0, 0.0, 0.5),), (Paint(RED, gloss=0.0),), lamp=(0.0, 45.0))


def test_the_same_camera_gives_the_same_picture_and_so_does_a_full_turn() -> None:
    one, same, turned = (
        draw_solids(BALL, Camera(4.0, azimuth, 30.0, (0.0, 0.0, 0.5)), 24, 24) for azimuth in (20.0, 20.0, 380.0)
    )
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(one, turned)


def test_a_solid_has_its_colour_and_throws_a_shadow_away_from_the_lamp() -> None:
    picture = draw_solids(BALL, Camera(6.0, 90.0, 60.0, (0.0, 0.0, 0.0)), 48, 48).astype(int)
    bare = draw_solids(SolidScene((), (), lamp=BALL.lamp), Camera(6.0, 90.0, 60.0, (0.0, 0.0, 0.0)), 48, 48).astype(int)
    red, _, blue = picture[22, 24]
    assert red > 2 * blue
    darker = (bare - picture).sum(axis=2) * (np.ptp(picture, axis=2) < 40)  # grey, so the floor and not the ball
    # The lamp is at azimuth 0; a camera at 90 degrees has that on its left, so the shadow falls to the right.
    assert darker[:, 26:].clip(0).sum() > 3 * darker[:, :22].clip(0).sum()


def test_patterns_and_floors_are_seen() -> None:
    camera = Camera(4.0, 0.0, 30.0, (0.0, 0.0, 0.5))
    plain = draw_solids(BALL, camera, 32, 32)
    for pattern in ("stripes", "checks", "dots"):
        striped = SolidScene(BALL.solids, (Paint(RED, pattern, 0.0),), lamp=BALL.lamp)
        assert (draw_solids(striped, camera, 32, 32) != plain).any(axis=2).mean() > 0.02
    for floor in ("tiles", "planks"):
        assert (draw_solids(SolidScene((), (), floor), camera, 32, 32).std(axis=(0, 1)) > 3).all()


def test_depth_comes_back_from_its_picture_within_rounding() -> None:
    depth = np.array([[2.0, 2.5, 4.0], [8.0, 3.0, np.inf]])
    picture, near, far = depth_picture(depth)
    assert (near, far) == (2.0, 8.0)
    assert picture[0, 0].tolist() == [255] * 3
    assert picture[1, 0].tolist() == picture[1, 2].tolist() == [0] * 3
    back = 1.0 / (picture[0, :, 0] / 255.0 * (1 / near - 1 / far) + 1 / far)
    np.testing.assert_allclose(back, depth[0], rtol=0.01)


def test_a_depth_map_of_nothing_is_refused() -> None:
    with pytest.raises(RequestError, match="finite somewhere"):
        depth_picture(np.full((2, 2), np.inf))
    with pytest.raises(RequestError, match="above 0"):
        depth_picture(np.zeros((2, 2)))


def test_every_solid_needs_a_paint() -> None:
    with pytest.raises(RequestError, match="each needs one"):
        SolidScene(BALL.solids, ())
