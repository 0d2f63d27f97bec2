"""Markdown that what it quotes cannot break: tables, published scores, what stands under them.

It knows no file and no run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from hanmo.evaluate.report.figures import Style
from hanmo.evaluate.report.reference import PUBLISHED, UNVERIFIED, Reference


def told(reference: Reference, name: str, style: Style) -> str:
    """A published score in italics; nothing where there is none."""
    if name not in reference.figures or math.isnan(reference.figures[name]):
        return ""
    return f"*{style.published(reference.figures[name])}*" + ("†" if name in reference.unverified else "")


def notes(published: Sequence[Reference], names: Sequence[str], style: Style) -> list[str]:
    """What stands under a table."""
    lines = ["↓ lower is better."] if style.lower & set(names) else []
    if published:
        sources = "; ".join(dict.fromkeys(one.source for one in published))
        lines.append(f"In italics: {PUBLISHED} ({sources}).")
        lines += [f"{cell(one.model)}: {cell(one.note)}." for one in published if one.note]
    if any(one.unverified & set(names) for one in published):
        lines.append(f"† {UNVERIFIED}.")
    return ["", "  \n".join(lines)] if lines else []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table; the first column stands to the left, numbers to the right."""
    rule = "|".join(["---", *(["---:"] * (len(head) - 1))])
    return [f"| {' | '.join(head)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]


def cell(text: str) -> str:
    """Any text in Markdown, on one line, where nothing of it is markup."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", plain)
