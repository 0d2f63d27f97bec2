"""Every sample of a run: what was asked for, the pictures, what the judge saw, the score or why there is none.

Samples carry their groups, values and state as data, by which the page's script filters and sorts them; without the
script all of them are there. It does not know files beyond the paths that it is handed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanmo.data.report.markup import Html, join, tag
from hanmo.evaluate.report.figures import label
from hanmo.evaluate.report.pages import language, quoted
from hanmo.evaluate.report.pictures import Pictures
from hanmo.evaluate.report.ruler import Ruler, mean, value_names
from hanmo.evaluate.types import Result, Score

_CHOICES = 60
"""Most groups of a kind that can be chosen from."""


@dataclass(frozen=True)
class Files:
    """Where the pictures of a run lie.

    Attributes:
        picture: of a prompt's id and a seed.
        sources: of a prompt's id, in order.
    """

    picture: Callable[[str, int], Path]
    sources: Callable[[str], list[Path]]


def samples(results: Sequence[Result], files: Files, pictures: Pictures, ruler: Ruler | None) -> Html:
    """All samples, in the run's order.

    Args:
        results: of the run.
        files: where their pictures lie.
        pictures: of the page.
        ruler: what they are measured with; None where nothing was judged.
    """
    cards = [_sample(result, files, pictures, ruler) for result in results]
    return tag("div", *cards, id="list", class_="list")


def _sample(result: Result, files: Files, pictures: Pictures, ruler: Ruler | None) -> Html:
    prompt = result.prompt
    shown = [
        _figure(pictures.frame(path, f"source {number}: {prompt.text}"), "source", Html(""))
        for number, path in enumerate(files.sources(prompt.id), 1)
    ]
    for place, seed in enumerate(result.seeds):
        frame = pictures.frame(files.picture(prompt.id, seed), f"seed {seed}: {prompt.text}")
        scores = [score for score in result.scores if score.picture == place]
        shown.append(_figure(frame, f"seed {seed}", join(score_words(score, ruler) for score in scores)))
    whole = [score_words(score, ruler) for score in result.scores if score.picture is None]
    together = tag("div", tag("b", "all together"), *whole, class_="together") if whole else ""
    words = prompt.text or prompt.id
    return tag(
        "article",
        tag("h3", words, class_="prompt", lang=language(words)),
        _chips(result, ruler),
        tag("div", *shown, class_="shots"),
        together,
        _truth(result),
        class_="sample wide-sample" if len(shown) > 2 else "sample pair" if len(shown) == 2 else "sample",
        **card_data(result, ruler),
    )


def card_data(result: Result, ruler: Ruler | None) -> dict[str, str]:
    """What the page's script filters and sorts a sample by."""
    values = {name: value for name in value_names([result]) if (value := mean(result, name)) is not None}
    return {
        "data_id": result.prompt.id,
        "data_state": " ".join(_states(result, ruler)),
        "data_groups": json.dumps(dict(result.prompt.groups), ensure_ascii=False),
        "data_values": json.dumps(values),
    }


def _states(result: Result, ruler: Ruler | None) -> list[str]:
    found = ["unjudged"] if result.unjudged else []
    if ruler is None or ruler.value(result) is None:
        return found
    return [*found, "failed" if ruler.failed(result) else "passed"]


def _chips(result: Result, ruler: Ruler | None) -> Html:
    states = _states(result, ruler)
    chips = []
    if ruler is not None and "failed" in states:
        chips.append(tag("span", "✗ " + ruler.failing, class_="chip dropped"))
    elif ruler is not None and "passed" in states and not ruler.graded:
        chips.append(tag("span", "✓ passed", class_="chip kept"))
    if "unjudged" in states:
        chips.append(tag("span", "? unjudged", class_="chip failed"))
    chips += [tag("span", name, class_="chip", title=kind) for kind, name in result.prompt.groups.items() if name]
    return tag("p", *chips, tag("span", result.prompt.id, class_="id", title="id"), class_="chips")


def _figure(frame: Html, name: str, words: Html) -> Html:
    return tag("figure", frame, tag("figcaption", tag("span", name, class_="seed"), words), class_=name.split()[0])


def score_words(score: Score, ruler: Ruler | None) -> Html:
    """The values of a score, what the judge saw, or why it found nothing."""
    if score.unjudged is not None:
        return join((tag("p", tag("b", "unjudged: "), score.unjudged, class_="unjudged"), quoted(score.saw)))
    values = [_value(name, value, ruler) for name, value in score.values.items()]
    return join((tag("p", *values, class_="values-list"), quoted(score.saw)))


def _value(name: str, value: float, ruler: Ruler | None) -> Html:
    bad = ruler is not None and name == ruler.name and ruler.bad(value)
    return tag("span", label(name), " ", tag("b", f"{value:.4g}"), class_="value bad" if bad else "value")


def _truth(result: Result) -> Html:
    truth = dict(result.prompt.truth)
    if not truth:
        return Html("")
    return tag("details", tag("summary", "what the judge knows"), quoted(truth, "said open"), class_="truth")


# --- choosing among them ---------------------------------------------------------------------------


def tools(results: Sequence[Result], ruler: Ruler | None, lower: frozenset[str]) -> Html:
    """Search, filters and order; hidden until the script runs.

    Args:
        results: of the run.
        ruler: what they are measured with.
        lower: names of values that are better when lower.
    """
    failed = sum(ruler.failed(result) for result in results) if ruler else 0
    unjudged = sum(result.unjudged > 0 for result in results)
    states = [("", f"all {len(results):,}")]
    states += [("failed", f"{ruler.failing} {failed:,}")] if ruler else []
    states.append(("unjudged", f"unjudged {unjudged:,}"))
    names = value_names(results)
    names.sort(key=lambda name: ruler is None or name != ruler.name)
    return toolbar(states, _group_boxes(results), [(name, name in lower) for name in names])


def toolbar(states: Sequence[tuple[str, str]], boxes: Sequence[Html], names: Sequence[tuple[str, bool]]) -> Html:
    """The form of the tools: (state, words), boxes of groups, (value's name, whether lower is better)."""
    radios = [
        tag("label", tag("input", type="radio", name_="state", value=state, checked=not state), tag("span", words))
        for state, words in states
    ]
    options = [tag("option", label(name), value=name, data_lower="true" if low else None) for name, low in names]
    orders = [tag("option", words, value=value) for value, words in _ORDERS]
    return tag(
        "form",
        tag("fieldset", tag("legend", "Which", class_="unseen"), *radios, class_="states"),
        tag("label", tag("span", "Search"), tag("input", type="search", id="search", autocomplete="off")),
        *boxes,
        tag("label", tag("span", "Order"), tag("select", *orders, id="order")),
        tag("label", tag("span", "by"), tag("select", *options, id="by"), hidden=not options),
        tag("button", "Reset", type="reset"),
        tag("p", tag("output", id="found", for_="search"), " shown", class_="count", aria_live="polite"),
        id="tools",
        hidden=True,
    )


_ORDERS = (("given", "as asked"), ("worst", "worst first"), ("best", "best first"))


def _group_boxes(results: Sequence[Result]) -> list[Html]:
    kinds: dict[str, dict[str, int]] = {}
    for result in results:
        for kind, name in result.prompt.groups.items():
            counts = kinds.setdefault(kind, {})
            counts[name] = counts.get(name, 0) + 1
    boxes = []
    for kind, counts in kinds.items():
        if 2 <= len(counts) <= _CHOICES:
            options = [tag("option", f"{name} ({many:,})", value=name) for name, many in counts.items()]
            box = tag("select", tag("option", "all", value=""), *options, data_group=kind)
            boxes.append(tag("label", tag("span", label(kind).capitalize()), box))
    return boxes
