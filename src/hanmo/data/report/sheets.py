"""Pictures in rows, each with its score, its caption and why it is there; and the table of rejects."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hanmo.data.layout import places, rejects_in
from hanmo.data.rejects import Reject, read_rejects
from hanmo.data.report.charts import count
from hanmo.data.report.gather import OperatorFacts, Row, ScoreFacts
from hanmo.data.report.histogram import short
from hanmo.data.report.markup import Html, tag
from hanmo.data.report.pictures import Thumbnails

ROWS = 1000
"""Most lines of the table of rejects."""
_CAPTION = 300  # characters of a caption that a tile or a line quotes


def sheet(title: str, note: str, rows: Sequence[Row], pictures: Thumbnails, score: str = "", kind: str = "") -> Html:
    """A row of pictures; nothing where there is none.

    Args:
        title: of the row.
        note: in smaller letters beside it.
        rows: what it shows.
        pictures: of them.
        score: "operator.score" that each tile states; "" for none.
        kind: "kept", "dropped" or "failed": how it is marked.
    """
    if not rows:
        return Html("")
    tiles = [_tile(row, pictures, score, kind) for row in rows]
    head = tag("h4", title, " ", tag("small", note))
    return tag("div", head, tag("div", *tiles, class_="tiles"), class_=f"sheet {kind}", data_sheet=title)


def _tile(row: Row, pictures: Thumbnails, score: str, kind: str) -> Html:
    small = pictures.of(row)
    words = _cut(row.caption) or "no caption"
    if small.uri:
        picture = tag("img", src=small.uri, alt=words, loading="lazy", decoding="async")
        size = f"{small.width}×{small.height}"
    else:
        picture, size = tag("span", small.problem, class_="nothing"), ""
    value = tag("b", short(row.scores[score]), class_="score") if score in row.scores else ""
    why = _why(row.reject, score) if row.reject is not None else ""
    return tag(
        "figure",
        tag("div", picture, class_="frame"),
        tag("figcaption", tag("span", value, tag("span", size, class_="size"), class_="line"), why, _caption(row)),
        title="\n".join(filter(None, [row.where, words, "" if row.reject is None else _note(row.reject)])),
        data_id=row.id,
    )


def _why(reject: Reject, score: str) -> Html:
    """Why a record did not go on, where it stands among those of a score."""
    if score == f"{reject.operator}.{reject.score}" and reject.value is not None:
        bound = "below" if reject.low is not None and reject.value < reject.low else "above"
        return tag("span", f"{bound} {short((reject.low if bound == 'below' else reject.high) or 0.0)}", class_="why")
    if reject.kind == "failed":
        return tag("span", _reason(reject), class_="why")
    return tag("span", f"dropped by {why_not(reject)}", class_="why")


def _note(reject: Reject) -> str:
    """What the operator that kept a record back has written beside its scores, such as what is broken."""
    found = json.loads(reject.record)["metadata"].get(reject.operator, {}) if reject.record else {}
    words = {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
    text = ", ".join(f"{name} {value}" for name, value in sorted(words.items()))
    return _cut(re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24}\b", r"\1…", text), 120)  # an id is known by its beginning


def _reason(reject: Reject) -> str:
    """A failure's reason without the name of Python's error."""
    return re.sub(r"^(HanmoError|RequestError): ", "", reject.reason)


def _caption(row: Row) -> Html:
    return tag("span", _cut(row.caption), class_="caption") if row.caption else Html("")


def _cut(text: str, longest: int = _CAPTION) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def why_not(reject: Reject) -> str:
    """What a reject says, in a few words."""
    if reject.value is None:
        return f"{reject.operator}: {_reason(reject)}" if reject.operator != "source" else reject.reason
    if reject.low is not None and reject.value < reject.low:
        return f"{reject.operator}: {reject.score} {short(reject.value)} < {short(reject.low)}"
    return f"{reject.operator}: {reject.score} {short(reject.value)} > {short(reject.high or 0.0)}"


def score_sheets(facts: ScoreFacts, pictures: Thumbnails) -> list[Html]:
    """The pictures of one score: on both sides of its threshold, or its extremes."""
    key = f"{facts.operator}.{facts.score}"
    if facts.threshold is None:
        if facts.low == facts.high:
            return []
        return [
            sheet("lowest", facts.score, facts.kept.rows, pictures, key),
            sheet("highest", facts.score, facts.dropped.rows, pictures, key),
        ]
    return [
        sheet("just kept", f"{facts.score} nearest to the threshold", facts.kept.rows, pictures, key, "kept"),
        sheet("just dropped", f"{facts.score} nearest on the other side", facts.dropped.rows, pictures, key, "dropped"),
    ]


def operator_sheets(facts: OperatorFacts, pictures: Thumbnails) -> list[Html]:
    """The pictures of one operator: some that it kept back, by chance, and some that it could not measure."""
    near = {row.id for score in facts.scores.values() if score.threshold for row in score.dropped.rows}
    more = [row for row in facts.charged.rows if row.id not in near and facts.name not in row.failures]
    score = next((name for name, found in facts.scores.items() if found.threshold is not None), "")
    return [
        sheet("dropped, by chance", "", more, pictures, f"{facts.name}.{score}", "dropped"),
        sheet("not measured", f"{count(facts.failures)} in all", facts.failed.rows, pictures, kind="failed"),
    ]


# --- rejects ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rejects:
    """Lines of the table, and how many there are in all."""

    lines: list[tuple[str, Reject]]
    total: int


def some_rejects(sets: Sequence[tuple[str, Path]]) -> Rejects:
    """Rejects of every step and operator: all where they are few, else as many of each.

    Args:
        sets: (step's title, its set).
    """
    totals: Counter[tuple[str, str, str]] = Counter()
    for title, folder in sets:
        for place in places(folder):
            for reject in read_rejects(rejects_in(place)):
                totals[_group(title, reject)] += 1
    each = _evenly(list(totals.values()), ROWS)
    taken: Counter[tuple[str, str, str]] = Counter()
    lines = []
    for title, folder in sets:
        for place in places(folder):
            for reject in read_rejects(rejects_in(place)):
                group = _group(title, reject)
                taken[group] += 1
                if taken[group] <= each:
                    lines.append((title, reject))
    return Rejects(lines, totals.total())


def _group(title: str, reject: Reject) -> tuple[str, str, str]:
    return title, reject.operator, reject.kind


def _evenly(sizes: list[int], room: int) -> int:
    """The most that each group may have, so that all of them fit."""
    for number, size in enumerate(sorted(sizes)):
        if size * (len(sizes) - number) > room:
            return room // (len(sizes) - number)
        room -= size
    return max(sizes, default=0)


def rejects_table(rejects: Rejects) -> Html:
    """The table, with its search box, which is there for those whose browser runs scripts."""
    if not rejects.total:
        return tag("p", "Nothing was kept back.")
    head = tag("tr", *(tag("th", text, scope="col") for text in ("step", "by", "why", "where", "caption")))
    body = [_line(title, reject) for title, reject in rejects.lines]
    shown = len(rejects.lines)
    all_of_them = f"All {count(shown)}." if shown == rejects.total else f"{count(shown)} of {count(rejects.total)}."
    search = tag(
        "p",
        tag("label", "Search", tag("input", type="search", id="search", placeholder="a word, an operator, a file")),
        tag("output", "", id="found", for_="search"),
        tag("button", "", type="button", id="more", hidden=True),
        id="searching",
        hidden=True,
    )
    table = tag("table", tag("thead", head), tag("tbody", *body), id="rejects-table")
    return tag("div", tag("p", all_of_them), search, table, data_rejects=rejects.total)


def _line(title: str, reject: Reject) -> Html:
    why = why_not(reject) if reject.operator == "source" else why_not(reject).removeprefix(f"{reject.operator}: ")
    by = reject.kind.replace("_", " ") if reject.operator == "source" else reject.operator
    note = _note(reject)
    return tag(
        "tr",
        tag("td", title, data_label="step"),
        tag(
            "td", tag("span", by, class_=f"chip {'failed' if reject.kind == 'failed' else 'dropped'}"), data_label="by"
        ),
        tag("td", why, tag("small", note) if note else "", data_label="why"),
        tag("td", reject.where, data_label="where", class_="where"),
        tag("td", _cut(_first_caption(reject)), data_label="caption"),
    )


def _first_caption(reject: Reject) -> str:
    captions = json.loads(reject.record)["captions"] if reject.record else []
    return str(captions[0]["text"]) if captions else ""


def mosaic(rows: Sequence[Row], pictures: Thumbnails) -> Html:
    """Pictures alone, side by side, for a first impression of a set."""
    found = [(row, small) for row in rows if (small := pictures.of(row)).uri]
    shown = [
        tag("img", src=small.uri, alt=_cut(row.caption) or "no caption", width=small.width, height=small.height)
        for row, small in found
    ]
    return tag("div", *shown, class_="mosaic") if shown else Html("")
