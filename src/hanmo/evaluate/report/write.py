"""A run for people: report.html with every sample, report.md with the table (report section 5).

`page` and `markdown` are functions of plain data; only `write_pages` knows the folder of a run. The page is one file
that needs no network; pictures that do not fit in it are read from the run's folder by relative paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hanmo.data.report.markup import Html, join, tag
from hanmo.evaluate.report.charts import bar
from hanmo.evaluate.report.figures import Style, generator_name, headline, label, style_of
from hanmo.evaluate.report.markdown import cell, notes, table, told
from hanmo.evaluate.report.notes import published_cell, reference_notes, run_facts
from hanmo.evaluate.report.pages import language, settings, summary, whole_page
from hanmo.evaluate.report.pictures import PICTURE_BYTES, Pictures
from hanmo.evaluate.report.reference import PUBLISHED, Reference, references_of
from hanmo.evaluate.report.ruler import ruler_of
from hanmo.evaluate.report.samples import Files, samples, tools
from hanmo.evaluate.report.text import unjudged_line
from hanmo.evaluate.run_folder import picture_path, read_report, read_results, source_paths
from hanmo.evaluate.types import Report, Result
from hanmo.weights.files import atomic_file

_REASONS = 8


def write_pages(run: Path) -> list[Path]:
    """Write report.html and report.md beside report.json.

    Args:
        run: the folder of a run that is judged.

    Returns:
        The files that were written.

    Raises:
        RequestError: the folder is none of a run, or has no report yet.
        OutputError: a file cannot be written.
    """
    report, results = read_report(run), read_results(run)
    style, published = style_of(report), references_of(report)
    files = Files(
        picture=lambda prompt_id, seed: picture_path(run, prompt_id, seed),
        sources=lambda prompt_id: source_paths(run, prompt_id),
    )
    texts = {
        "report.html": page(report, results, files, run, style, published),
        "report.md": markdown(report, results, style, published),
    }
    for name, text in texts.items():
        with atomic_file(run / name) as file:
            file.write(text.encode())
    return [run / name for name in texts]


def page(
    report: Report,
    results: Sequence[Result],
    files: Files,
    home: Path,
    style: Style,
    published: Sequence[Reference] = (),
    picture_bytes: int = PICTURE_BYTES,
) -> str:
    """The page of a run.

    Args:
        report: its figures.
        results: every sample.
        files: where the pictures lie.
        home: the folder that the page will lie in.
        style: how figures are shown.
        published: scores that others have published.
        picture_bytes: bytes of pictures within the page; those beyond are read from their files.
    """
    ruler, pictures = ruler_of(results, headline(report), style.lower), Pictures(home, picture_bytes)
    cards = samples(results, files, pictures, ruler)
    lead = "What was asked for, what was painted, what the judge saw. "
    if ruler is not None and ruler.graded:
        lead += f"Marked are the samples in the worst quarter by {label(ruler.name)}. "
    if pictures.beside:
        lead += f"{pictures.beside:,} pictures are read from the folder that this page lies in: keep them together."
    shown = join(
        (
            tag("p", lead, class_="lead"),
            tools(results, ruler, style.lower),
            tag("p", "No sample fits.", id="none", class_="note", hidden=True),
            cards,
        )
    )
    sections = {"Figures": _figures(report, results, style, published), "Samples": shown, "Run": run_facts(report)}
    return whole_page(report.title, "Hanmo evaluation", _under(report), _summary(report, style), sections)


def _under(report: Report) -> Html:
    name = generator_name(report)
    quirks = "with the quirks of the official script" if report.official_compat else "the protocol as it is stated"
    date = str(report.provenance.get("date", ""))[:10]
    words: list[object] = [tag("b", name, lang=language(name)), f", {quirks}"]
    if date:
        words.append(f", {date}")
    return tag("p", *words, class_="under", data_compat="yes" if report.official_compat else "no")


def _summary(report: Report, style: Style) -> Html:
    name = headline(report)
    facts = [] if name is None else [(style.number(report.metrics[name].value), label(name))]
    facts += [(f"{report.prompts:,}", "prompts"), (f"{report.pictures:,}", "pictures")]
    facts.append((f"{100 * report.unjudged_share:.1f} %", f"unjudged, {report.unjudged:,} of {report.scores:,}"))
    return summary(facts)


# --- figures ---------------------------------------------------------------------------------------


def _figures(report: Report, results: Sequence[Result], style: Style, published: Sequence[Reference]) -> Html:
    lead = "Each bar is what was measured; the whisker is its 95 % interval, from resampled prompts. "
    if published:
        lead += f"Thin marks and the columns in italics are scores of others: {PUBLISHED}."
    heads = [tag("th", "figure", scope="col"), tag("th", scope="col"), tag("th", generator_name(report), scope="col")]
    heads += [tag("th", "95 % interval", scope="col")]
    heads += [tag("th", one.model, tag("small", "published"), scope="col", class_="told") for one in published]
    rows = [_row(report, name, style, published) for name in report.metrics]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="figures")
    return join(
        (
            tag("p", lead, class_="lead"),
            tag("div", table, class_="wide scrolled", tabindex=0, role="region", aria_label="Figures"),
            reference_notes(published, list(report.metrics)),
            _unjudged(report, results),
        )
    )


def _row(report: Report, name: str, style: Style, published: Sequence[Reference]) -> Html:
    figure = report.metrics[name]
    marks = [(f"{one.model}: {style.published(one.figures[name])}", one.figures[name])
             for one in published if name in one.figures]  # fmt: skip
    full = style.full([figure.value, figure.high, *(value for _, value in marks)])
    words = f"{label(name)}: {style.number(figure.value)}, 95 % interval {style.interval(figure)}"
    arrow = [" ", tag("small", "↓ lower is better")] if name in style.lower else []
    cells = [
        tag("th", label(name), *arrow, scope="row"),
        tag("td", bar(figure, full, words, marks), class_="drawn", title=f"from 0 to {style.number(full)}"),
        tag("td", tag("b", style.number(figure.value)), data_label=generator_name(report)),
        tag("td", style.interval(figure), data_label="95 % interval"),
    ]
    cells += [published_cell(one, name, style) for one in published]
    return tag("tr", *cells, data_figure=name)


def reasons(results: Sequence[Result]) -> list[tuple[str, int]]:
    """Why scores are unjudged, the most frequent reason first."""
    counts = Counter(score.unjudged for result in results for score in result.scores if score.unjudged is not None)
    return counts.most_common()


def _unjudged(report: Report, results: Sequence[Result]) -> Html:
    words = f"{unjudged_line(report)}. What is unjudged counts neither for nor against: it is never zero."
    found = reasons(results)
    items = [tag("li", tag("b", f"{many:,}"), " ", why) for why, many in found[:_REASONS]]
    if len(found) > _REASONS:
        items.append(tag("li", f"and {len(found) - _REASONS} other reasons"))
    kind = "unjudged-box some" if report.unjudged else "unjudged-box"
    return tag("div", tag("p", words), tag("ul", *items) if items else "", class_=kind)


# --- as Markdown -----------------------------------------------------------------------------------


def markdown(report: Report, results: Sequence[Result], style: Style, published: Sequence[Reference] = ()) -> str:
    """The table of a run, what is unjudged and why, and where it comes from, as Markdown."""
    head = ["figure", cell(generator_name(report)), "95 % interval", *(f"*{cell(one.model)}*" for one in published)]
    rows = []
    for name, figure in report.metrics.items():
        others = [told(one, name, style) for one in published]
        arrow = " ↓" if name in style.lower else ""
        rows.append([label(name) + arrow, f"**{style.number(figure.value)}**", style.interval(figure), *others])
    quirks = "reproduced" if report.official_compat else "not reproduced"
    lines = [f"# {cell(report.title)}: {cell(generator_name(report))}", "", *table(head, rows), ""]
    lines += [f"{unjudged_line(report)}. The official script's quirks are {quirks}.", ""]
    lines += [f"- {many:,} unjudged: {cell(str(why))}" for why, many in reasons(results)[:_REASONS]]
    lines += notes(published, list(report.metrics), style)
    lines += ["", "## Run", ""]
    lines += [f"- generator {cell(name)}: {cell(value)}" for name, value in settings(report.generator)]
    for role, judge in report.judges.items():
        lines += [f"- judge {cell(role)}, {cell(name)}: {cell(value)}" for name, value in settings(judge)]
    lines += [f"- {cell(name)}: {cell(value)}" for name, value in settings(report.provenance)]
    return "\n".join(lines) + "\n"
