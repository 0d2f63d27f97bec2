"""Curves of a run as SVG: one plot for each kind of number, with its lines, axis, last values and a table for readers.

No meaning hangs on a colour alone: every line's name stands beside its last value. It does not know where the numbers
come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanmo.data.report.markup import Html, join, tag

Points = Sequence[tuple[float, float]]
"""(step, value), in order of steps."""
WIDE, HIGH = 1000.0, 100.0
MOST = 400
"""Points of a line; more are thinned out by means, which a screen cannot tell apart."""
COLORS = 8


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        title: for people.
        lines: name -> points, in the order in which they are named.
        log: whether its axis is logarithmic; values must then be above 0.
        percent: whether values are shares, on an axis from 0 to 1.
    """

    title: str
    lines: Mapping[str, Points]
    log: bool = False
    percent: bool = False


def plot_chart(plot: Plot, last_step: float) -> Html:
    """A plot as a figure: heading, axis with values, lines, steps below, and each line's last value."""
    values = [value for points in plot.lines.values() for _, value in points]
    low, high = _range(values, plot)
    place = _Place(low, high, plot.log, max(last_step, 1.0))
    drawn = [_line(number, points, place) for number, points in enumerate(plot.lines.values())]
    words = ", ".join(f"{name} {_short(points[-1][1], plot)}" for name, points in plot.lines.items())
    svg = tag(
        "svg",
        *drawn,
        viewBox=f"0 0 {WIDE:g} {HIGH:g}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{plot.title} over {last_step:,.0f} steps; at the end {words}",
    )
    ticks = [tag("span", _short(value, plot), style=f"bottom:{HIGH - place.y(value):.2f}%") for value in place.ticks()]
    rules = [tag("i", style=f"bottom:{HIGH - place.y(value):.2f}%") for value in place.ticks()]
    return tag(
        "figure",
        tag("figcaption", tag("b", plot.title), tag("span", "logarithmic", class_="scale") if plot.log else ""),
        tag(
            "div",
            tag("div", *ticks, class_="values", aria_hidden="true"),
            tag("div", *rules, svg, class_="curve"),
            class_="curved",
        ),
        tag("div", tag("span", "step 0"), tag("span", f"{last_step:,.0f}"), class_="steps", aria_hidden="true"),
        tag("ul", *(_entry(number, name, points, plot) for number, (name, points) in enumerate(plot.lines.items()))),
        class_="plot",
        data_plot=plot.title,
    )


@dataclass(frozen=True)
class _Place:
    """Where a step and a value lie, in the SVG's units."""

    low: float
    high: float
    log: bool
    last: float

    def x(self, step: float) -> float:
        return WIDE * step / self.last

    def y(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(value)
        return HIGH - HIGH * (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Two to five round values in the range."""
        if self.log:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            decades = [10.0**power for power in range(first, last + 1)]
            if len(decades) >= 2:
                return decades[:: math.ceil(len(decades) / 5)]
            for digits in ((1, 2, 5), range(1, 10)):
                marks = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in digits]
                inside = [mark for mark in marks if self.low <= mark <= self.high]
                if len(inside) >= 2:
                    break
            return inside[:: math.ceil(len(inside) / 5)] if inside else []
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 4.5)
        first = math.ceil(self.low / step - 1e-9)
        return [round(index * step, 12) for index in range(first, first + 6) if index * step <= self.high * (1 + 1e-9)]


def _range(values: Sequence[float], plot: Plot) -> tuple[float, float]:
    if plot.percent:
        return 0.0, max(1.0, *values)
    low, high = min(values), max(values)
    if plot.log:
        return low / 1.1, high * 1.1
    low = min(0.0, low)  # a speed or a rate is read against nothing
    return (low, high * 1.05) if high > low else (low, low + 1.0)


def _line(number: int, points: Points, place: _Place) -> Html:
    kept = thin(points)
    path = " ".join(f"{place.x(step):.1f},{place.y(value):.2f}" for step, value in kept)
    color = f"var(--c{number % COLORS + 1})"
    if len(kept) == 1:  # a dash, where there is no line yet
        x, y = place.x(kept[0][0]), place.y(kept[0][1])
        path = f"{max(x - 8, 0):.1f},{y:.2f} {x:.1f},{y:.2f}"
    return tag("polyline", points=path, style=f"stroke:{color}", vector_effect="non-scaling-stroke")


def thin(points: Points, most: int = MOST) -> Points:
    """At most `most` points: means of neighbours, the first and the last as they are."""
    if len(points) <= most:
        return points
    size = math.ceil((len(points) - 2) / (most - 2))
    groups = [points[at : at + size] for at in range(1, len(points) - 1, size)]
    means = [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
    return [points[0], *means, points[-1]]


def _entry(number: int, name: str, points: Points, plot: Plot) -> Html:
    swatch = tag("i", class_="swatch", style=f"background:var(--c{number % COLORS + 1})", aria_hidden="true")
    last = points[-1][1]
    extreme = ""
    if len(points) > 1:
        low, high = (pick(value for _, value in points) for pick in (min, max))
        extreme = f"{_short(low, plot)} to {_short(high, plot)}"
    return tag("li", join((swatch, name, " ", tag("b", _short(last, plot)), " ", tag("small", extreme))))


def _short(value: float, plot: Plot) -> str:
    if plot.percent:
        return f"{100 * value:.0f}%" if value in (0.0, 1.0) else f"{100 * value:.1f}%".replace(".0%", "%")
    if value and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
