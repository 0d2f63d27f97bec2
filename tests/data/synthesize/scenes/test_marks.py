from __future__ import annotations

import numpy as np
import pytest

from hanmo.data.synthesize.scenes import marks
from hanmo.data.synthesize.scenes.boards import wood
from hanmo.data.synthesize.scenes.surface import linear

INK = np.zeros((96, 128), np.float32)
INK[36:60, 40:88] = 1.0
TINT = linear((20, 40, 120))
ALL = (
    "printed",
    "painted",
    "glazed",
    "chalked",
    "carved",
    "raised",
    "stitched",
    "foiled",
    "shining",
    "dotted",
    "tubes",
)


@pytest.mark.parametrize("name", ALL)
def test_a_mark_changes_the_thing_where_there_is_ink_and_hardly_elsewhere(name: str) -> None:
    before = wood(np.random.default_rng(0), 96, 128, 200.0, linear((190, 140, 90)))
    after = getattr(marks, name)(np.random.default_rng(1), before, INK, 40.0, TINT)
    changed = np.abs(after.albedo - before.albedo).max(axis=2) + np.abs(after.glow - before.glow).max(axis=2)
    changed = changed + np.abs(after.height - before.height) * 0.1
    assert np.median(changed[40:56, 44:84]) > 0.02
    if name not in ("shining", "dotted", "tubes"):  # a screen is dark or lit all over; tubes light up the wall
        assert changed[:, :16].max() < 0.02
    for values in (after.albedo, after.height, after.gloss, after.metal, after.glow):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


def test_what_is_carved_lies_deeper_and_what_is_raised_stands_higher() -> None:
    before = wood(np.random.default_rng(0), 96, 128, 200.0, linear((190, 140, 90)))
    deep, high = (
        mark(np.random.default_rng(1), before, INK, 40.0, TINT).height[40:56, 44:84].mean()
        for mark in (marks.carved, marks.raised)
    )
    assert deep < before.height[40:56, 44:84].mean() - 0.5
    assert high > before.height[40:56, 44:84].mean() + 0.5
