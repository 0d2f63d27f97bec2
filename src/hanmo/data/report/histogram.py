"""How the values of a score lie: counts in bins, on both sides of its threshold.

A score of few different values gets a bar for each of them. One of many gets bins of equal width, on a scale that is
logarithmic (log of 1 + x) where values reach over orders of magnitude and the median would vanish at the left. Each
bin counts what lies within the threshold and what does not, so that a bin that it cuts is told right.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hanmo.data.operator import Threshold
from hanmo.data.report.gather import ScoreFacts

BINS = 48
_WIDE = 8.0  # largest value in medians from which a scale is logarithmic
_TICKS = 6

Scale = Literal["values", "linear", "log"]


@dataclass
class Histogram:
    """Bins of one score.

    Attributes:
        scale: a bar for each value, or bins of a linear or logarithmic scale.
        edges: rising; for "values" the values themselves.
        inside: records of each bin that the threshold keeps; all where there is none.
        outside: the others.
    """

    scale: Scale
    edges: list[float]
    threshold: Threshold | None
    inside: list[int] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Empty bins."""
        bins = len(self.edges) if self.scale == "values" else len(self.edges) - 1
        self.inside, self.outside = [0] * bins, [0] * bins

    def add(self, value: float, count: int = 1) -> None:
        """Count a value."""
        side = self.inside if self.threshold is None or self.threshold.holds(value) else self.outside
        side[self._bin(value)] += count

    def _bin(self, value: float) -> int:
        if self.scale == "values":
            return self.edges.index(value)
        return min(max(bisect_right(self.edges, value) - 1, 0), len(self.inside) - 1)

    def place(self, value: float) -> float:
        """Where on the axis a value stands, 0 (left) to 1 (right); outside that beyond the ends."""
        if self.scale == "values":
            return _between(self.edges, value)
        low, high, here = (_on(self.scale, x) for x in (self.edges[0], self.edges[-1], value))
        return (here - low) / (high - low)

    def border(self, bound: float, *, low: bool) -> float:
        """Where on the axis a threshold's line stands: between what it keeps and what it does not."""
        if self.scale != "values":
            return self.place(bound)
        return sum(1 for value in self.edges if value < bound or (value == bound and not low)) / len(self.edges)

    def ticks(self) -> list[float]:
        """Values to write under the axis."""
        if self.scale == "values":
            return self.edges
        low, high = self.edges[0], self.edges[-1]
        if self.scale == "log":
            ends = range(math.ceil(math.log10(max(high, 1))) + 1)
            decades = [0.0, *(10.0**power for power in ends)]
            return [tick for tick in decades[:: math.ceil(len(decades) / _TICKS)] if low <= tick <= high]
        step = _round_step((high - low) / _TICKS)
        first = math.ceil(low / step)
        return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def histogram_of(facts: ScoreFacts) -> Histogram:
    """Empty bins for a score; a score of few values is counted already."""
    if not facts.many:
        histogram = Histogram("values", sorted(facts.values), facts.threshold)
        for value, count in facts.values.items():
            histogram.add(value, count)
        return histogram
    low, high = facts.low, facts.high
    bounds = [] if facts.threshold is None else [facts.threshold.low, facts.threshold.high]
    near = [bound for bound in bounds if bound is not None and abs(bound - (low + high) / 2) <= high - low]
    low, high = min(low, *near, math.inf), max(high, *near, -math.inf)  # one just beyond the values is worth seeing
    wide = low >= 0 and high > 100 and high > _WIDE * max(facts.median(), 1e-12)
    scale: Scale = "log" if wide else "linear"
    return Histogram(scale, _edges(scale, low, high, near[0] if near else low), facts.threshold)


def _edges(scale: Scale, low: float, high: float, edge: float) -> list[float]:
    """Edges of equal width on a scale, one of which is `edge`, so that no bin has it in its middle."""
    first, last, at = (_on(scale, value) for value in (low, high, edge))
    width = (last - first) / BINS
    before, after = math.ceil((at - first) / width - 1e-9), math.ceil((last - at) / width - 1e-9)
    edges = [_off(scale, at + width * number) for number in range(-before, after + 1)]
    edges[before] = edge
    if scale == "log" and low >= 0:
        edges[0] = max(edges[0], 0.0)
    return edges


def fill(histograms: Mapping[str, Histogram], values: Iterable[tuple[str, float]]) -> None:
    """Count values into the histograms of their names."""
    for key, value in values:
        histograms[key].add(value)


def short(value: float) -> str:
    """A number for people: 0.25, 1,200, 64k, 1.3M."""
    size = abs(value)
    for least, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= least:
            return f"{value / {'G': 1e9, 'M': 1e6, 'k': 1e3}[unit]:.3g}{unit}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _between(values: list[float], value: float) -> float:
    """Each value has a slot of equal width; what lies between two stands on the border of theirs."""
    below = sum(1 for other in values if other < value)
    return (below + (0.5 if value in values else 0.0)) / len(values)


def _on(scale: Scale, value: float) -> float:
    return math.log1p(max(value, 0.0)) if scale == "log" else value


def _off(scale: Scale, value: float) -> float:
    return math.expm1(value) if scale == "log" else value


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= step * 0.999)
