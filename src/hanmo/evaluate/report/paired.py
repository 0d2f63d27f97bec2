"""Whether two runs differ by more than chance: a paired bootstrap over prompts (Efron and Tibshirani, 1993).

Both runs answered the same prompts, some of which are harder than others. Each draw takes prompts anew, within equal
groups, and computes both tables on the same ones, so that what is hard for both cancels out. It measures chance in
the choice of prompts and pictures; how well a judge sees, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hanmo.evaluate.bootstrap import drawn, interval, strata
from hanmo.evaluate.types import Interval, Result

Summary = Callable[[Sequence[Result]], Mapping[str, float]]
"""A benchmark's `summary`: figures of results."""
DRAWS = 1000


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
    parts, generator = strata(one), np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in whole}
    for _ in range(draws):
        for name, value in _difference(summary, [pairs[place] for place in drawn(parts, generator)]).items():
            if name in found:
                found[name].append(value)
    return {name: interval(value, found[name], draws) for name, value in whole.items()}


def beyond_chance(difference: Interval) -> bool:
    """Whether the interval of a difference leaves 0 out; never where it is unknown."""
    return difference.low > 0 or difference.high < 0


def _difference(summary: Summary, pairs: Sequence[tuple[Result, Result]]) -> dict[str, float]:
    first, second = summary([one for one, _ in pairs]), summary([other for _, other in pairs])
    return {name: second[name] - value for name, value in first.items() if name in second}
