"""A comparison as Markdown for people and as JSON for programs. It does not know how it was made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from hanmo.evaluate.report.comparison import Comparison, Pair, value_of
from hanmo.evaluate.report.figures import Style, label
from hanmo.evaluate.report.markdown import cell, notes, table, told
from hanmo.evaluate.report.paired import beyond_chance
from hanmo.evaluate.report.reference import PUBLISHED
from hanmo.evaluate.report.text import unjudged_line
from hanmo.evaluate.run_folder import finite
from hanmo.evaluate.types import Interval, Json


def markdown(compared: Sequence[Comparison]) -> str:
    """Tables of all benchmarks; the best run in bold, published scores in italics."""
    lines = ["# Comparison", ""]
    for one in compared:
        lines += [f"## {cell(one.title)}", "", *_markdown(one), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown(one: Comparison) -> list[str]:
    lines = [f"> Not alike: {cell(warning)}  " for warning in one.warnings]
    lines += [""] if lines else []
    head = ["figure", *(cell(run.name) for run in one.runs), *(f"*{cell(other.model)}*" for other in one.published)]
    rows = []
    for name in one.figures:
        best = one.best(name)
        cells = [_measured(value_of(run, name), one.style, run in best) for run in one.runs]
        arrow = " ↓" if name in one.style.lower else ""
        rows.append([label(name) + arrow, *cells, *(told(other, name, one.style) for other in one.published)])
    lines += table(head, rows)
    lines += ["", *(f"- {cell(run.name)}: {unjudged_line(run.report)}" for run in one.runs)]
    lines += notes(one.published, one.figures, one.style)
    if one.pairs:
        lines += ["", "Differences, with 95 % intervals of a paired bootstrap over prompts:", ""]
        lines += [f"- {cell(line)}" for pair in one.pairs for line in pair_lines(pair, one.style)]
    return lines


def _measured(figure: Interval, style: Style, best: bool) -> str:
    number = f"**{style.number(figure.value)}**" if best else style.number(figure.value)
    return number if math.isnan(figure.value) else f"{number} ({style.interval(figure)})"


def pair_lines(pair: Pair, style: Style) -> list[str]:
    """The difference of two runs in words, the headline first."""
    if pair.figures is None:
        return [f"{pair.other} and {pair.one}: not tested, they were not asked and judged alike"]
    lines = []
    for name, figure in pair.figures.items():
        lines.append(f"{pair.other} minus {pair.one}, {label(name)}: {difference_words(figure, style)}")
    return lines


def difference_words(figure: Interval, style: Style) -> str:
    """A difference with its sign and interval, and whether it is more than chance."""
    if math.isnan(figure.low):
        return "unknown"
    factor, digits = (100.0, 1) if style.percent else (1.0, 3)
    value, low, high = (f"{factor * number:+.{digits}f}" for number in (figure.value, figure.low, figure.high))
    unit = " points" if style.percent else ""
    verdict = "more than chance" if beyond_chance(figure) else "could be chance"
    return f"{value}{unit} ({low} to {high}), {verdict}".replace("-", "−")


def as_json(compared: Sequence[Comparison]) -> Json:
    """All of it for programs; what is not a number is null."""
    return {"benchmarks": [finite(_json(one)) for one in compared]}


def _json(one: Comparison) -> Json:
    return {
        "benchmark": one.benchmark,
        "title": one.title,
        "percent": one.style.percent,
        "lower_is_better": sorted(one.style.lower),
        "warnings": list(one.warnings),
        "runs": [{"name": run.name, **run.report.to_dict()} for run in one.runs],
        "published": [
            {**asdict(other), "unverified": sorted(other.unverified), "measured": PUBLISHED} for other in one.published
        ],
        "pairs": [
            {
                "one": pair.one,
                "other": pair.other,
                "differences": None
                if pair.figures is None
                else {
                    name: {**asdict(figure), "beyond_chance": beyond_chance(figure)}
                    for name, figure in pair.figures.items()
                },
            }
            for pair in one.pairs
        ],
    }
