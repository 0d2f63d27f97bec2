"""Scores that others have published, beside which ours stand: published, not measured here (report section 5).

They lie in reference.toml with their sources, and with which of them were noted down once and not found again
elsewhere. This module does not know how a score was computed, nor whether it can be compared: judges drift.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from hanmo.evaluate.types import Report

PUBLISHED = "published, not measured here"
"""What stands beside every one of them."""
UNVERIFIED = "noted from its source once, not found a second time elsewhere"
"""What the mark † means."""


@dataclass(frozen=True)
class Reference:
    """What was published of one model on one benchmark.

    Attributes:
        benchmark: its name in the catalog.
        model: what painted.
        figures: by the names of the benchmark's table; shares are 0-1.
        source: where they were read.
        options: of the benchmark, as the source had them.
        unverified: names of the figures that were not confirmed elsewhere.
        note: what must be known to compare; "" where nothing.
    """

    benchmark: str
    model: str
    figures: Mapping[str, float]
    source: str
    options: Mapping[str, str] = field(default_factory=dict)
    unverified: frozenset[str] = frozenset()
    note: str = ""


@cache
def every_reference() -> tuple[Reference, ...]:
    """All of them, in the file's order."""
    text = resources.files(__package__).joinpath("reference.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return tuple(_reference(table, data["sources"]) for table in data["score"])


def _reference(table: Mapping[str, object], sources: Mapping[str, str]) -> Reference:
    known = dict(table)
    figures = {str(name): float(value) for name, value in dict(known.pop("figures")).items()}  # type: ignore[call-overload]
    unverified = known.pop("unverified", False)
    names = frozenset(figures) if unverified is True else frozenset(unverified or ())  # type: ignore[call-overload]
    source = sources[str(known.pop("source"))]
    return Reference(figures=figures, source=source, unverified=names, **known)  # type: ignore[arg-type]


def references(benchmark: str) -> list[Reference]:
    """All that was published on a benchmark.

    Args:
        benchmark: its name in the catalog.
    """
    return [reference for reference in every_reference() if reference.benchmark == benchmark]


def references_of(report: Report) -> list[Reference]:
    """What a run can be laid beside: of its benchmark and its options, with a figure that it has."""
    options = report.provenance.get("options") or {}
    return [
        one
        for one in references(report.benchmark)
        if set(one.figures) & set(report.metrics)
        and all(options.get(name, value) == value for name, value in one.options.items())
    ]
