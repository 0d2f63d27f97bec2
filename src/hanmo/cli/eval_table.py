"""The table that `hanmo eval` prints: figure, 95 % interval, unjudged share."""

from __future__ import annotations

import math

from hanmo.evaluate.catalog import CATALOG, benchmark
from hanmo.evaluate.types import Interval, Report


def table(report: Report) -> list[str]:
    """Lines: what was judged, then a line a figure."""
    percent, lower = _style(report)
    head = f"{report.title}: {report.prompts} prompts, {report.pictures} pictures"
    quirks = ", with the official script's quirks" if report.compat else ""
    lines = [("figure", "value", "95 % interval")]
    for name, figure in report.metrics.items():
        words = name + (" (lower is better)" if name in lower else "")
        lines.append((words, _number(figure.value, percent), _interval(figure, percent)))
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    rows = [f"{name:<{widths[0]}}  {value:>{widths[1]}}  {interval:>{widths[2]}}" for name, value, interval in lines]
    share = f"unjudged: {report.unjudged} of {report.scores} scores ({100 * report.unjudged_share:.1f} %)"
    return [f"{head}{quirks}", *rows, share]


def _style(report: Report) -> tuple[bool, frozenset[str]]:
    """Whether figures are shares, and which are better when lower; neither where the catalog does not know."""
    if report.benchmark not in CATALOG:
        return False, frozenset()
    made = benchmark(report.benchmark)
    return made.percent, made.lower_is_better


def _interval(figure: Interval, percent: bool) -> str:
    known = math.isfinite(figure.low) and math.isfinite(figure.high)
    return f"{_number(figure.low, percent)} - {_number(figure.high, percent)}" if known else "not known"


def _number(value: float, percent: bool) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{100 * value:.1f} %" if percent else f"{value:.3f}"
