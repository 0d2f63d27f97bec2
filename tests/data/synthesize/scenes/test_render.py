from __future__ import annotations

from dataclasses import replace

import numpy as np

from hanmo.data.synthesize.scenes.camera import Camera, Plane, vector
from hanmo.data.synthesize.scenes.lighting import Light, shade
from hanmo.data.synthesize.scenes.render import Thing, developed, layers, stacked
from hanmo.data.synthesize.scenes.surface import plain

GREY = np.array([0.5, 0.5, 0.5], np.float32)
ONE = np.ones(3, np.float32)
CAMERA = Camera(64, 64, 0.0, 0.0, 0.0, 2.0)


def light(x: float, y: float) -> Light:
    way = vector(x, y, -1.0)
    return Light(way / np.linalg.norm(way), ONE, ONE * np.float32(0.2), ONE * np.float32(0.2))


def square(size: float, z: float) -> Thing:
    plane = Plane(vector(0.0, 0.0, z), vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), size, size, 64.0)
    return Thing(plane, plain(round(size * 64), round(size * 64), GREY), sharp=True)


def test_a_shadow_falls_on_the_side_away_from_the_lamp() -> None:
    wall = replace(square(2.0, 0.0), endless=True)
    for x in (-0.6, 0.6):
        seen = layers(CAMERA, [wall, square(0.4, -0.1)], light(x, 0.0), None, 0.0)[0].colors.mean(axis=2)
        left, right = seen[24:40, 13:17].mean(), seen[24:40, 47:51].mean()
        assert (right < 0.8 * left) if x < 0 else (left < 0.8 * right)


def test_what_does_not_cast_leaves_the_wall_as_it_is() -> None:
    wall = replace(square(2.0, 0.0), endless=True)
    ghost = replace(square(0.4, -0.1), casts=False)
    alone = layers(CAMERA, [wall], light(0.5, 0.5), None, 0.0)[0].colors
    assert np.array_equal(layers(CAMERA, [wall, ghost], light(0.5, 0.5), None, 0.0)[0].colors, alone)


def test_a_slanting_view_shows_the_side_of_what_is_thick() -> None:
    camera = replace(CAMERA, yaw=40.0)
    thin = square(0.5, 0.0)
    thick = replace(thin, thick=0.1, side=GREY)
    flat, deep = (layers(camera, [one], light(0.0, 0.0), None, 0.0)[0].alpha > 0.5 for one in (thin, thick))
    assert deep.sum() > flat.sum() + 50
    assert (deep | ~flat).all()


def test_a_groove_is_dark_towards_the_lamp_and_bright_away_from_it() -> None:
    height = np.zeros((64, 64), np.float32)
    height[:, 24:40] = -np.minimum(np.arange(16), np.arange(16)[::-1]).clip(0, 5)
    thing = square(1.0, 0.0)
    _, direct = shade(replace(thing.surface, height=height), thing.plane, light(-0.8, 0.0), CAMERA.place)
    row = direct[32].mean(axis=1)
    assert row[25:28].mean() < 0.6 * row[5], "the slope that turns away from the lamp"
    assert row[36:39].mean() > 1.02 * row[5], "the slope that faces it"


def test_nearer_layers_cover_farther_ones() -> None:
    seen = layers(CAMERA, [replace(square(2.0, 0.0), endless=True), square(0.5, -0.1)], light(0.0, 0.0), None, 0.0)
    picture = stacked(np.zeros((64, 64, 3), np.float32), seen)
    assert np.allclose(picture[32, 32], seen[1].colors[32, 32], atol=1e-5)


def test_the_same_generator_gives_the_same_grain() -> None:
    picture = np.full((32, 32, 3), 0.4, np.float32)
    first, second = (developed(np.random.default_rng(3), picture, 16, 16, 0.02, 0.2, 0.5) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.std() > 0
