"""Runs of one benchmark beside each other, as plain data: what is compared, what was not alike, what may be chance.

It does not know folders, pages or what the figures mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from hanmo.evaluate.catalog import CATALOG
from hanmo.evaluate.report.figures import Style, benchmark_of, style_of
from hanmo.evaluate.report.pages import settings
from hanmo.evaluate.report.paired import DRAWS, Summary, differences, same_prompts
from hanmo.evaluate.report.reference import Reference, references_of
from hanmo.evaluate.report.samples import Files
from hanmo.evaluate.types import Interval, Report, Result

_ALIKE = ("options", "limit", "prompt_hash", "data_hash")
"""What of a run's provenance must be alike; seeds, dates, versions and machines need not be."""
_LONG = 28
_UNJUDGED = 0.01
"""Shares of unjudged scores that differ by this much are told."""


@dataclass(frozen=True)
class Run:
    """A run that is compared.

    Attributes:
        name: what its column is called.
        report: its figures.
        results: its samples.
        files: where its pictures lie.
    """

    name: str
    report: Report
    results: Sequence[Result]
    files: Files


@dataclass(frozen=True)
class Pair:
    """Two runs of a benchmark.

    Attributes:
        one: name of a run.
        other: name of another.
        figures: what the other has more, with intervals; None where they were not asked the same prompts.
    """

    one: str
    other: str
    figures: Mapping[str, Interval] | None


@dataclass(frozen=True)
class Comparison:
    """The runs of one benchmark.

    Attributes:
        benchmark: its name.
        title: its name for people.
        style: how its figures are shown.
        runs: in the order given.
        published: what others have published.
        pairs: every two of them.
        warnings: what was not alike, in words.
    """

    benchmark: str
    title: str
    style: Style
    runs: Sequence[Run]
    published: Sequence[Reference]
    pairs: Sequence[Pair]
    warnings: Sequence[str]

    @property
    def figures(self) -> list[str]:
        """Names of all figures, in the order of the tables."""
        return list(dict.fromkeys(name for run in self.runs for name in run.report.metrics))

    def best(self, name: str) -> list[Run]:
        """The runs that have the best value of a figure; none where all have the same."""
        known = [run for run in self.runs if not math.isnan(value_of(run, name).value)]
        values = [value_of(run, name).value for run in known]
        if len(set(values)) < 2:
            return []
        best = min(values) if name in self.style.lower else max(values)
        return [run for run, value in zip(known, values, strict=True) if value == best]


def value_of(run: Run, name: str) -> Interval:
    """A figure of a run; nan where it has none of this name."""
    return run.report.metrics.get(name, Interval(math.nan, math.nan, math.nan))


def summary_of(report: Report) -> Summary | None:
    """How the figures of a report are computed; None of a benchmark that is not in the catalog."""
    return benchmark_of(report).summary if report.benchmark in CATALOG else None


def compare(
    runs: Sequence[Run],
    summary: Callable[[Report], Summary | None] = summary_of,
    style: Callable[[Report], Style] = style_of,
    published: Callable[[Report], Sequence[Reference]] = references_of,
    draws: int = DRAWS,
) -> list[Comparison]:
    """Runs by benchmark, in the order of their first appearance.

    Args:
        runs: with names that differ within a benchmark.
        summary: of a report's benchmark.
        style: of a report's benchmark.
        published: what a report can be laid beside.
        draws: of the bootstrap of differences.
    """
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.report.benchmark, []).append(run)
    return [_comparison(name, members, summary, style, published, draws) for name, members in found.items()]


def _comparison(
    name: str,
    runs: Sequence[Run],
    summary: Callable[[Report], Summary | None],
    style: Callable[[Report], Style],
    published: Callable[[Report], Sequence[Reference]],
    draws: int,
) -> Comparison:
    report = runs[0].report
    others: list[Reference] = []
    for run in runs:
        others += [one for one in published(run.report) if one not in others]
    pairs = [_pair(one, other, summary, draws) for one, other in combinations(runs, 2)]
    return Comparison(name, report.title, style(report), runs, others, pairs, warnings(runs))


def _pair(one: Run, other: Run, summary: Callable[[Report], Summary | None], draws: int) -> Pair:
    how = summary(one.report)
    alike = one.report.official_compat == other.report.official_compat and same_prompts(one.results, other.results)
    figures = differences(how, one.results, other.results, draws=draws) if how is not None and alike else None
    return Pair(one.name, other.name, figures)


def warnings(runs: Sequence[Run]) -> list[str]:
    """What was not alike in runs of one benchmark, a line each."""
    facts = [_facts(run) for run in runs]
    names = list(dict.fromkeys(name for one in facts for name in one))
    lines = []
    for name in names:
        values = [one.get(name, "none") for one in facts]
        if len(set(values)) > 1:
            parts = [f"{value} ({run.name})" for value, run in zip(values, runs, strict=True)]
            lines.append(f"{name}: {', '.join(parts)}")
    if len(runs) > 1 and not all(same_prompts(runs[0].results, run.results) for run in runs[1:]):
        lines.append("the judged prompts are not the same: no test of chance is made where they differ")
    shares = [run.report.unjudged_share for run in runs]
    if max(shares) - min(shares) >= _UNJUDGED:
        parts = [f"{100 * share:.1f} % ({run.name})" for share, run in zip(shares, runs, strict=True)]
        lines.append(f"unjudged: {', '.join(parts)}")
    return lines


def _facts(run: Run) -> dict[str, str]:
    """What must be alike for two figures to be comparable."""
    report = run.report
    facts = {"official script's quirks": "reproduced" if report.official_compat else "not reproduced"}
    facts["prompts"] = f"{report.prompts:,}"
    if report.prompts:
        facts["pictures a prompt"] = f"{report.pictures / report.prompts:.3g}"
    for role, judge in report.judges.items():
        facts |= {f"judge {role}, {name}": value for name, value in settings(judge)}
    provenance = {name: value for name, value in report.provenance.items() if name in _ALIKE}
    facts |= {name.replace("_", " "): value for name, value in settings(provenance)}
    return {name: value if len(value) <= _LONG else f"{value[:_LONG]}…" for name, value in facts.items()}
