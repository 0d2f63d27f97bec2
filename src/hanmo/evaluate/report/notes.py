"""What stands beside figures on both pages: published scores, what they mean, and what was run.

It knows no figures but those that it is handed.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanmo.data.report.markup import Html, tag
from hanmo.evaluate.report.figures import Style
from hanmo.evaluate.report.pages import settings
from hanmo.evaluate.report.reference import PUBLISHED, UNVERIFIED, Reference
from hanmo.evaluate.types import Report


def published_cell(reference: Reference, name: str, style: Style) -> Html:
    """A published score in a table; empty where there is none."""
    if name not in reference.figures:
        return tag("td", "", class_="told nothing-told")
    mark = tag("abbr", "†", title=UNVERIFIED) if name in reference.unverified else ""
    number = tag("span", style.published(reference.figures[name]), mark)
    return tag("td", number, class_="told", data_label=reference.model)


def reference_notes(published: Sequence[Reference], names: Sequence[str]) -> Html:
    """Under a table: where published scores come from, and what the marks mean."""
    notes = []
    if published:
        sources = "; ".join(dict.fromkeys(one.source for one in published))
        words = f"In italics: {PUBLISHED}. Source: {sources}. Judges drift: compare with care."
        notes.append(tag("p", words, class_="note"))
        notes += [tag("p", f"{one.model}: {one.note}.", class_="note") for one in published if one.note]
        if any(one.unverified & set(names) for one in published):
            notes.append(tag("p", f"† {UNVERIFIED}", class_="note"))
    return tag("div", *notes, class_="notes")


def run_facts(report: Report) -> Html:
    """Generator, judges and provenance of a run, as tables."""
    parts = [("Generator", settings(report.generator))]
    parts += [(f"Judge: {role}", settings(judge)) for role, judge in report.judges.items()]
    if not report.judges:
        parts.append(("Judges", [("", "none: arithmetic")]))
    mode = "reproduced (official_compat)" if report.official_compat else "not reproduced"
    parts.append(("Provenance", [("official script's quirks", mode), *settings(report.provenance)]))
    boxes = [
        tag("section", tag("h3", title), tag("dl", *(tag("div", tag("dt", a), tag("dd", b)) for a, b in rows)))
        for title, rows in parts
    ]
    return tag("div", *boxes, class_="facts")
