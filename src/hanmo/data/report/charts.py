"""Funnel, histograms and shares as HTML: texts are HTML, which keeps its size on a phone; only bars are SVG.

Every chart also says its numbers in words or in a table, and no meaning hangs on a colour alone. It does not know where
the numbers come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hanmo.data.engine import COLLECT
from hanmo.data.funnel import Step
from hanmo.data.operator import Threshold
from hanmo.data.report.gather import ScoreFacts
from hanmo.data.report.histogram import Histogram, short
from hanmo.data.report.markup import Html, join, tag

_WIDEST = 70.0  # of a bar, in thousandths of the plot
COLORS = 8
"""Colours of the page's style sheet, --c1 to --c8; the last one is for what has none of its own."""


def count(number: int) -> str:
    """A whole number, by thousands."""
    return f"{number:,}"


def percent(part: int, whole: int) -> str:
    """A share; "-" of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


# --- funnel ----------------------------------------------------------------------------------------


def funnel_chart(steps: Sequence[Step], titles: Mapping[str, str]) -> Html:
    """A bar for each step, as wide as what came in: dark what went on, red what each operator kept back.

    Args:
        steps: in order.
        titles: of those that have a section of their own on the page.
    """
    most = max((step.came for step in steps), default=0) or 1
    return tag("ol", *(_step(step, most, titles) for step in steps), class_="funnel")


def _step(step: Step, most: int, titles: Mapping[str, str]) -> Html:
    lost = _losses(step)
    bars = [tag("i", class_="kept", style=f"flex-grow:{step.kept}")] if step.kept else []
    bars += [
        tag("i", class_=f"{kind} tint{number % 3}", style=f"flex-grow:{many}", title=f"{name}: {count(many)}")
        for number, (name, kind, many) in enumerate(lost)
    ]
    words = [tag("li", tag("b", count(many)), " ", _link(step, name, titles), class_=kind) for name, kind, many in lost]
    title = titles.get(step.name, step.name)
    return tag(
        "li",
        tag("h3", tag("a", title, href=f"#stage-{step.name}") if step.name in titles else title),
        tag("p", tag("b", count(step.kept)), f" of {count(step.came)}", class_="numbers"),
        tag("p", percent(step.kept, step.came), class_="share"),
        tag("div", *bars, class_="bar", style=f"width:{max(0.5, 100 * step.came / most):.2f}%", aria_hidden="true"),
        tag("ul", *(words or [tag("li", "nothing kept back", class_="none")]), class_="losses"),
        data_step=step.name,
        data_came=step.came,
        data_kept=step.kept,
    )


def _link(step: Step, loss: str, titles: Mapping[str, str]) -> Html:
    operator = loss.partition(":")[0]
    return tag("a", loss, href=f"#{step.name}-{operator}") if step.name in titles else tag("span", loss)


def _losses(step: Step) -> list[tuple[str, str, int]]:
    """(what, class, records), largest first."""
    found = [
        (name.replace("_", " ") if step.name == COLLECT else name, "dropped", many)
        for name, many in step.dropped.items()
    ]
    found += [(f"{name}: not measured", "failed", many) for name, many in step.failed.items()]
    return sorted(found, key=lambda item: (-item[2], item[0]))


# --- histograms ------------------------------------------------------------------------------------


def kept_range(threshold: Threshold | None) -> str:
    """What a threshold keeps, in words."""
    low, high = (None, None) if threshold is None else (threshold.low, threshold.high)
    match low, high:
        case None, None:
            return "no threshold"
        case float(), None:
            return f"kept from {short(low)}"
        case None, float():
            return f"kept up to {short(high)}"
        case float(), float():
            return f"kept from {short(low)} to {short(high)}"
    return ""


def histogram_chart(facts: ScoreFacts, histogram: Histogram) -> Html:
    """Bars of a score's values, its threshold as lines, and how many lie on each side."""
    total = [a + b for a, b in zip(histogram.inside, histogram.outside, strict=True)]
    highest = max(total, default=0) or 1
    bars = [_bar(histogram, number, highest) for number in range(len(total)) if total[number]]
    name = f"{facts.operator}.{facts.score}"
    words = f"Histogram of {name}: {count(facts.count)} values from {short(facts.low)} to {short(facts.high)}; "
    svg = tag(
        "svg",
        *bars,
        viewBox="0 0 1000 100",
        preserveAspectRatio="none",
        role="img",
        aria_label=words + _sides_text(facts),
    )
    note = {"log": "logarithmic", "linear": "", "values": ""}[histogram.scale]
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("b", facts.score),
            " ",
            tag("span", kept_range(facts.threshold), class_="range"),
            tag("span", note, class_="scale") if note else "",
        ),
        tag("div", svg, *_bounds(histogram), class_="area"),
        tag("div", *_ticks(histogram), class_="axis", aria_hidden="true"),
        _sides(facts),
        class_="plot",
        data_score=name,
        data_count=facts.count,
        data_below=facts.below,
        data_inside=facts.inside,
        data_above=facts.above,
    )


def _bar(histogram: Histogram, number: int, highest: int) -> Html:
    inside, outside, name = histogram.inside[number], histogram.outside[number], _bin_name(histogram, number)
    kept = "plain" if histogram.threshold is None else "kept"
    slot = 1000 / len(histogram.inside)
    width = min(slot, _WIDEST)
    left, gap = slot * number + (slot - width) / 2, width * 0.12
    parts, top = [], 100.0
    for many, kind in ((inside, kept), (outside, "dropped")):
        if many:
            height = max(100 * many / highest, 1.5)
            top -= height
            shape = {"x": f"{left + gap / 2:.1f}", "y": f"{max(top, 0):.1f}", "width": f"{width - gap:.1f}"}
            parts.append(tag("rect", class_=kind, height=f"{height:.1f}", **shape))
    sides = count(inside) if not outside else f"{count(inside)} kept, {count(outside)} not"
    return tag("g", tag("title", f"{name}: {sides}"), *parts)


def _bin_name(histogram: Histogram, number: int) -> str:
    if histogram.scale == "values":
        return short(histogram.edges[number])
    return f"{short(histogram.edges[number])} to {short(histogram.edges[number + 1])}"


def _bounds(histogram: Histogram) -> list[Html]:
    threshold = histogram.threshold or Threshold()
    lines = []
    for kind, sign, bound in (("low", "≥", threshold.low), ("high", "≤", threshold.high)):
        place = None if bound is None else histogram.border(bound, low=kind == "low")
        if bound is not None and place is not None and 0 <= place <= 1:
            text = tag("span", f"{sign} {short(bound)}")
            lines.append(tag("i", text, class_=f"bound {kind}", style=f"left:{100 * place:.2f}%", aria_hidden="true"))
    return lines


def _ticks(histogram: Histogram) -> list[Html]:
    return [tag("span", short(tick), style=f"left:{100 * histogram.place(tick):.2f}%") for tick in histogram.ticks()]


def _sides(facts: ScoreFacts) -> Html:
    parts: list[object] = []
    for many, what, kind in _counted(facts):
        parts += [tag("span", tag("b", count(many)), f" {what}", class_=kind), " "]
    return tag("p", *parts, class_="sides")


def _sides_text(facts: ScoreFacts) -> str:
    return ", ".join(f"{count(many)} {what}" for many, what, _ in _counted(facts))


def _counted(facts: ScoreFacts) -> list[tuple[int, str, str]]:
    threshold = facts.threshold
    if threshold is None:
        return [(facts.count, "measured", "plain")]
    found = [(facts.below, "below", "dropped")] if threshold.low is not None else []
    found.append((facts.inside, "kept by it", "kept"))
    if threshold.high is not None:
        found.append((facts.above, "above", "dropped"))
    return found


# --- shares ----------------------------------------------------------------------------------------


def shares_chart(facet: str, steps: Sequence[tuple[str, Counter[str]]]) -> Html:
    """How a set is made up, before the first stage and after each.

    Args:
        facet: what it is told by, such as "licence".
        steps: (title, what -> records), in order.
    """
    everything = sum((counts for _, counts in steps), Counter[str]())
    names = [name for name, _ in everything.most_common()]
    shown = names if len(names) <= COLORS else names[: COLORS - 1]
    others = names[len(shown) :]
    rows = [_stack(title, counts, shown, others) for title, counts in steps]
    first, last = steps[0][1], steps[-1][1]
    head = [tag("th", text, scope="col") for text in (facet, "collected", "went on", "change")]
    body = [_share_row(number, name, first, last) for number, name in enumerate(shown)]
    if others:
        known = [Counter({f"{len(others)} others": sum(one[name] for name in others)}) for one in (first, last)]
        for whole, part in zip((first, last), known, strict=True):
            part["rest"] = whole.total() - part.total()
        body.append(_share_row(COLORS - 1, f"{len(others)} others", known[0], known[1]))
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body))
    stacks = tag("div", *rows, class_="stacks", aria_hidden="true")
    return tag("section", tag("h3", facet.capitalize()), stacks, table, class_="facet", data_facet=facet)


def _stack(title: str, counts: Counter[str], shown: Sequence[str], others: Sequence[str]) -> Html:
    parts = [(name, counts[name]) for name in shown]
    if others:
        parts.append((f"{len(others)} others", sum(counts[name] for name in others)))
    total = counts.total()
    bars = [
        tag(
            "i",
            style=f"flex-grow:{many};background:var(--c{COLORS if number >= len(shown) else number + 1})",
            title=f"{name}: {count(many)} ({percent(many, total)})",
        )
        for number, (name, many) in enumerate(parts)
        if many
    ]
    return join((tag("span", title, class_="step"), tag("div", *bars, class_="bar"), tag("span", count(total))))


def _share_row(number: int, name: str, first: Counter[str], last: Counter[str]) -> Html:
    before, after = ((one[name], one.total()) for one in (first, last))
    points = 100 * after[0] / after[1] - 100 * before[0] / before[1] if before[1] and after[1] else 0.0
    change = f"{points:+.1f}".replace("-", "−") if abs(points) >= 0.05 else "±0.0"
    swatch = tag("i", class_="swatch", style=f"background:var(--c{number + 1})", aria_hidden="true")
    cells = [
        tag("td", tag("b", count(many)), " ", tag("span", percent(many, whole))) for many, whole in (before, after)
    ]
    return tag(
        "tr",
        tag("th", swatch, name, scope="row"),
        *cells,
        tag("td", change),
        data_what=name,
        data_before=before[0],
        data_after=after[0],
    )
