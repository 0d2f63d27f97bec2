"""The pictures of several runs for the same prompt, beside each other. It does not know how the runs were compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hanmo.data.report.markup import Html, join, tag
from hanmo.evaluate.report.comparison import Comparison
from hanmo.evaluate.report.figures import headline
from hanmo.evaluate.report.pages import language
from hanmo.evaluate.report.pictures import Pictures
from hanmo.evaluate.report.ruler import Ruler, ruler_of
from hanmo.evaluate.report.samples import score_words, toolbar
from hanmo.evaluate.types import Result


def side_by_side(compared: Sequence[Comparison], pictures: Pictures) -> Html:
    """A card for each prompt that two runs or more were asked, with the tools to choose among them."""
    cards = [card for one in compared for card in _cards(one, pictures, len(compared) > 1)]
    if not cards:
        return tag("p", "No two runs were asked the same prompt.", class_="note")
    differing = sum('data-state="differ' in card for card in cards)
    names = list(dict.fromkeys(run.name for one in compared for run in one.runs))
    titles = [one.title for one in compared]
    boxes = []
    if len(titles) > 1:
        options = [tag("option", "all", value=""), *(tag("option", title, value=title) for title in titles)]
        boxes.append(tag("label", tag("span", "Benchmark"), tag("select", *options, data_group="benchmark")))
    lead = "The first picture of each run for the same prompt. "
    if pictures.beside:
        lead += f"{pictures.beside:,} pictures are read from the folders of the runs: keep them where they are."
    states = [("", f"all {len(cards):,}"), ("differ", f"runs differ {differing:,}")]
    form = toolbar(states, boxes, [("spread", False), *((name, False) for name in names)])
    none = tag("p", "No prompt fits.", id="none", class_="note", hidden=True)
    return join((tag("p", lead, class_="lead"), form, none, tag("div", *cards, id="list", class_="list")))


def _cards(one: Comparison, pictures: Pictures, several: bool) -> list[Html]:
    """A card for each prompt that two runs or more were asked."""
    rulers = [ruler_of(run.results, headline(run.report), one.style.lower) for run in one.runs]
    known = [{result.prompt.id: result for result in run.results} for run in one.runs]
    ids = list(dict.fromkeys(name for results in known for name in results))
    shared = [name for name in ids if sum(name in results for results in known) >= 2]
    values = {name: _values(one, rulers, [results.get(name) for results in known]) for name in shared}
    spreads = sorted(max(found.values()) - min(found.values()) for found in values.values() if len(found) > 1)
    bound = spreads[3 * (len(spreads) - 1) // 4] if spreads else 0.0
    cards = []
    for name in shared:
        found = values[name]
        spread = max(found.values()) - min(found.values()) if len(found) > 1 else 0.0
        differ = spread > 0 and (spread >= bound or not any(ruler and ruler.graded for ruler in rulers))
        data = {"spread": spread, **found}
        cards.append(_card(one, pictures, [results.get(name) for results in known], rulers, data, differ, several))
    return cards


def _values(one: Comparison, rulers: Sequence[Ruler | None], results: Sequence[Result | None]) -> dict[str, float]:
    return {
        run.name: value
        for run, ruler, result in zip(one.runs, rulers, results, strict=True)
        if ruler is not None and result is not None and (value := ruler.value(result)) is not None
    }


def _card(
    one: Comparison,
    pictures: Pictures,
    results: Sequence[Result | None],
    rulers: Sequence[Ruler | None],
    data: Mapping[str, float],
    differ: bool,
    several: bool,
) -> Html:
    prompt = next(result.prompt for result in results if result is not None)
    first = next(run for run, result in zip(one.runs, results, strict=True) if result is not None)
    figures = [
        tag(
            "figure",
            pictures.frame(path, f"source: {prompt.text}"),
            tag("figcaption", tag("span", "source", class_="seed")),
            class_="source",
        )
        for path in first.files.sources(prompt.id)
    ]
    for run, ruler, result in zip(one.runs, rulers, results, strict=True):
        if result is None or not result.seeds:
            figures.append(
                tag(
                    "figure",
                    tag("div", tag("p", "not asked", class_="nothing"), class_="frame"),
                    tag("figcaption", tag("b", run.name)),
                )
            )
            continue
        frame = pictures.frame(run.files.picture(prompt.id, result.seeds[0]), f"{run.name}: {prompt.text}")
        scores = [score_words(score, ruler) for score in result.scores if score.picture in (0, None)]
        figures.append(tag("figure", frame, tag("figcaption", tag("b", run.name, lang=language(run.name)), *scores)))
    words = prompt.text or prompt.id
    chips = [tag("span", one.title, class_="chip")] if several else []
    chips += [tag("span", name, class_="chip", title=kind) for kind, name in prompt.groups.items() if name]
    return tag(
        "article",
        tag("h3", words, class_="prompt", lang=language(words)),
        tag("p", *chips, tag("span", prompt.id, class_="id"), class_="chips"),
        tag("div", *figures, class_="shots"),
        class_="sample wide-sample" if len(figures) > 2 else "sample pair",
        data_id=prompt.id,
        data_state="differ" if differ else "",
        data_groups=json.dumps({"benchmark": one.title}, ensure_ascii=False),
        data_values=json.dumps(data, ensure_ascii=False),
    )
