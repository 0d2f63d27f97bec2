from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.data.operator import Threshold
from hanmo.data.report.gather import DISTINCT, SHOWN, Nearest, Row, ScoreFacts
from hanmo.data.report.histogram import Histogram, fill, histogram_of, short


def row(number: int) -> Row:
    return Row(f"{number:032x}", Path("a.tar"), "", "", {}, {}, {})


def facts_of(values: list[float], threshold: Threshold | None = None) -> ScoreFacts:
    facts = ScoreFacts("operator", "score", threshold)
    for number, value in enumerate(values):
        facts.add(value, row(number))
    return facts


def filled(values: list[float], threshold: Threshold | None = None) -> Histogram:
    facts = facts_of(values, threshold)
    histogram = histogram_of(facts)
    if histogram.scale != "values":
        fill({"a": histogram}, (("a", value) for value in values))
    return histogram


MANY = [number / 7 for number in range(700)]


@pytest.mark.parametrize(
    "values",
    [[0.0, 90.0, 90.0], MANY, [-value for value in MANY], [value**4 for value in MANY], [1e-9 * v for v in MANY]],
)
@pytest.mark.parametrize("threshold", [None, Threshold(low=33.3), Threshold(high=50.0), Threshold(20.0, 60.0)])
def test_every_value_is_counted_on_its_side(values: list[float], threshold: Threshold | None) -> None:
    facts, histogram = facts_of(values, threshold), filled(values, threshold)
    inside = sum(threshold is None or threshold.holds(value) for value in values)
    assert (sum(histogram.inside), sum(histogram.outside)) == (inside, len(values) - inside)
    assert (facts.inside, facts.below + facts.above) == (inside, len(values) - inside)
    assert histogram.edges == sorted(histogram.edges)
    for tick in histogram.ticks():
        assert 0 <= histogram.place(tick) <= 1


def test_no_bin_has_a_threshold_in_its_middle() -> None:
    histogram = filled(MANY, Threshold(low=33.3))
    assert 33.3 in histogram.edges
    assert [a for a, b in zip(histogram.inside, histogram.outside, strict=True) if a and b] == []


def test_few_values_get_a_bar_each_and_orders_of_magnitude_a_logarithm() -> None:
    assert filled([0.0, 90.0, 90.0]).scale == "values"
    assert filled([0.0, 90.0, 90.0]).inside == [1, 2]
    assert filled([float(n % DISTINCT) for n in range(99)]).scale == "values"
    assert filled(MANY).scale == "linear"
    wide = filled([value**4 for value in MANY])
    assert wide.scale == "log"
    assert wide.ticks()[:3] == [0.0, 10.0, 1000.0]


def test_the_line_of_a_threshold_stands_beside_the_value_that_it_keeps() -> None:
    histogram = filled([0.0, 1.0, 2.0, 2.0], Threshold(1.0, 1.0))
    assert histogram.border(1.0, low=True) == pytest.approx(1 / 3)
    assert histogram.border(1.0, low=False) == pytest.approx(2 / 3)


def test_numbers_are_short_for_people() -> None:
    assert [short(value) for value in (0.25, 1234.0, 64321.0, 2.5e6, -0.125)] == [
        "0.25",
        "1,234",
        "64.3k",
        "2.5M",
        "-0.125",
    ]


def test_the_nearest_rows_are_the_nearest_whatever_their_order() -> None:
    found = []
    for order in (range(50), reversed(range(50))):
        nearest = Nearest()
        for number in order:
            nearest.add(number // 2, row(number))
        found.append([one.id for one in nearest.rows])
    assert found[0] == found[1]
    assert len(found[0]) == SHOWN
    assert {int(id, 16) for id in found[0]} == set(range(SHOWN))
