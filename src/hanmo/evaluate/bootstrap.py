"""95 % intervals of a benchmark's figures: the percentile bootstrap over prompts (Efron 1979), stratified.

Prompts are drawn with replacement within those of equal groups, so that a table's groups keep their sizes, and the
benchmark's own `summary` is computed again: whatever a figure is, mean or mean of means or 1 - min(...), its interval
follows. Pictures of one prompt stay together, since they are no independent samples. Strata of fewer than SMALLEST
prompts are drawn from together: alone they would hardly vary, and the interval would look too narrow.

The interval speaks of the choice of prompts and of noise, not of the judge's errors. It does not know benchmarks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int

from hanmo.errors import RequestError
from hanmo.evaluate.types import Interval, Result
from hanmo.log import progress

DRAWS = 1000
SMALLEST = 5
"""Prompts from which equal groups are a stratum of their own."""
_SURE = 0.5
"""Share of the draws in which a figure must have a value, or else its interval is not known."""

Summary = Callable[[Sequence[Result]], dict[str, float]]


def intervals(
    results: Sequence[Result], summary: Summary, rng: np.random.Generator, draws: int = DRAWS
) -> dict[str, Interval]:
    """A benchmark's figures with their intervals.

    Args:
        results: of all prompts.
        summary: the benchmark's; it is called `draws` + 1 times.
        rng: draws the prompts.
        draws: how many samples, 1 or more.

    Returns:
        By name, in the order of `summary`. A figure that is nan has no interval (nan); so has one that is nan in more
        than half of the draws, as where its few judged prompts are seldom drawn.

    Raises:
        RequestError: fewer than one draw.
    """
    if draws < 1:
        raise RequestError(f"{draws} draws are not allowed: give 1 or more (usual: {DRAWS})")
    figures = summary(results)
    if len(results) == 1:
        return {name: Interval(value, value, value) for name, value in figures.items()}
    parts = strata(results)
    found: dict[str, list[float]] = {name: [] for name in figures}
    with progress(draws, "intervals") as bar:
        for _ in range(draws):
            for name, value in summary([results[row] for row in drawn(parts, rng)]).items():
                found.setdefault(name, []).append(value)
            bar.update()
    return {name: interval(value, found[name], draws) for name, value in figures.items()}


def strata(results: Sequence[Result]) -> list[Int[np.ndarray, " _"]]:
    """Numbers of the results whose prompts have equal groups; those of small strata together, at the end."""
    groups: dict[object, list[int]] = {}
    for row, result in enumerate(results):
        groups.setdefault(frozenset(result.prompt.groups.items()), []).append(row)
    large = [rows for rows in groups.values() if len(rows) >= SMALLEST]
    small = [row for rows in groups.values() if len(rows) < SMALLEST for row in rows]
    return [np.array(rows) for rows in [*large, small] if rows]


def drawn(parts: Sequence[Int[np.ndarray, " _"]], rng: np.random.Generator) -> list[int]:
    """One sample with replacement of each stratum, as large as the stratum."""
    return [row for rows in parts for row in rows[rng.integers(0, len(rows), len(rows))].tolist()]


def interval(value: float, samples: Sequence[float], draws: int) -> Interval:
    """A figure, and 95 % of its samples around it; nan where too few of the draws had a value."""
    known = np.array([sample for sample in samples if math.isfinite(sample)])
    if not math.isfinite(value) or len(known) < _SURE * draws:
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(known, (0.025, 0.975))
    return Interval(value, float(low), float(high))
