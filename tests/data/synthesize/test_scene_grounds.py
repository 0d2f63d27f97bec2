from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.grounds import PALETTES
from hanmo.data.synthesize.scene_grounds import GROUNDS, PATTERNS, Ground, paint_ground


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_ground_lies_between_its_two_tones_and_shows_both(pattern: str) -> None:
    ground = Ground(pattern, PALETTES[0])
    pixels = paint_ground(ground, 160, 128).astype(int)
    assert pixels.shape == (128, 160, 3)
    low, high = ground.tones[0].min(axis=0), ground.tones[0].max(axis=0)
    assert (pixels >= low).all()
    assert (pixels <= high).all()
    for tone in np.unique(ground.tones[0].astype(int), axis=0):
        assert np.abs(pixels - tone).sum(axis=2).min() <= 3


def test_grounds_of_one_palette_differ_in_picture_and_name() -> None:
    grounds = [Ground(pattern, PALETTES[1]) for pattern in PATTERNS]
    assert len({paint_ground(ground, 64, 64).tobytes() for ground in grounds}) == len(PATTERNS)
    assert len({ground.en for ground in grounds}) == len({ground.zh for ground in grounds}) == len(PATTERNS)
    assert len({ground.en for ground in GROUNDS}) > 150


def test_a_pattern_scales_with_its_picture() -> None:
    ground = Ground("checks", PALETTES[0])
    small, large = (paint_ground(ground, side, side).astype(int) for side in (64, 128))
    assert np.abs(large[::2, ::2] - small).mean() < 6
