"""The table of a run as lines of text, for a terminal: figures, intervals, published scores, what is unjudged.

Chinese characters are two columns wide there. It does not know files.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from hanmo.evaluate.report.figures import Style, generator_name, label, style_of
from hanmo.evaluate.report.reference import PUBLISHED, UNVERIFIED, Reference
from hanmo.evaluate.types import Report


def as_lines(report: Report, references: Sequence[Reference], style: Style | None = None) -> list[str]:
    """The table of a run.

    Args:
        report: of the run.
        references: published scores, each a column; none leaves that part out.
        style: how its figures are shown; None: as the benchmark of this name says.
    """
    style = style or style_of(report)
    shown = [one for one in references if set(one.figures) & set(report.metrics)]
    rows = [["", generator_name(report), "95 % interval", *(one.model for one in shown)]]
    for name, figure in report.metrics.items():
        arrow = " ↓" if name in style.lower else ""
        published = [_published(one, name, style) for one in shown]
        rows.append([label(name) + arrow, style.number(figure.value), style.interval(figure), *published])
    lines = [f"{report.title}{', quirks of the official script' if report.official_compat else ''}", *_columns(rows)]
    lines.append(unjudged_line(report))
    if any(name in style.lower for name in report.metrics):
        lines.append("↓ lower is better")
    if shown:
        lines.append(f"{', '.join(one.model for one in shown)}: {PUBLISHED} ({_sources(shown)})")
        lines += [f"{one.model}: {one.note}" for one in shown if one.note]
    if any(one.unverified & set(report.metrics) for one in shown):
        lines.append(f"† {UNVERIFIED}")
    return lines


def unjudged_line(report: Report) -> str:
    """How many were judged, and the share of those that were not."""
    counted = f"{report.prompts:,} prompts, {report.pictures:,} pictures"
    if not report.unjudged:
        return f"{counted}, all judged"
    return f"{counted}; {report.unjudged:,} of {report.scores:,} scores ({100 * report.unjudged_share:.1f} %) unjudged"


def width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)


def _published(reference: Reference, name: str, style: Style) -> str:
    if name not in reference.figures:
        return ""
    return style.published(reference.figures[name]) + ("†" if name in reference.unverified else "")


def _sources(shown: Sequence[Reference]) -> str:
    return "; ".join(dict.fromkeys(one.source for one in shown))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with the first column to the left, the others to the right, two blanks between."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [" " * (most - width(cell)) + cell for cell, most in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first + " " * (widths[0] - width(first)), *cells]).rstrip())
    return lines
