from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.scenes.camera import Camera, Plane, raised, vector

PLANE = Plane(vector(0.1, -0.1, 0.2), vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), 0.8, 0.6, 100.0)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0.0, 0.0, 0.0), (30.0, -12.0, 4.0), (-40.0, 25.0, -3.0)])
def test_a_ray_through_a_pixel_meets_the_point_that_is_seen_there(yaw: float, pitch: float, roll: float) -> None:
    camera = Camera(60, 48, yaw, pitch, roll, 1.7)
    place, far = PLANE.hits(camera.place, camera.rays())
    spots = place[::12, ::12, :2].reshape(-1, 2)
    seen = camera.project(PLANE.points(np.ascontiguousarray(spots)))
    y, x = np.mgrid[0:48:12, 0:60:12]
    assert np.allclose(seen, np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1), atol=0.01)
    assert (far > 0).all()


def test_the_target_is_in_the_middle_at_its_own_scale() -> None:
    camera = Camera(80, 64, 20.0, 10.0, 0.0, 2.0)
    middle, beside = camera.project(np.array([[0, 0, 0], [0, 0.01, 0]], np.float32))
    assert np.allclose(middle, [40, 32], atol=1e-3)
    assert np.linalg.norm(beside - middle) == pytest.approx(0.64, rel=0.05)


def test_a_plane_behind_the_viewer_is_never_met() -> None:
    camera = Camera(16, 16, 0.0, 0.0, 0.0, 1.0)
    behind = Plane(vector(0.0, 0.0, -3.0), vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), 1.0, 1.0, 10.0)
    place, far = behind.hits(camera.place, camera.rays())
    assert (place[..., 0] < -1e4).all()
    assert (far > 1e4).all()


def test_what_stands_off_the_plane_is_met_earlier() -> None:
    camera = Camera(40, 40, 35.0, 0.0, 0.0, 1.5)
    ways = camera.rays()
    place, _ = PLANE.hits(camera.place, ways)
    lifted = raised(PLANE, place, ways, np.full((60, 80), 10.0, np.float32))
    nearer = Plane(PLANE.origin + np.float32(0.1) * PLANE.front, PLANE.right, PLANE.down, 0.8, 0.6, 100.0)
    expected, _ = nearer.hits(camera.place, ways)
    assert np.allclose(lifted[..., :2], expected[..., :2], atol=0.05)
