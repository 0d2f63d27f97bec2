"""The report of a run of the data engine as one page (issue's "hanmo data report").

What it says in numbers stands a second time as JSON in `#numbers`, for programs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from hanmo.data.engine import Part, read_history, recipe_of, set_of
from hanmo.data.funnel import Step, funnel, recipe_of_run
from hanmo.data.record import Json
from hanmo.data.report.charts import count, funnel_chart, histogram_chart, percent, shares_chart
from hanmo.data.report.frame import Page, own, section
from hanmo.data.report.gather import FACETS, SHOWN, OperatorFacts, SetFacts, StageFacts, gather, gather_set, values_of
from hanmo.data.report.histogram import Histogram, fill, histogram_of
from hanmo.data.report.markup import Html, join, tag
from hanmo.data.report.pictures import Thumbnails
from hanmo.data.report.sheets import mosaic, operator_sheets, rejects_table, score_sheets, sheet, some_rejects
from hanmo.weights.files import atomic_file

PICTURE_BYTES = 12 << 20
"""Bytes of pictures in a page, as data URIs."""

Histograms = Mapping[str, Histogram]


def write_report(folder: Path, output: Path, picture_bytes: int = PICTURE_BYTES) -> None:
    """Write the page of a run.

    Args:
        folder: a finished run.
        output: an .html file; it is written whole or not at all.
        picture_bytes: pictures beyond are left out, and the page says so.

    Raises:
        RequestError: the folder is no run, or it is not finished.
        OutputError: the page cannot be written.
    """
    recipe = recipe_of_run(folder)
    steps = funnel(folder, recipe)
    stages: list[tuple[StageFacts, Histograms]] = []
    for number, table in enumerate(recipe.stages):
        before, after = set_of(folder, number), set_of(folder, number + 1)
        facts = gather(before, after, table)
        histograms = {
            f"{name}.{score}": histogram_of(found)
            for name, operator in facts.operators.items()
            for score, found in operator.scores.items()
        }
        many = {key: histogram for key, histogram in histograms.items() if histogram.scale != "values"}
        if many:
            fill(many, values_of(before, after, list(many)))
        stages.append((facts, histograms))
    sets = [("collected", gather_set(set_of(folder, 0))), *((facts.table.name, facts.kept) for facts, _ in stages)]
    text = _page(folder, steps, stages, sets, Thumbnails(picture_bytes))
    with atomic_file(output) as file:
        file.write(text.encode())


Sets = Sequence[tuple[str, SetFacts]]
_KEY = (
    ("kept", "what went on"),
    ("dropped", "what an operator kept back"),
    ("failed", "what could not be measured"),
)


def _page(
    folder: Path,
    steps: Sequence[Step],
    stages: Sequence[tuple[StageFacts, Histograms]],
    sets: Sets,
    pictures: Thumbnails,
) -> str:
    history = read_history(folder)
    titles = {facts.table.name: f"{number}. {facts.table.name}" for number, (facts, _) in enumerate(stages, 1)}
    folders = [(step.name, set_of(folder, number)) for number, step in enumerate(steps)]
    mix = [shares_chart(facet, [(title, known.shares[facet]) for title, known in sets]) for facet in FACETS]
    known = {step.name: step for step in steps}
    sections = [
        _stage(number, facts, histograms, known[facts.table.name], pictures)
        for number, (facts, histograms) in enumerate(stages, 1)
    ]
    numbers = json.dumps(_numbers(steps, stages, sets), allow_nan=False, sort_keys=True)
    key = (tag("span", words, class_=f"key {name}") for name, words in _KEY)
    bars = join(("Each bar is what came into a step, measured against what was found: ", *_listed(key), "."))
    mixed = "What the set consists of, before the first stage and after each."
    against = "Everything that did not go on, with the reason that was written down."
    called = "Every call that worked on this run, and what it was asked to do."
    links = [("funnel", "Funnel"), ("mix", "Mix"), *((f"stage-{name}", title) for name, title in titles.items())]
    return Page(
        folder.resolve().name,
        "what the data engine did",
        "Hanmo data report",
        _summary(steps),
        [*links, ("rejects", "Rejects"), ("run", "Run")],
        [
            section("funnel", "Funnel", funnel_chart(steps, titles), lead=bars),
            section("mix", "Mix", tag("div", *mix, class_="facets"), lead=mixed),
            *sections,
            section("rejects", "Rejects", rejects_table(some_rejects(folders)), lead=against),
            section("run", "Run", _run(recipe_of(folder).read_text("utf-8"), history), lead=called),
        ],
        script=own(__package__, "page.js"),
        between=mosaic(sets[-1][1].some.rows, pictures),
        numbers=numbers,
    ).text()


def _listed(parts: Iterable[Html]) -> list[str | Html]:
    """Parts with commas between them."""
    return [piece for part in parts for piece in (", ", part)][1:]


def _summary(steps: Sequence[Step]) -> Html:
    came, kept = steps[0].came, steps[-1].kept
    failed = sum(many for step in steps for many in step.failed.values())
    facts = [
        (count(came), "found in the sources"),
        (count(kept), f"went on, {percent(kept, came)}"),
        (count(came - kept - failed), "kept back"),
        (count(failed), "not measured"),
    ]
    boxes = [tag("div", tag("dt", words), tag("dd", number)) for number, words in facts]
    return tag("dl", *boxes, class_="summary", data_came=came, data_kept=kept, data_failed=failed)


# --- a stage ---------------------------------------------------------------------------------------


def _stage(number: int, facts: StageFacts, histograms: Histograms, step: Step, pictures: Thumbnails) -> Html:
    name = facts.table.name
    lead = f"{count(step.came)} came in, {count(step.kept)} went on ({percent(step.kept, step.came)})."
    operators = [_operator(one, histograms, step, pictures) for one in facts.operators.values()]
    some = sheet("went on", "some of them, by chance", facts.kept.some.rows[:SHOWN], pictures, kind="kept")
    return tag(
        "section",
        tag("p", f"stage {number}", class_="eyebrow"),
        tag("h2", name),
        tag("p", lead, class_="lead"),
        *operators,
        tag("article", some, class_="operator") if some and (step.kept < step.came or number == 1) else "",
        id=f"stage-{name}",
        class_="stage",
    )


def _operator(facts: OperatorFacts, histograms: Histograms, step: Step, pictures: Thumbnails) -> Html:
    dropped, failed = step.dropped.get(facts.name, 0), step.failed.get(facts.name, 0)
    thresholds = any(score.threshold for score in facts.scores.values())
    words = f"{count(dropped)} kept back" if dropped or thresholds else "informs only"
    chips = [tag("span", words, class_="chip dropped" if dropped else "chip")]
    if failed:
        chips.append(tag("span", f"{count(failed)} not measured", class_="chip failed"))
    scores = sorted(facts.scores.values(), key=lambda score: score.threshold is None)
    plots = [histogram_chart(score, histograms[f"{facts.name}.{score.score}"]) for score in scores]
    sheets = [part for score in scores if score.threshold for part in score_sheets(score, pictures)]
    informing = [score for score in scores if score.threshold is None]
    if informing and not sheets:
        sheets = score_sheets(informing[0], pictures)
    others = _others(facts, dropped, failed)
    return tag(
        "details",
        tag("summary", tag("h3", facts.name), *chips),
        tag("p", others, class_="note") if others else "",
        tag("div", *plots, class_="plots") if plots else tag("p", "It gives no score.", class_="note"),
        *sheets,
        *operator_sheets(facts, pictures),
        id=f"{step.name}-{facts.name}",
        class_="operator",
        open=bool(dropped or failed),
        data_operator=facts.name,
    )


def _others(facts: OperatorFacts, dropped: int, failed: int) -> str:
    """Where an earlier operator of the stage has kept back what this one would have."""
    outside = sum(score.below + score.above for score in facts.scores.values())
    words = []
    if outside > dropped:
        words.append(f"{count(outside)} values lie outside its thresholds.")
    if facts.failures > failed:
        words.append(f"It could not measure {count(facts.failures)} records.")
    return " ".join([*words, "A record counts for the first operator that objects."]) if words else ""


# --- what was run ----------------------------------------------------------------------------------


def _run(recipe: str, history: Sequence[Part]) -> Html:
    head = ("step", "began (UTC)", "seconds", "measurements", "shards done before", "workers", "with")
    rows = [
        tag(
            "tr",
            *(
                tag("td", cell, data_label=label)
                for label, cell in zip(
                    head,
                    (
                        part.name,
                        part.began.removesuffix("+00:00").replace("T", " "),
                        f"{part.seconds:,.1f}",
                        count(part.measured),
                        count(part.untouched),
                        f"{part.workers} {part.engine}",
                        part.versions,
                    ),
                    strict=True,
                )
            ),
        )
        for part in history
    ]
    table = tag("table", tag("thead", tag("tr", *(tag("th", one, scope="col") for one in head))), tag("tbody", *rows))
    text = tag("details", tag("summary", "The recipe, with every default written out"), tag("pre", recipe, tabindex=0))
    return join([tag("div", table, class_="wide"), text])


def _numbers(steps: Sequence[Step], stages: Sequence[tuple[StageFacts, Histograms]], sets: Sets) -> dict[str, Json]:
    scores = {
        facts.table.name: {
            f"{name}.{score}": {
                "count": found.count,
                "low": found.low,
                "high": found.high,
                "below": found.below,
                "inside": found.inside,
                "above": found.above,
                "scale": histograms[f"{name}.{score}"].scale,
                "edges": histograms[f"{name}.{score}"].edges,
                "kept": histograms[f"{name}.{score}"].inside,
                "dropped": histograms[f"{name}.{score}"].outside,
            }
            for name, operator in facts.operators.items()
            for score, found in operator.scores.items()
        }
        for facts, histograms in stages
    }
    return {
        "funnel": [asdict(step) for step in steps],
        "scores": scores,
        "shares": {title: {facet: dict(counts) for facet, counts in known.shares.items()} for title, known in sets},
    }
