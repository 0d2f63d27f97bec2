from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest

from hanmo.errors import RequestError
from hanmo.evaluate.bootstrap import drawn, intervals, strata
from hanmo.evaluate.types import Prompt, Result, Score


def results(values: Sequence[float], groups: Sequence[str] = ()) -> list[Result]:
    names = groups or ["all"] * len(values)
    return [
        Result(Prompt(f"p{row}", "", groups={"g": name}), (0,), (Score({"v": value}),))
        for row, (value, name) in enumerate(zip(values, names, strict=True))
    ]


def average(some: Sequence[Result]) -> dict[str, float]:
    values = [value for result in some for value in result.values("v")]
    return {"v": sum(values) / len(values) if values else math.nan}


def test_the_interval_covers_the_truth_at_the_stated_rate() -> None:
    """Uniform values of mean 1/2: of 150 samples of 30, 95 % should cover it; 3 sigma of that count is 5.3 %."""
    rng, covered = np.random.default_rng(7), 0
    some = results([0.0] * 30)
    for _ in range(150):
        values = dict(zip((result.prompt.id for result in some), rng.random(30).tolist(), strict=True))
        quick = lambda drawn, values=values: {"v": sum(values[one.prompt.id] for one in drawn) / 30}  # noqa: E731
        found = intervals(some, quick, rng, draws=100)["v"]
        covered += found.low <= 0.5 <= found.high
    assert 0.89 <= covered / 150 <= 0.99


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    """With 100 prompts the percentile interval of a mean is value +- 1.96 s / sqrt(n)."""
    rng = np.random.default_rng(1)
    values = rng.normal(5.0, 2.0, 100)
    found = intervals(results(values.tolist()), average, rng, draws=400)["v"]
    half = 1.96 * values.std() / 10
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_groups_keep_their_sizes_in_every_draw() -> None:
    """Two groups of constants: between them alone there is variance, and a stratified draw has none of it."""
    some = results([0.0] * 10 + [1.0] * 30, ["a"] * 10 + ["b"] * 30)
    found = intervals(some, average, np.random.default_rng(0), draws=100)["v"]
    assert (found.low, found.value, found.high) == (0.75, 0.75, 0.75)


def test_small_groups_are_drawn_from_together() -> None:
    some = results([float(row % 2) for row in range(12)], [f"g{min(row, 6)}" for row in range(12)])
    parts = strata(some)
    assert [rows.tolist() for rows in parts] == [[6, 7, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5]]
    sample = drawn(parts, np.random.default_rng(0))
    assert sum(row >= 6 for row in sample) == 6
    found = intervals(some, average, np.random.default_rng(0), draws=200)["v"]
    assert found.low < found.value < found.high


def test_figures_without_a_value_have_no_interval() -> None:
    def figures(some: Sequence[Result]) -> dict[str, float]:
        rare = [result for result in some if result.prompt.id == "p0"]
        return {"v": average(some)["v"], "never": math.nan, "rare": 1.0 if len(rare) == len(some) - 7 else math.nan}

    found = intervals(results([0.0, 1.0] * 4), figures, np.random.default_rng(0), draws=100)
    assert list(found) == ["v", "never", "rare"]
    assert found["v"].low < found["v"].high
    assert math.isnan(found["never"].value)
    assert math.isnan(found["never"].low)
    assert found["rare"].value == 1.0
    assert math.isnan(found["rare"].high) or found["rare"].low == 1.0


def test_one_prompt_has_an_interval_of_no_width() -> None:
    found = intervals(results([0.3]), average, np.random.default_rng(0))["v"]
    assert (found.low, found.value, found.high) == (0.3, 0.3, 0.3)


def test_the_same_generator_gives_the_same_interval() -> None:
    some = results(np.random.default_rng(3).random(30).tolist())
    one, two = (intervals(some, average, np.random.default_rng(5), draws=50) for _ in range(2))
    assert one == two
    with pytest.raises(RequestError, match="0 draws are not allowed"):
        intervals(some, average, np.random.default_rng(5), draws=0)


def test_drawing_two_thousand_prompts_takes_no_time_beside_the_summary() -> None:
    parts, rng = strata(results([0.5] * 2000, [f"g{row % 40}" for row in range(2000)])), np.random.default_rng(0)
    before = time.process_time()
    for _ in range(20):
        drawn(parts, rng)
    assert (time.process_time() - before) / 20 < 0.01
