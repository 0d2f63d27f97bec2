"""Several runs beside each other and beside what others have published: page, Markdown, JSON (report section 5).

Runs of one benchmark share a table. Where they were not made alike (pictures a prompt, judges, quirks, prompts) a
warning says what differs. This module knows folders; what is compared, `comparison` knows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.report.compared_page import page
from hanmo.evaluate.report.compared_text import as_json, markdown
from hanmo.evaluate.report.comparison import Run, compare
from hanmo.evaluate.report.figures import generator_name
from hanmo.evaluate.report.samples import Files
from hanmo.evaluate.run_folder import picture_path, read_report, read_results, source_paths
from hanmo.weights.files import atomic_file, refusal


def write_comparison(runs: Sequence[Path], to: Path) -> list[Path]:
    """Write comparison.html, comparison.md and comparison.json.

    Args:
        runs: folders of judged runs, one or more, of one benchmark or of several.
        to: a folder; it is made where it is missing. Pictures that do not fit in the page are read from the runs.

    Returns:
        The files that were written.

    Raises:
        RequestError: no run at all, one that is given twice, or a folder that is none or has no report.
        OutputError: a file cannot be written.
    """
    if not runs:
        raise RequestError("there is no run to compare: give the folders of one or more runs")
    twice = [str(path) for path, many in Counter(run.resolve() for run in runs).items() if many > 1]
    if twice:
        raise RequestError(f"{twice[0]} is given twice: give each run once")
    compared = compare(_named([_read(run) for run in runs], runs))
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(refusal(to, error)) from None
    texts = {
        "comparison.html": page(compared, to),
        "comparison.md": markdown(compared),
        "comparison.json": json.dumps(as_json(compared), ensure_ascii=False, indent=1, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        with atomic_file(to / name) as file:
            file.write(text.encode())
    return [to / name for name in texts]


def _read(run: Path) -> Run:
    report = read_report(run)
    files = Files(
        lambda prompt_id, seed: picture_path(run, prompt_id, seed), lambda prompt_id: source_paths(run, prompt_id)
    )
    return Run(generator_name(report), report, read_results(run), files)


def _named(runs: Sequence[Run], folders: Sequence[Path]) -> list[Run]:
    """Two runs of one benchmark never have the same name."""
    many = Counter((run.report.benchmark, run.name) for run in runs)
    return [
        Run(f"{run.name} ({folder.resolve().name})", run.report, run.results, run.files)
        if many[run.report.benchmark, run.name] > 1
        else run
        for run, folder in zip(runs, folders, strict=True)
    ]
