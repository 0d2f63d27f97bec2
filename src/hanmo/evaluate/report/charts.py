"""Bars with whiskers and radar plots as SVG: no script, no font, nothing from elsewhere.

Texts beside bars are HTML, which keeps its size on a phone; every number that is drawn stands in words too, and no
meaning hangs on a colour alone: published scores are dashed or hatched. It does not know where the numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanmo.data.report.markup import Html, join, tag
from hanmo.evaluate.types import Interval

WIDE, HIGH = 1000.0, 24.0
COLORS = 8
_SIDE, _RADIUS = 560.0, 190.0
_LONGEST = 22


def bar(figure: Interval, full: float, words: str, marks: Sequence[tuple[str, float]] = (), color: int = 1) -> Html:
    """A figure as a bar, its interval as a whisker, published scores as thin marks.

    Args:
        figure: its value and interval; a bar of nan is empty.
        full: the value at the right end; the left end is 0.
        words: what is drawn, for those who do not see it.
        marks: (what, value) of published scores.
        color: of the bar, 1 to `COLORS`; 0 is hatched, for what was published.
    """
    parts: list[Html] = [tag("rect", class_="track", x=0, y=3, width=WIDE, height=18)]
    if math.isfinite(figure.value):
        shape = {"x": 0, "y": 3, "width": f"{_x(figure.value, full):.1f}", "height": 18}
        parts.append(tag("rect", class_="published" if color == 0 else f"fill{color}", **shape))
    parts += [
        tag("line", tag("title", what), class_="mark", x1=x, x2=x, y1=0, y2=HIGH)
        for what, value in marks
        for x in [f"{_x(value, full):.1f}"]
    ]
    if math.isfinite(figure.value) and figure.high > figure.low:
        low, high = f"{_x(figure.low, full):.1f}", f"{_x(figure.high, full):.1f}"
        ends = ((low, high, 12, 12), (low, low, 7, 17), (high, high, 7, 17))
        for kind in ("halo", "whisker"):
            parts += [tag("line", class_=kind, x1=a, x2=b, y1=top, y2=end) for a, b, top, end in ends]
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDE:g} {HIGH:g}",
        preserveAspectRatio="none",
        class_="bars",
        role="img",
        aria_label=words,
    )


def _x(value: float, full: float) -> float:
    return WIDE * min(1.0, max(0.0, value / full))


@dataclass(frozen=True)
class Line:
    """One closed line of a radar plot.

    Attributes:
        name: what it shows.
        values: by axis, each a part of the axis' end, 0-1; a gap where one is missing.
        published: whether it is dashed.
    """

    name: str
    values: Mapping[str, float]
    published: bool = False


def radar(axes: Sequence[tuple[str, str]], lines: Sequence[Line], title: str) -> Html:
    """Lines around a centre, one axis for each figure.

    Args:
        axes: (name, what stands at its end), three or more.
        lines: what is drawn, in the order of their colours.
        title: for those who do not see it.
    """
    count = len(axes)
    places = [_ray(number, count) for number in range(count)]
    rings = [
        tag("polygon", class_="ring", points=" ".join(_point(x * part, y * part) for x, y in places))
        for part in (0.25, 0.5, 0.75, 1.0)
    ]
    centre = _SIDE / 2
    spokes = [tag("line", class_="ring", x1=centre, y1=centre, x2=_at(x), y2=_at(y)) for x, y in places]
    drawn = [_outline(number, line, [name for name, _ in axes], places) for number, line in enumerate(lines, 1)]
    names = [_axis(name, end, x, y) for (name, end), (x, y) in zip(axes, places, strict=True)]
    return tag(
        "svg",
        *rings,
        *spokes,
        *drawn,
        *names,
        viewBox=f"-50 20 {_SIDE + 100:g} {_SIDE - 40:g}",
        class_="radar",
        role="img",
        aria_label=title,
    )


def _ray(number: int, count: int) -> tuple[float, float]:
    angle = 2 * math.pi * number / count - math.pi / 2
    return math.cos(angle), math.sin(angle)


def _at(part: float) -> str:
    return f"{_SIDE / 2 + _RADIUS * part:.1f}"


def _point(x: float, y: float) -> str:
    return f"{_at(x)},{_at(y)}"


def _outline(number: int, line: Line, names: Sequence[str], places: Sequence[tuple[float, float]]) -> Html:
    """Closed where all axes have values; else only the points and what joins neighbours."""
    parts = [line.values.get(name) for name in names]
    points = [None if part is None else _point(x * part, y * part) for part, (x, y) in zip(parts, places, strict=True)]
    kind = f"line{(number - 1) % COLORS + 1}{' dashed' if line.published else ''}"
    drawn: list[Html] = []
    if None not in points:
        drawn.append(tag("polygon", class_="shape", points=" ".join(str(point) for point in points)))
    else:
        for index, point in enumerate(points):
            following = points[(index + 1) % len(points)]
            if point is not None and following is not None:
                drawn.append(tag("polyline", class_="shape", points=f"{point} {following}"))
    for point in points:
        if point is not None:
            x, y = point.split(",")
            drawn.append(tag("circle", cx=x, cy=y, r=4))
    return tag("g", tag("title", line.name), *drawn, class_=kind)


def _axis(name: str, end: str, x: float, y: float) -> Html:
    anchor = "middle" if abs(x) < 0.3 else "start" if x > 0 else "end"
    short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    top = _SIDE / 2 + (_RADIUS + 22) * y - (6 if y < -0.5 else 0)
    left = f"{_SIDE / 2 + (_RADIUS + 14) * x:.1f}"
    place = {"x": left, "text_anchor": anchor}
    return tag(
        "g",
        tag("title", f"{name}, to {end}"),
        tag("text", short, y=f"{top:.1f}", **place),
        tag("text", end, class_="end", y=f"{top + 18:.1f}", **place),
    )


def legend(lines: Sequence[tuple[str, bool]]) -> Html:
    """Names with their colours; (name, whether it was published)."""
    items = [
        tag(
            "li",
            tag("i", class_=f"swatch fill{number % COLORS + 1}{' dashed' if told else ''}", aria_hidden="true"),
            name,
        )
        for number, (name, told) in enumerate(lines)
    ]
    return tag("ul", join(items), class_="legend")
