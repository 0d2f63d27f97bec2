"""The third step of a run: figures with their intervals, and all that is needed to have them again.

It reads the run's folder alone: neither pictures nor judges are asked again. Tables and pages are `report/`'s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.bootstrap import DRAWS, intervals
from hanmo.evaluate.plan import options_of
from hanmo.evaluate.provenance import here_and_now
from hanmo.evaluate.run_folder import (
    chosen_judgement,
    digest,
    keep_report,
    read_header,
    read_prompts,
    read_results,
    read_settings,
)
from hanmo.evaluate.types import Report


def make_report(benchmark: Benchmark, folder: Path, judged: Path | None = None, draws: int = DRAWS) -> Report:
    """Compute the figures of a run and write report.json.

    Args:
        benchmark: of the run, with the options that it was judged with.
        folder: of the run.
        judged: one of `run_folder.judged_files`; None: see `run_folder.chosen_judgement`.
        draws: of the bootstrap.

    Raises:
        RequestError: the run is of another benchmark or was judged with other options, nobody has judged it, or a file
            is damaged.
        OutputError: the report cannot be written.
    """
    settings = read_settings(folder)
    path = chosen_judgement(folder) if judged is None else judged
    header, results = read_header(path), read_results(folder, path)
    _check_benchmark(benchmark, folder, settings["benchmark"], header["options"])
    prompts = read_prompts(folder)
    asked = [[one.prompt.id, one.prompt.text, dict(one.prompt.truth)] for one in prompts]
    seed = int(settings["seed"])
    scores = [score for result in results for score in result.scores]
    report = Report(
        benchmark=benchmark.name,
        title=benchmark.title,
        official_compat=bool(header["official_compat"]),
        generator=settings["generator"],
        judges=header["judges"],
        provenance={
            "seed": seed,
            "shared_noise": settings["shared_noise"],
            "images": settings["images"],
            "limit": settings["limit"],
            "planned": len(prompts),
            "options": header["options"],
            "draws": draws,
            "prompt_hash": digest([asked, header["questions"]]),
            "data_hash": settings["data_hash"],
            "judged": path.name,
            **here_and_now(),
        },
        prompts=len(results),
        pictures=sum(len(result.seeds) for result in results),
        unjudged=sum(result.unjudged for result in results),
        scores=len(scores),
        metrics=intervals(results, benchmark.summary, np.random.default_rng(seed), draws),
    )
    keep_report(folder, report)
    return report


def _check_benchmark(benchmark: Benchmark, folder: Path, name: str, options: object) -> None:
    if benchmark.name != name:
        raise RequestError(f"{folder} is a run of {name}, not of {benchmark.name}: give a run of {benchmark.name}")
    if options_of(benchmark) != options:
        raise RequestError(f"{folder} was judged with other options of {name} ({options}): judge it again with these")
