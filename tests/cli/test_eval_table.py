from __future__ import annotations

import math

from hanmo.cli.eval_table import table
from hanmo.evaluate.types import Interval, Report


def test_the_table_has_figures_intervals_and_the_unjudged_share() -> None:
    metrics = {
        "overall": Interval(0.5, 0.25, 0.75),
        "a longer name": Interval(10.0, 9.5, 11.0),
        "nobody knows": Interval(math.nan, math.nan, math.nan),
        "unsure": Interval(1.0, math.nan, math.nan),
    }
    report = Report("other", "Other", True, {}, {}, {}, 3, 12, 1, 8, metrics)
    assert table(report) == [
        "Other: 3 prompts, 12 pictures, with the official script's quirks",
        "figure          value   95 % interval",
        "overall         0.500   0.250 - 0.750",
        "a longer name  10.000  9.500 - 11.000",
        "nobody knows        -       not known",
        "unsure          1.000       not known",
        "unjudged: 1 of 8 scores (12.5 %)",
    ]
