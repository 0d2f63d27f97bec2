"""A run of a benchmark (report section 5): plan -> generate -> judge -> figures, each a step that can be repeated.

    plan       which prompts, which seeds                      plan.py, run.json, prompts.jsonl
    generate   paint what is missing                           generate.py, pictures/
    judge      ask judges of what they have not judged yet     judge.py, judged-<hash>.jsonl
    figures    summary and intervals                           figures.py, report.json

Whatever is missing (data, a judge, a picture of another system) is named before the first picture. Stopped or killed at
any moment, the same call goes on. This module does not know any particular benchmark, generator or judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hanmo.data.layout import alone
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.figures import make_report
from hanmo.evaluate.generate import generate
from hanmo.evaluate.generators.protocol import Generator, Order
from hanmo.evaluate.judge import check_judges, judge
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions, begin, plan_run
from hanmo.evaluate.run_folder import read_prompts
from hanmo.evaluate.types import Report


@dataclass(frozen=True)
class Budget:
    """What one call of a run may use up; None: no limit.

    Attributes:
        seconds: of painting: no picture is begun after them.
        calls: questions to the VLM.
    """

    seconds: float | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("seconds", "calls"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise RequestError(f"a budget of {value} {name} is not allowed: give more than 0")


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        report: the figures; None where the budget ran out before.
        stopped: how far it came and how to go on; "" where it is finished.
    """

    report: Report | None
    stopped: str = ""


def evaluate(
    benchmark: Benchmark,
    generator: Generator,
    judges: Judges,
    data: Path,
    folder: Path,
    options: RunOptions | None = None,
    budget: Budget | None = None,
    catalog_name: str | None = None,
) -> Outcome:
    """Bring a run as far as its budget allows.

    Args:
        benchmark: what is asked, and how it is judged.
        generator: who paints.
        judges: who judges; at least those that the benchmark needs.
        data: the data folder.
        folder: of the run; made, or gone on with.
        options: how; None takes the defaults.
        budget: of this call; None: no limit.
        catalog_name: see `plan_run`.

    Raises:
        RequestError: something is missing or does not fit, in one line, before the first picture.
        OutputError: the run's folder cannot be written, or another process works in it.
    """
    options, budget = options or RunOptions(), budget or Budget()
    check_judges(benchmark, judges)
    check_data(benchmark, data)
    plan = plan_run(benchmark, generator.describe(), options, data, catalog_name)
    generator.check([Order(one.prompt, n, seed) for one in plan.prompts for n, seed in enumerate(one.seeds)])
    begin(folder, plan)
    with alone(folder):
        return _brought(benchmark, generator, judges, data, folder, options, budget)


def _brought(
    benchmark: Benchmark,
    generator: Generator,
    judges: Judges,
    data: Path,
    folder: Path,
    options: RunOptions,
    budget: Budget,
) -> Outcome:
    prompts = read_prompts(folder)
    painted = generate(benchmark, generator, folder, prompts, data, options.concurrency, budget.seconds)
    if painted.left:
        return Outcome(None, f"{painted.left} pictures are still to paint: the same command goes on")
    found = judge(benchmark, judges, folder, prompts, data, options.judging, budget.calls)
    if found.left:
        return Outcome(None, f"{found.left} prompts are still to judge: the same command goes on")
    return Outcome(make_report(benchmark, folder, found.path, options.draws))


def check_data(benchmark: Benchmark, data: Path) -> None:
    """See that the files are there which every run of a benchmark needs.

    Raises:
        RequestError: some are not; they are named.
    """
    lacking = [file for file in benchmark.files if not file.part and not (data / file.path).is_file()]
    if lacking:
        names = ", ".join(str(data / file.path) for file in lacking[:3]) + (", ..." if len(lacking) > 3 else "")
        by_hand = next((f" ({file.path}: {file.licence})" for file in lacking if file.url is None), "")
        raise RequestError(
            f"{benchmark.name} needs {names}, which {'is' if len(lacking) == 1 else 'are'} not there: run: hanmo eval "
            f"fetch {benchmark.name}{by_hand}, or say where with --data FOLDER"
        )
