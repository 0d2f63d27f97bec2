"""A comparison as a page: tables, radar and bars, differences, and the pictures of each prompt beside each other.

It does not know how the comparison was made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from hanmo.data.report.markup import Html, join, tag
from hanmo.evaluate.report.charts import COLORS, Line, bar, legend, radar
from hanmo.evaluate.report.compared_cards import side_by_side
from hanmo.evaluate.report.compared_text import difference_words
from hanmo.evaluate.report.comparison import Comparison, Pair, Run, value_of
from hanmo.evaluate.report.figures import label
from hanmo.evaluate.report.notes import published_cell, reference_notes, run_facts
from hanmo.evaluate.report.pages import anchor, language, summary, whole_page
from hanmo.evaluate.report.paired import beyond_chance
from hanmo.evaluate.report.pictures import PICTURE_BYTES, Pictures
from hanmo.evaluate.report.text import unjudged_line
from hanmo.evaluate.types import Interval

_AXES = 12
"""Most axes of a radar plot; more cannot be read."""


def page(compared: Sequence[Comparison], home: Path, picture_bytes: int = PICTURE_BYTES) -> str:
    """The page of a comparison.

    Args:
        compared: by benchmark.
        home: the folder that the page will lie in.
        picture_bytes: bytes of pictures within the page; those beyond are read from the runs.
    """
    runs = [run for one in compared for run in one.runs]
    names = list(dict.fromkeys(run.name for run in runs))
    facts = [
        (f"{len(names):,}", "generators" if len(names) != 1 else "generator"),
        (f"{len(compared):,}", "benchmarks" if len(compared) != 1 else "benchmark"),
    ]
    facts += [(f"{len(runs):,}", "runs"), (f"{sum(run.report.pictures for run in runs):,}", "pictures")]
    sections: dict[str, Html] = {}
    if len(compared) > 1:
        sections["Overview"] = _overview(compared, names)
    sections |= {"Figures" if len(compared) == 1 else one.title: _benchmark(one) for one in compared}
    pictures = Pictures(home, picture_bytes)
    sections["Pictures"] = side_by_side(compared, pictures)
    sections["Runs"] = join(
        tag(
            "details", tag("summary", tag("h3", f"{run.name}, {run.report.title}")), run_facts(run.report), class_="run"
        )
        for run in runs
    )
    title = compared[0].title if len(compared) == 1 else "Comparison"
    under = tag("p", *_commas(tag("b", name, lang=language(name)) for name in names), class_="under")
    return whole_page(title, "Hanmo comparison", under, summary(facts), sections)


def _commas(parts: Iterable[Html]) -> list[object]:
    found: list[object] = []
    for part in parts:
        found += [", ", part] if found else [part]
    return found


# --- several benchmarks ----------------------------------------------------------------------------


def _overview(compared: Sequence[Comparison], names: Sequence[str]) -> Html:
    """The first figure of every benchmark, a column for each generator."""
    rows = []
    for one in compared:
        first = one.figures[0] if one.figures else ""
        by_name = {run.name: run for run in one.runs}
        cells = [_figure_cell(one, by_name.get(name), first, name) for name in names]
        words = [tag("a", one.title, href=f"#{anchor(one.title)}"), tag("small", " ", label(first))]
        rows.append(tag("tr", tag("th", *words, scope="row"), *cells))
    heads = [tag("th", "benchmark", scope="col"), *(tag("th", name, scope="col") for name in names)]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="figures compared")
    plot = _overview_radar(compared, names)
    return join((tag("p", "The first figure of each benchmark.", class_="lead"), _scrolled(table), plot))


def _overview_radar(compared: Sequence[Comparison], names: Sequence[str]) -> Html:
    usable = [one for one in compared if one.figures and one.figures[0] not in one.style.lower]
    if not 3 <= len(usable) <= _AXES:
        return Html("")
    ends = {one.title: _end(one, one.figures[0]) for one in usable}
    lines = []
    for name in names:
        values = {}
        for one in usable:
            for run in one.runs:
                value = value_of(run, one.figures[0]).value
                if run.name == name and math.isfinite(value):
                    values[one.title] = value / ends[one.title]
        lines.append(Line(name, values))
    axes = [(one.title, one.style.number(ends[one.title])) for one in usable]
    return _plot(radar(axes, lines, "The first figures of all benchmarks"), lines)


# --- one benchmark ---------------------------------------------------------------------------------


def _benchmark(one: Comparison) -> Html:
    lead = "The best run is in bold. "
    if one.published:
        lead += "Columns in italics are published, not measured here."
    return join(
        (
            tag("p", lead, class_="lead"),
            _warnings(one),
            _scrolled(_table(one)),
            reference_notes(one.published, one.figures),
            tag("div", _radar(one), _bars(one), class_="plots-row"),
            _differences(one),
        )
    )


def _warnings(one: Comparison) -> Html:
    if not one.warnings:
        return Html("")
    items = [tag("li", warning) for warning in one.warnings]
    return tag(
        "div", tag("p", tag("b", "These runs were not made alike.")), tag("ul", *items), class_="warning", role="note"
    )


def _table(one: Comparison) -> Html:
    heads = [tag("th", "figure", scope="col"), *(tag("th", run.name, scope="col") for run in one.runs)]
    heads += [tag("th", other.model, tag("small", "published"), scope="col", class_="told") for other in one.published]
    rows = []
    for name in one.figures:
        arrow = [" ", tag("small", "↓ lower is better")] if name in one.style.lower else []
        cells = [_figure_cell(one, run, name, run.name) for run in one.runs]
        cells += [published_cell(other, name, one.style) for other in one.published]
        rows.append(tag("tr", tag("th", label(name), *arrow, scope="row"), *cells, data_figure=name))
    counts = [tag("td", unjudged_line(run.report), data_label=run.name, class_="counts") for run in one.runs]
    last = tag(
        "tr", tag("th", "judged", scope="row"), *counts, *(tag("td", class_="nothing-told") for _ in one.published)
    )
    return tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows, last), class_="figures compared")


def _figure_cell(one: Comparison, run: Run | None, name: str, column: str) -> Html:
    if run is None or name not in run.report.metrics:
        return tag("td", "–", data_label=column)
    figure = run.report.metrics[name]
    best = run in one.best(name)
    number = tag("b" if best else "span", one.style.number(figure.value), class_="best" if best else None)
    return tag("td", tag("span", number, tag("small", one.style.interval(figure))), data_label=column)


def _scrolled(table: Html) -> Html:
    return tag("div", table, class_="wide scrolled", tabindex=0, role="region", aria_label="Figures")


def _end(one: Comparison, name: str) -> float:
    values = [value for run in one.runs for value in (value_of(run, name).value, value_of(run, name).high)]
    return one.style.full([*values, *(other.figures[name] for other in one.published if name in other.figures)])


def _radar(one: Comparison) -> Html:
    """All figures that are better when higher; none where fewer than three."""
    names = [name for name in one.figures if name not in one.style.lower][:_AXES]
    if len(names) < 3:
        return Html("")
    ends = {name: _end(one, name) for name in names}
    lines = [
        Line(
            run.name,
            {label(name): value / ends[name] for name in names if math.isfinite(value := value_of(run, name).value)},
        )
        for run in one.runs
    ]
    lines += [
        Line(
            other.model,
            {label(name): other.figures[name] / ends[name] for name in names if name in other.figures},
            True,
        )
        for other in one.published
        if sum(name in other.figures for name in names) >= 3
    ]
    axes = [(label(name), one.style.number(ends[name])) for name in names]
    return _plot(radar(axes, lines, f"{one.title}: {', '.join(label(name) for name in names)}"), lines)


def _plot(svg: Html, lines: Sequence[Line]) -> Html:
    return tag(
        "figure",
        svg,
        legend([(line.name + (", published" if line.published else ""), line.published) for line in lines]),
        class_="radar-box",
    )


def _bars(one: Comparison) -> Html:
    groups = []
    for name in one.figures[:_AXES]:
        end = _end(one, name)
        rows = [
            _bar_row(run.name, value_of(run, name), end, number % COLORS + 1, one)
            for number, run in enumerate(one.runs)
            if not math.isnan(value_of(run, name).value)
        ]
        rows += [
            _bar_row(f"{other.model}, published", Interval(value, value, value), end, 0, one)
            for other in one.published
            if (value := other.figures.get(name)) is not None
        ]
        arrow = tag("small", "↓ lower is better") if name in one.style.lower else ""
        groups.append(tag("section", tag("h3", label(name), " ", arrow), tag("ul", *rows)))
    return tag("div", *groups, class_="bar-box")


def _bar_row(name: str, figure: Interval, end: float, color: int, one: Comparison) -> Html:
    number = one.style.published(figure.value) if color == 0 else one.style.number(figure.value)
    words = f"{name}: {number}"
    drawn = bar(figure, end, words, color=color)
    return tag("li", tag("span", name, class_="who"), drawn, tag("b", number), class_="told" if color == 0 else None)


def _differences(one: Comparison) -> Html:
    if not one.pairs:
        return Html("")
    lead = "Both runs are resampled on the same prompts (paired bootstrap, 95 %)."
    boxes = [_pair(pair, one) for pair in one.pairs]
    return tag("div", tag("h3", "Differences"), tag("p", lead, class_="note"), *boxes, class_="differences")


def _pair(pair: Pair, one: Comparison) -> Html:
    name = f"{pair.other} minus {pair.one}"
    if pair.figures is None:
        words = "not tested: the two runs were not asked and judged alike"
        return tag("p", tag("b", name), ": ", words, class_="pair-line")
    rows = [
        tag(
            "div",
            tag("dt", label(figure)),
            tag("dd", difference_words(value, one.style), class_="sure" if beyond_chance(value) else None),
            data_figure=figure,
        )
        for figure, value in pair.figures.items()
    ]
    return tag(
        "div", tag("p", tag("b", name)), tag("dl", *rows), class_="pair-box", data_one=pair.one, data_other=pair.other
    )
