"""The rules of places. Expected directions of `leaning` are what the official script's relative_position gives for
these boxes (djghosh13/geneval, commit af4902f, run apart from this repository); of `apart`, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.evaluate.benchmarks.geneval_position import apart, leaning
from hanmo.evaluate.judges.protocols import FloatBox

Whole = tuple[float, ...]
UNIT: Whole = (0, 0, 20, 20)
# box, other, official, paper (only where it says otherwise)
CASES: list[tuple[Whole, Whole, str, str | None]] = [
    ((100, 0, 120, 20), UNIT, "right of", None),
    ((22, 0, 42, 20), UNIT, "right of", None),
    ((4, 0, 24, 20), UNIT, "", None),  # exactly the margin: 0.1 * (20 + 20)
    ((5, 0, 25, 20), UNIT, "", "right of"),  # beyond the margin; of the offset of 5 only 1 is left: 0.2
    ((8, 0, 28, 20), UNIT, "", "right of"),  # exactly half is left
    ((9, 0, 29, 20), UNIT, "right of", None),
    ((0, 8, 20, 28), UNIT, "", "below"),
    ((0, 9, 20, 29), UNIT, "below", None),
    ((60, 60, 80, 80), UNIT, "below, right of", None),
    ((30, 28, 50, 48), UNIT, "below, right of", None),
    ((10, 100, 30, 120), UNIT, "below", "below, right of"),
    ((40, 200, 60, 220), UNIT, "below", "below, right of"),
    (UNIT, (60, 60, 80, 80), "above, left of", None),
    (UNIT, UNIT, "", None),
    ((50, 20, 60, 30), (0, 0, 100, 100), "above", None),
    ((0, -200, 100, -100), (10, 0, 20, 10), "above", "above, right of"),
    ((-300, -10, -200, 90), (0, 0, 50, 50), "left of", None),
    ((55.5, 70.25, 80, 101), (30, 20, 61.5, 44), "below", "below, right of"),
]
BOXES = st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(1, 200)] * 2).map(
    lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3]))
)
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def edges(box: Whole) -> FloatBox:
    left, top, right, bottom = map(float, box)
    return left, top, right, bottom


@pytest.mark.parametrize(("box", "other", "official", "paper"), CASES)
def test_directions_are_those_of_the_script_and_of_the_paper(
    box: Whole, other: Whole, official: str, paper: str | None
) -> None:
    a, b = edges(box), edges(other)
    assert ", ".join(sorted(leaning(a, b))) == official
    assert ", ".join(sorted(apart(a, b))) == (official if paper is None else paper)


@settings(deadline=None)
@given(BOXES, BOXES)
def test_the_other_way_round_is_the_opposite_and_the_script_never_sees_more_than_the_paper(
    box: FloatBox, other: FloatBox
) -> None:
    for rule in (apart, leaning):
        assert rule(other, box) == {OPPOSITE[direction] for direction in rule(box, other)}
    assert leaning(box, other) <= apart(box, other)
