"""Shares of successes and how far chance may have moved them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# The 97.5 % point of the normal distribution: two-sided 95 % intervals.
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """`hits` of `count`, with the Wilson 95 % interval; an empty one is 0 of 0 with the interval (0, 1)."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.count)

    def to_dict(self) -> dict[str, object]:
        low, high = self.interval
        return {"hits": self.hits, "count": self.count, "share": self.value, "low": low, "high": high}

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.value:5.1f} % of {self.count:4d}  [{100 * low:.1f}, {100 * high:.1f}]"


def share(outcomes: Iterable[bool]) -> Share:
    """Count outcomes."""
    kept = list(outcomes)
    return Share(sum(kept), len(kept))


def wilson(hits: int, count: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson score interval of a share: honest near 0 and 1, where the textbook's one is not.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
    """
    if count == 0:
        return 0.0, 1.0
    p, n = hits / count, float(count)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)
