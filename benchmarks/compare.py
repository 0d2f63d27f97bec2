"""Timing two implementations side by side: the same inputs, interleaved, in one process.

A machine is never quiet. Taking turns within milliseconds lets both sides meet the same neighbours, and the
median of many turns forgets the worst of them. CPU time is given beside wall time: at one thread it does not
see neighbours at all. It knows nothing of what is being timed.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from torch import Tensor

Work = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds of one piece of work over `runs` turns: wall clock, and CPU time of all threads."""

    minimum: float
    median: float
    cpu_median: float
    runs: int

    def plus(self, seconds: float) -> Timing:
        """The same turns, each longer by a share of some work that was done once."""
        return Timing(self.minimum + seconds, self.median + seconds, self.cpu_median + seconds, self.runs)


@dataclass(frozen=True)
class Row:
    """One line of a table: ours against the reference.

    `ratio` is reference / ours, of the medians of wall time: above 1 we are faster. `difference` is the
    largest deviation of the outputs relative to the reference's largest value, if there is one.
    """

    name: str
    hanmo: Timing
    reference: Timing
    target: float | None = None
    difference: float | None = None

    @property
    def ratio(self) -> float:
        return self.reference.median / self.hanmo.median

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.ratio >= self.target

    def to_dict(self) -> dict[str, object]:
        return {
            **asdict(self),
            "ratio": self.ratio,
            "ratio_of_minima": self.reference.minimum / self.hanmo.minimum,
            "ratio_of_cpu": self.reference.cpu_median / self.hanmo.cpu_median,
            "met": self.met,
        }


def interleave(works: Mapping[str, Work], runs: int, warmup: int = 1) -> dict[str, Timing]:
    """Run every piece of work `runs` times, taking turns; the order is reversed at every other turn.

    Args:
        works: what to run, by name.
        runs: turns that count, at least 1.
        warmup: turns before them that do not count.
    """
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(-warmup, runs):
        names = list(works) if turn % 2 == 0 else list(reversed(works))
        for name in names:
            before, before_cpu = time.perf_counter(), time.process_time()
            works[name]()
            seconds, cpu_seconds = time.perf_counter() - before, time.process_time() - before_cpu
            if turn >= 0:
                wall[name].append(seconds)
                cpu[name].append(cpu_seconds)
    return {
        name: Timing(min(wall[name]), statistics.median(wall[name]), statistics.median(cpu[name]), runs)
        for name in works
    }


def compare(
    name: str,
    ours: Work,
    reference: Work,
    runs: int,
    target: float | None = None,
    difference: float | None = None,
) -> Row:
    """`interleave` of two, as a row."""
    timings = interleave({"hanmo": ours, "reference": reference}, runs)
    return Row(name, timings["hanmo"], timings["reference"], target, difference)


def relative(ours: Tensor, reference: Tensor) -> float:
    """Largest difference relative to the reference's largest magnitude."""
    return float((ours.float() - reference.float()).abs().max() / reference.float().abs().max())


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; times in milliseconds."""
    lines = [
        "| what | Hanmo min / median ms | reference min / median | ratio | of CPU | target | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        target = "-" if row.target is None else f"{row.target:.2f} {'met' if row.met else 'MISSED'}"
        difference = "-" if row.difference is None else f"{row.difference:.1e}"
        cpu = row.reference.cpu_median / row.hanmo.cpu_median
        lines.append(
            f"| {row.name} | {1e3 * row.hanmo.minimum:.1f} / {1e3 * row.hanmo.median:.1f} "
            f"| {1e3 * row.reference.minimum:.1f} / {1e3 * row.reference.median:.1f} "
            f"| **{row.ratio:.2f}** | {cpu:.2f} | {target} | {difference} |"
        )
    return "\n".join(lines)


def show(rows: Sequence[Row]) -> None:
    """Print the table, then all figures as one line of JSON."""
    print(table(rows))
    sys.stdout.write(json.dumps([row.to_dict() for row in rows]) + "\n")
