import math

import pytest

from hanmo.evaluate.report.figures import Style, label
from hanmo.evaluate.types import Interval


def test_shares_are_shown_in_per_cent_and_marks_as_they_are() -> None:
    assert Style(percent=True).number(0.8832) == "88.3 %"
    assert Style().number(0.8288) == "0.829"
    assert Style().number(7.56) == "7.56"
    assert Style(percent=True).published(0.8832) == "88.32 %"
    assert Style().published(0.8288) == "0.8288"
    assert Style().published(8.0) == "8.00"


def test_what_was_not_judged_is_no_number() -> None:
    nothing = Interval(math.nan, math.nan, math.nan)
    assert Style().number(nothing.value) == "–"
    assert Style().interval(nothing) == "–"
    assert Style().interval(Interval(0.5, math.nan, math.nan)) == "–"
    assert Style().number(math.inf) == "∞"  # PSNR of equal pictures


@pytest.mark.parametrize(
    ("values", "end"), [([0.3, 0.99], 1), ([1.2], 5), ([7.5, math.nan], 10), ([130.0], 1000), ([0.0], 1), ([], 1)]
)
def test_an_axis_ends_at_a_round_number(values: list[float], end: float) -> None:
    assert Style().full(values) == end


def test_marks_out_of_ten_are_drawn_to_ten_however_low() -> None:
    assert Style(marks=10.0).full([0.8]) == 10


def test_lower_is_better_where_the_benchmark_says_so() -> None:
    style = Style(lower=frozenset({"LPIPS"}))
    assert style.better("LPIPS", 0.1, 0.2)
    assert style.better("PSNR", 20.0, 10.0)
    assert not style.better("PSNR", 10.0, 10.0)


def test_figures_have_names_for_people() -> None:
    assert label("single_object") == "single object"
    assert label("delta1 NYUv2") == "δ1 NYUv2"
    assert label("alignment: portrait") == "alignment: portrait"
