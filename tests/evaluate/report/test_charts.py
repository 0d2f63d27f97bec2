import math
import re

import pytest

from hanmo.evaluate.report.charts import Line, bar, radar
from hanmo.evaluate.types import Interval


def test_a_bar_is_as_long_as_its_value_and_its_whisker_as_its_interval() -> None:
    svg = bar(Interval(0.5, 0.4, 0.75), 1.0, "half <", [("other", 0.9)])
    assert 'class="fill1" x="0" y="3" width="500.0"' in svg
    assert re.search(r'class="whisker" x1="400.0" x2="750.0"', svg)
    assert re.search(r'class="mark" x1="900.0" x2="900.0"', svg)
    assert 'aria-label="half &lt;"' in svg


def test_what_was_not_judged_has_no_bar() -> None:
    svg = bar(Interval(math.nan, math.nan, math.nan), 1.0, "")
    assert "fill1" not in svg
    assert "whisker" not in svg


def test_a_value_beyond_the_axis_stays_within_it() -> None:
    assert 'width="1000.0"' in bar(Interval(3.0, 3.0, 3.0), 1.0, "")
    assert 'width="0.0"' in bar(Interval(-3.0, -3.0, -3.0), 1.0, "")


AXES = [("up", "1"), ("right", "1"), ("down", "1"), ("left", "1")]


def test_a_radar_plot_places_values_around_its_centre() -> None:
    svg = radar(AXES, [Line("one", {"up": 1.0, "right": 0.5, "down": 0.0, "left": 1.0})], "title")
    (points,) = re.findall(r'class="shape" points="([^"]+)"', svg)
    # centre (280, 280), radius 190: by hand
    found = [tuple(float(number) for number in point.split(",")) for point in points.split()]
    assert found == [pytest.approx(place) for place in ((280, 90), (375, 280), (280, 280), (90, 280))]


def test_a_missing_value_leaves_a_gap() -> None:
    svg = radar(AXES, [Line("one", {"up": 1.0, "right": 0.5, "left": 1.0}, published=True)], "title")
    assert 'polygon class="shape"' not in svg
    assert svg.count('polyline class="shape"') == 2
    assert 'class="line1 dashed"' in svg
