"""Which samples failed, so that a person finds them first.

A judge's values have no common scale. Where the value that counts is only ever 0 or 1, a sample failed when a picture
of it has 0. Where it is graded, there is no failing: the worst quarter of the run takes its place, and is called so.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from hanmo.evaluate.types import Result

_USUAL = ("overall", "O", "score", "correct", "passed", "exact", "accuracy")


@dataclass(frozen=True)
class Ruler:
    """What a sample is measured with.

    Attributes:
        name: the value that counts.
        graded: whether it has more values than 0 and 1.
        lower: whether it is better when lower.
        bound: what the worst quarter is no better than; of graded values only.
        best: the best mean of any sample.
    """

    name: str
    graded: bool
    lower: bool
    bound: float
    best: float

    @property
    def failing(self) -> str:
        """What the samples that are no good are called."""
        return "worst quarter" if self.graded else "failed"

    def value(self, result: Result) -> float | None:
        """Mean of the value over a sample's pictures; None where nothing was judged."""
        return mean(result, self.name)

    def failed(self, result: Result) -> bool:
        """Whether a sample failed; never where nothing was judged."""
        value = self.value(result)
        if value is None:
            return False
        if not self.graded:
            return any(self.bad(one) for one in result.values(self.name))
        beyond = value >= self.bound if self.lower else value <= self.bound
        return beyond and value != self.best

    def bad(self, value: float) -> bool:
        """Whether a value that is only ever 0 or 1 is the wrong one."""
        return not self.graded and value == (1.0 if self.lower else 0.0)


def mean(result: Result, name: str) -> float | None:
    """Mean of a value over a sample's pictures; None where it was never judged."""
    values = result.values(name)
    return statistics.fmean(values) if values else None


def value_names(results: Sequence[Result]) -> list[str]:
    """Every name of a value, in the order of their first appearance."""
    return list(dict.fromkeys(name for result in results for score in result.scores for name in score.values))


def ruler_of(results: Sequence[Result], headline: str | None, lower: frozenset[str]) -> Ruler | None:
    """What the samples of a run are measured with; None where nothing was judged.

    Args:
        results: of the run.
        headline: name of the report's first figure, which is taken where samples have a value of that name.
        lower: names of values that are better when lower.
    """
    names = value_names(results)
    if not names:
        return None
    name = next((name for name in (headline, *_USUAL) if name in names), names[0])
    means = sorted(value for result in results if (value := mean(result, name)) is not None)
    every = {value for result in results for value in result.values(name)}
    if name in lower:
        means.reverse()
    return Ruler(name, not every <= {0.0, 1.0}, name in lower, means[(len(means) - 1) // 4], means[-1])
