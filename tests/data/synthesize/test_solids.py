from __future__ import annotations

import math

import numpy as np
import pytest

from hanmo.data.synthesize.solids import NOTHING, PLANE, Camera, Kind, Solid, depth_map, rays, reached, trace
from hanmo.errors import RequestError

KINDS: tuple[Kind, ...] = ("sphere", "box", "cylinder", "cone", "torus")


def camera_at(height: float, distance: float = 5.0, elevation: float = 20.0, azimuth: float = 30.0) -> Camera:
    return Camera(distance, azimuth, elevation, (0.0, 0.0, height), 30.0)


@pytest.mark.parametrize("elevation", [5.0, 40.0, 85.0])
def test_the_middle_of_a_sphere_is_as_far_as_the_camera_less_its_radius(elevation: float) -> None:
    depth = depth_map((Solid("sphere", 0.0, 0.0, 0.7),), camera_at(0.7, 5.0, elevation), 9, 9)
    assert depth[4, 4] == pytest.approx(5.0 - 0.7, abs=1e-12)


@pytest.mark.parametrize(("kind", "gap"), [("box", 0.6), ("cylinder", 0.6), ("torus", 0.6)])
def test_a_side_that_faces_the_camera_is_nearer_by_its_half_width(kind: Kind, gap: float) -> None:
    solid = Solid(kind, 0.0, 0.0, 0.6, 1.0)
    middle = solid.top / 2.0
    origins, ways = np.array([[5.0, 0.0, middle]]), np.array([[-1.0, 0.0, 0.0]])
    assert reached(solid, origins, ways)[0] == pytest.approx(5.0 - gap, abs=1e-9)


def test_a_cones_side_is_as_far_as_its_slope_says() -> None:
    cone = Solid("cone", 1.0, 2.0, 0.5, 2.0)
    for height in (0.25, 1.0, 1.9):
        origins, ways = np.array([[6.0, 2.0, height]]), np.array([[-1.0, 0.0, 0.0]])
        assert reached(cone, origins, ways)[0] == pytest.approx(5.0 - 0.5 * (1.0 - height / 2.0), abs=1e-9)
    above = reached(cone, np.array([[6.0, 2.0, 2.01]]), np.array([[-1.0, 0.0, 0.0]]))
    assert np.isinf(above[0])


def test_a_ray_passes_through_the_hole_of_a_torus() -> None:
    down = np.array([[0.0, 0.0, -1.0]])
    torus = Solid("torus", 0.0, 0.0, 1.0)
    assert np.isinf(reached(torus, np.array([[0.0, 0.0, 4.0]]), down)[0])
    assert reached(torus, np.array([[0.64, 0.0, 4.0]]), down)[0] == pytest.approx(4.0 - 0.72, abs=1e-9)


def test_the_planes_depth_follows_its_formula() -> None:
    camera, (width, height) = camera_at(0.0, 4.0, 35.0), (7, 11)
    depth = depth_map((), camera, width, height)
    # A point of row y: depth d, height eye_z - d (sin e - v cos e) = 0, with v the row's tangent, upwards.
    e, eye = math.radians(35.0), 4.0 * math.sin(math.radians(35.0))
    for row in range(height):
        v = (height - 2.0 * (row + 0.5)) / height * math.tan(math.radians(15.0))
        expected = eye / (math.sin(e) - v * math.cos(e))
        np.testing.assert_allclose(depth[row], expected, rtol=1e-12)


def test_above_the_horizon_there_is_nothing() -> None:
    depth = depth_map((), Camera(5.0, 0.0, 2.0, (0.0, 0.0, 0.5), 40.0), 5, 20)
    assert np.isinf(depth[0]).all()
    assert np.isfinite(depth[-1]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_points_lie_on_the_surface_and_normals_look_outwards(kind: Kind) -> None:
    solid = Solid(kind, 0.3, -0.2, 0.8, 1.2, 25.0)
    camera = camera_at(0.4, 4.0, 30.0)
    origins, ways = rays(camera, 40, 40)
    hits = trace((solid,), origins, ways)
    own = hits.index == 0
    assert own.sum() > 100
    np.testing.assert_allclose(np.linalg.norm(hits.normal, axis=1), 1.0, atol=1e-9)
    assert ((hits.normal * ways).sum(axis=1)[own] < 1e-6).all()  # what is seen faces the eye
    # A step outwards leaves the surface, a step inwards meets it again from within.
    outside = reached(solid, hits.point[own] + 1e-3 * hits.normal[own], -hits.normal[own])
    np.testing.assert_allclose(outside, 1e-3, atol=2e-4)
    assert set(np.unique(hits.index)) <= {0, PLANE, NOTHING}


def test_what_is_in_front_hides_what_is_behind() -> None:
    near, far = Solid("box", 1.0, 0.0, 0.3, 1.0), Solid("sphere", -1.0, 0.0, 0.5)
    origins, ways = np.array([[5.0, 0.0, 0.4]]), np.array([[-1.0, 0.0, 0.0]])
    for solids in ((near, far), (far, near)):
        hits = trace(solids, origins, ways)
        assert solids[int(hits.index[0])] is near
        assert hits.distance[0] == pytest.approx(3.7)


def test_a_turned_box_shows_its_edge() -> None:
    way = np.array([[-1.0, 0.0, 0.0]])
    box = Solid("box", 0.0, 0.0, 0.5, 1.0, 45.0)
    assert reached(box, np.array([[5.0, 0.0, 0.5]]), way)[0] == pytest.approx(5.0 - 0.5 * math.sqrt(2.0))


def test_a_full_turn_changes_nothing_and_a_turn_moves_the_camera_to_its_right() -> None:
    solids = (Solid("cone", 0.5, 0.2, 0.4, 1.0), Solid("box", -0.6, 0.3, 0.4, 0.7))
    first, again = (depth_map(solids, camera_at(0.4, azimuth=30.0 + turn), 24, 24) for turn in (0.0, 360.0))
    np.testing.assert_array_equal(first, again)
    here, there = camera_at(0.4, azimuth=30.0), camera_at(0.4, azimuth=40.0)
    assert (there.eye - here.eye) @ here.axes[0] > 0


def test_impossible_solids_and_cameras_are_refused() -> None:
    with pytest.raises(RequestError, match="both must be above 0"):
        Solid("box", 0.0, 0.0, 0.0)
    for bad in (Camera, lambda **k: Camera(**k)):
        with pytest.raises(RequestError, match="elevation between"):
            bad(elevation=90.0)
