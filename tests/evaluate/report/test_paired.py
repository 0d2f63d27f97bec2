from collections.abc import Sequence

import numpy as np
import pytest
from evaluated import result

from hanmo.evaluate.report.paired import beyond_chance, differences, same_prompts
from hanmo.evaluate.types import Interval, Result


def summary(results: Sequence[Result]) -> dict[str, float]:
    return {"overall": sum(one.scores[0].values["exact"] for one in results) / len(results)}


def run_of(values: np.ndarray) -> list[Result]:
    return [result(number, f"text {number}", float(value)) for number, value in enumerate(values)]


def test_a_run_does_not_differ_from_itself() -> None:
    run = run_of(np.array([0.0, 1.0, 1.0, 0.0, 1.0]))
    found = differences(summary, run, list(reversed(run)), draws=50)
    assert found["overall"] == Interval(0.0, 0.0, 0.0)
    assert not beyond_chance(found["overall"])


def test_intervals_agree_with_an_independent_bootstrap_of_the_pairs() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    hard = rng.random(80)
    one, other = (np.clip(hard + 0.05 * rng.standard_normal(80) + shift, 0, 1) for shift in (0.0, 0.02))
    found = differences(summary, run_of(one), run_of(other), draws=1000)["overall"]
    told = stats.bootstrap((other - one,), np.mean, n_resamples=3000, method="percentile", rng=rng).confidence_interval
    assert found.value == pytest.approx(float(np.mean(other - one)))
    assert (found.low, found.high) == pytest.approx((told.low, told.high), abs=0.0025)
    # unpaired, prompts as unlike as these would hide the difference
    alone = stats.bootstrap((one,), np.mean, n_resamples=2000, method="percentile", rng=rng).confidence_interval
    assert found.high - found.low < (alone.high - alone.low) / 3


def test_runs_of_one_generator_seldom_seem_to_differ() -> None:
    rng = np.random.default_rng(8)
    pairs = [(run_of(rng.random(30) < 0.6), run_of(rng.random(30) < 0.6)) for _ in range(30)]
    wrong = sum(beyond_chance(differences(summary, *pair, draws=100)["overall"]) for pair in pairs)
    assert wrong <= 6  # 1.5 are expected; 7 or more happen once in a thousand


def test_prompts_that_are_not_the_same_are_not_tested() -> None:
    one, other = run_of(np.ones(4)), run_of(np.ones(5))
    assert not same_prompts(one, other)
    assert not same_prompts(one, [result(number, "another", 1.0) for number in range(4)])
    assert not same_prompts([], [])
    with pytest.raises(ValueError, match="same prompts"):
        differences(summary, one, other)


def test_the_same_seed_gives_the_same_intervals() -> None:
    rng = np.random.default_rng(0)
    one, other = run_of(rng.random(20)), run_of(rng.random(20))
    assert differences(summary, one, other, draws=60) == differences(summary, one, other, draws=60)
    assert differences(summary, one, other, draws=60) != differences(summary, one, other, draws=60, seed=1)
