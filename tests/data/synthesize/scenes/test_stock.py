from __future__ import annotations

import random

import numpy as np
import pytest

from hanmo.data.synthesize.passages import signs
from hanmo.data.synthesize.scenes.places import TABLES, WALLS
from hanmo.data.synthesize.scenes.stock import CARRIERS
from hanmo.data.synthesize.scenes.style import contrast
from hanmo.data.synthesize.scenes.surface import linear


@pytest.mark.parametrize("name", sorted(CARRIERS))
def test_every_thing_is_made_alike_by_the_same_generator_and_has_an_ink_that_stands_out(name: str) -> None:
    carrier = CARRIERS[name]
    tint = linear(random.Random(0).choice(carrier.tints).rgb)
    first, second = (carrier.build(np.random.default_rng(5), 40, 60, 90.0, tint) for _ in range(2))
    assert np.array_equal(first.albedo, second.albedo)
    assert np.array_equal(first.height, second.height)
    assert first.albedo.shape == (40, 60, 3)
    assert first.albedo.min() >= 0.0
    assert first.albedo.max() <= 1.3
    for color in carrier.tints:
        assert any(contrast(color, ink) >= 3.0 for way in carrier.ways for ink in way.inks), color.en


def test_every_ground_can_be_built_and_is_named_in_both_languages() -> None:
    for ground in (*WALLS, *TABLES):
        face = ground.build(np.random.default_rng(1), 30, 50, 80.0, linear(ground.tints[0].rgb))
        assert face.height.shape == (30, 50)
        assert "{}" in ground.en
        assert "{}" in ground.zh


def test_signs_are_short_and_in_their_script() -> None:
    for script, most in (("en", 40), ("zh", 14)):
        assert len(signs(script)) > 50
        for passage in signs(script):
            assert sum(map(len, passage.sentences)) <= most
            assert all(text.isascii() or "é" in text for text in passage.sentences) == (script == "en")
