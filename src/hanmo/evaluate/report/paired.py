"""Whether two runs differ by more than chance: a paired bootstrap over prompts (Efron and Tibshirani, 1993).

Both runs answered the same prompts, some of which are harder than others. Each draw takes prompts anew, within equal
groups, and computes both tables on the same ones, so that what is hard for both cancels out. It measures chance in
the choice of prompts and pictures; how well a judge sees, it does not know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hanmo.evaluate.types import Interval, Result

Summary = Callable[[Sequence[Result]], Mapping[str, float]]
"""A benchmark's `summary`: figures of results."""
DRAWS = 1000
SMALLEST = 5
"""Prompts from which equal groups are drawn from alone."""


def same_prompts(one: Sequence[Result], other: Sequence[Result]) -> bool:
    """Whether two runs were asked the same: equal ids with equal texts, each once."""
    asked, others = ({result.prompt.id: result.prompt.text for result in results} for results in (one, other))
    return bool(asked) and asked == others and len(one) == len(other) == len(asked)


def differences(
    summary: Summary, one: Sequence[Result], other: Sequence[Result], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Interval]:
    """What `other` has more than `one`, figure by figure, with 95 % intervals.

    Args:
        summary: of the benchmark.
        one: results of a run.
        other: results of another run on the same prompts, in any order.
        draws: resampled sets of prompts.
        seed: of the draws; the same seed gives the same intervals.

    Raises:
        ValueError: the prompts are not the same.
    """
    if not same_prompts(one, other):
        raise ValueError("the two runs were not asked the same prompts")
    known = {result.prompt.id: result for result in other}
    pairs = [(result, known[result.prompt.id]) for result in one]
    whole = _difference(summary, pairs)
    strata, generator = _strata(one), np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in whole}
    for _ in range(draws):
        chosen = [places[row] for places in strata for row in generator.integers(0, len(places), len(places)).tolist()]
        for name, value in _difference(summary, [pairs[place] for place in chosen]).items():
            if name in drawn and math.isfinite(value):
                drawn[name].append(value)
    return {name: _interval(value, drawn[name]) for name, value in whole.items()}


def beyond_chance(difference: Interval) -> bool:
    """Whether the interval of a difference leaves 0 out; never where it is unknown."""
    return difference.low > 0 or difference.high < 0


def _strata(results: Sequence[Result]) -> list[list[int]]:
    """Places of the prompts of equal groups; those of small groups together, which alone would hardly vary."""
    groups: dict[frozenset[tuple[str, str]], list[int]] = {}
    for place, result in enumerate(results):
        groups.setdefault(frozenset(result.prompt.groups.items()), []).append(place)
    large = [places for places in groups.values() if len(places) >= SMALLEST]
    small = [place for places in groups.values() if len(places) < SMALLEST for place in places]
    return [places for places in (*large, small) if places]


def _difference(summary: Summary, pairs: Sequence[tuple[Result, Result]]) -> dict[str, float]:
    first, second = summary([one for one, _ in pairs]), summary([other for _, other in pairs])
    return {name: second[name] - value for name, value in first.items() if name in second}


def _interval(value: float, drawn: Sequence[float]) -> Interval:
    if not math.isfinite(value) or not drawn:
        return Interval(value, math.nan, math.nan)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value, float(low), float(high))
