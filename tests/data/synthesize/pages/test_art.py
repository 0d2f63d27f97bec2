from __future__ import annotations

import random
from itertools import pairwise

import pytest

from hanmo.data.synthesize.pages.art import PICTURES, picture
from hanmo.data.synthesize.pages.icons import ICONS, bar_code, curve, donut, icon
from hanmo.data.synthesize.pages.theme import THEMES

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_the_same_for_its_seed_and_covers_its_square(name: str) -> None:
    one, again, other = (picture(name, THEMES[0], seed) for seed in ("a", "a", "b"))
    assert one == again
    assert one != other
    corners = {(x, y) for shape in one.shapes for x, y in shape.points}
    assert min(x for x, _ in corners) <= 0
    assert max(x for x, _ in corners) >= 1 - 1e-9
    assert max(y for _, y in corners) >= 1 - 1e-9


def test_icons_stay_in_their_square_and_differ() -> None:
    drawn = [icon(name, BLACK, WHITE) for name in ICONS]
    assert len(set(drawn)) == len(ICONS) >= 10
    assert all(0 <= x <= 1 and 0 <= y <= 1 for one in drawn for shape in one.shapes for x, y in shape.points)


def test_the_pieces_of_a_ring_are_as_long_as_their_values() -> None:
    ring = donut([1.0, 3.0], [BLACK, WHITE])
    small, large = (len(shape.points) for shape in ring.shapes)
    assert 2.5 < large / small < 3.5


def test_a_curve_reaches_its_highest_at_the_greatest_value() -> None:
    line = curve([10.0, 40.0, 20.0], BLACK, WHITE, WHITE).shapes[-1].points
    assert min(line, key=lambda point: point[1]) == line[1]
    assert line[1][1] == pytest.approx(0.1)


def test_bars_of_a_bar_code_do_not_touch() -> None:
    bars = bar_code(random.Random(1), BLACK).shapes
    ends = [(min(x for x, _ in bar.points), max(x for x, _ in bar.points)) for bar in bars]
    assert len(bars) > 20
    assert all(stop < start for (_, stop), (start, _) in pairwise(ends))
