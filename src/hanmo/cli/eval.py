"""`hanmo eval`: run a benchmark, fetch what it needs, judge again, write reports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli import eval_options
from hanmo.cli.actions import Action, add_actions
from hanmo.cli.answer import say
from hanmo.cli.options import positive
from hanmo.errors import RequestError
from hanmo.evaluate.catalog import CATALOG

if TYPE_CHECKING:
    from hanmo.evaluate.benchmark import DataFile
    from hanmo.evaluate.types import Report

USAGE = "hanmo eval NAME|ACTION ... [options]"

DESCRIPTION = """
Judge pictures by the benchmarks of the report: paint what a benchmark asks for, have judges look at it, print the
figures with their 95 % intervals, and write a report with every sample. Needs: pip install 'hanmo[evaluate]'.

A run may be stopped or killed at any moment; the same command goes on. Painting and judging are separate: 'judge' asks
other judges about the same pictures. By default the bundled model paints, a run lies in runs/eval/NAME, and the files
of benchmarks in $HANMO_BENCH or ~/.cache/hanmo/bench. 'hanmo eval ACTION --help' shows an action's options.
"""

EXAMPLES = """
examples:
  hanmo eval list
  hanmo eval textcraft                                the bundled model
  hanmo eval textcraft --model ./my-model --limit 50 --to runs/eval/mine
  hanmo eval fetch geneval                            its prompts, from their home
  hanmo eval dpg --pictures ./theirs --vlm http://localhost:8000/v1 --vlm-model Qwen2.5-VL-7B-Instruct
  hanmo eval judge runs/eval/dpg --vlm-local Qwen/Qwen2.5-VL-7B-Instruct
  hanmo eval report runs/eval/mine runs/eval/theirs   a page each, and one that compares them
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_actions(parser, actions(), "action", "ACTION")


def run(args: argparse.Namespace) -> None:
    """Do the action.

    Raises:
        RequestError: what is asked for cannot be done; see each action.
    """
    actions()[args.action].run(args)


def actions() -> dict[str, Action]:
    """The words after `hanmo eval`: its actions, then the benchmarks by name."""
    return ACTIONS | {
        name: Action(entry.about, f"{entry.about}.", eval_options.add_run_options, _run, _RUN_EXAMPLES)
        for name, entry in CATALOG.items()
    }


# --- list ------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> None:
    width = max(map(len, CATALOG)) + 2
    say("\n".join(f"{name:<{width}}{entry.about}" for name, entry in CATALOG.items()))


# --- run -------------------------------------------------------------------------------------------


def _configure_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of a benchmark: see 'hanmo eval list'")
    eval_options.add_run_options(parser)


def _run(args: argparse.Namespace) -> None:
    name = getattr(args, "name", args.action)
    benchmark = eval_options.benchmark_of(name, args.overrides, args.official_compat)
    eval_options.check_generator_options(args)
    from hanmo.evaluate.fetch import data_folder
    from hanmo.evaluate.judges.build import build
    from hanmo.evaluate.run import Budget, check_data, evaluate

    seconds, calls = (None, None) if args.budget is None else args.budget
    budget = Budget(seconds, calls)
    options = eval_options.run_options(args)
    folder = Path(args.to or f"runs/eval/{name}")
    data = data_folder(args.data)
    check_data(benchmark, data)
    judges = build(benchmark.needs, eval_options.judge_config(args, benchmark.needs))
    generator = eval_options.generator_of(args)
    outcome = evaluate(benchmark, generator, judges, data, folder, options, budget, name)
    if outcome.report is None:
        say(f"{folder}\tstopped by the budget: {outcome.stopped}")
    else:
        _show(folder, outcome.report)


def _show(folder: Path, report: Report) -> None:
    """Write the pages, print the table."""
    from hanmo.evaluate.report.reference import references_of
    from hanmo.evaluate.report.text import as_lines
    from hanmo.evaluate.report.write import write_pages

    pages = write_pages(folder)
    say("\n".join([*as_lines(report, references_of(report)), *map(str, pages)]))


# --- fetch -----------------------------------------------------------------------------------------


def _configure_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of a benchmark: see 'hanmo eval list'")
    parser.add_argument("--yes", action="store_true", help="fetch files without a licence too, without being asked")
    eval_options.add_set(parser)
    eval_options.add_data(parser)


def _fetch(args: argparse.Namespace) -> None:
    benchmark = eval_options.benchmark_of(args.name, args.overrides)
    from hanmo.evaluate.fetch import data_folder, fetch, is_there, needs_consent

    data = data_folder(args.data)
    wanted = [file for file in benchmark.files if not is_there(file, data)]
    for licence in dict.fromkeys(file.licence for file in wanted):
        names = [file.path for file in wanted if file.licence == licence]
        say(f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}: {licence}")
    if not args.yes:
        _ask([file for file in wanted if needs_consent(file)], args.name)
    fetch(benchmark.files, data)
    say(f"{data}\t{len(wanted)} fetched\t{len(benchmark.files) - len(wanted)} there before")


def _ask(files: Sequence[DataFile], name: str) -> None:
    """Consent for files that have no licence.

    Raises:
        RequestError: it is not given, or nobody can be asked.
    """
    if not files:
        return
    if not sys.stdin.isatty():
        raise RequestError(
            f"{len(files)} files of {name} have no licence: to fetch them for your own use, say so with --yes"
        )
    sys.stderr.write(f"Fetch {len(files)} files without a licence, for your own use? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise RequestError("nothing was fetched: the answer was no")


# --- judge -----------------------------------------------------------------------------------------


def _configure_judge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", help="the folder of a run whose pictures are there")
    eval_options.add_benchmark_options(parser)
    eval_options.add_judge_options(parser)
    parser.add_argument("--budget", type=eval_options.budget_of, metavar="B", help="such as 500calls (default: none)")
    parser.add_argument("--concurrency", type=positive, default=1, metavar="N", help="prompts at once (default: 1)")
    eval_options.add_draws(parser)


def _judge(args: argparse.Namespace) -> None:
    folder = Path(args.folder)
    from hanmo.evaluate.fetch import data_folder
    from hanmo.evaluate.figures import make_report
    from hanmo.evaluate.judge import judge
    from hanmo.evaluate.run_folder import read_prompts, read_settings

    seconds, calls = (None, None) if args.budget is None else args.budget
    if seconds is not None:
        raise RequestError("a budget of seconds is one of painting: give one of calls, such as --budget 500calls")
    settings = read_settings(folder)
    name = eval_options.catalog_name(folder, settings)
    benchmark = eval_options.benchmark_again(name, settings["options"], args.overrides, args.official_compat)
    from hanmo.evaluate.judges.build import build  # only once it is known that there is a run

    config = eval_options.judge_config(args, benchmark.needs)
    judges, prompts = build(benchmark.needs, config), read_prompts(folder)
    threads = eval_options.judging(args)
    found = judge(benchmark, judges, folder, prompts, data_folder(args.data), threads, calls)
    if found.left:
        say(f"{folder}\t{found.left} prompts are still to judge: paint what is missing, or the same command goes on")
    else:
        _show(folder, make_report(benchmark, folder, found.path, args.draws))


# --- report ----------------------------------------------------------------------------------------


def _configure_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="RUN", nargs="+", help="the folder of a run that is judged")
    parser.add_argument(
        "--to", metavar="FOLDER", help="of the page that compares several (default: runs/eval/compared)"
    )
    eval_options.add_draws(parser)


def _report(args: argparse.Namespace) -> None:
    folders = [Path(folder) for folder in args.folders]
    if len(folders) == 1 and args.to is not None:
        raise RequestError("--to is the folder of a comparison: give several runs, or leave it out")
    from hanmo.evaluate.figures import make_report
    from hanmo.evaluate.run_folder import chosen_judgement, read_header, read_settings

    for folder in folders:
        settings, judged = read_settings(folder), chosen_judgement(folder)
        name = eval_options.catalog_name(folder, settings)
        benchmark = eval_options.benchmark_again(name, read_header(judged)["options"])
        _show(folder, make_report(benchmark, folder, judged, args.draws))
    if len(folders) > 1:
        from hanmo.cli.actions import make_folder
        from hanmo.evaluate.report.compare import write_comparison

        to = Path(args.to or "runs/eval/compared")
        make_folder(to)
        say("\n".join(map(str, write_comparison(folders, to))))


_RUN_EXAMPLES = """
examples:
  hanmo eval textcraft --limit 20                     20 prompts, evenly from the groups
  hanmo eval textcraft --steps 10 --cfg-scale 2
  hanmo eval geneval --endpoint https://host/v1 --endpoint-model their-model --concurrency 4
  hanmo eval longtext-en --pictures ./theirs --to runs/eval/theirs
  hanmo eval dpg --vlm http://localhost:8000/v1 --vlm-model M --budget 600s,2000calls
"""

ACTIONS = {
    "list": Action(
        "what benchmarks there are", "List the benchmarks: name, what is asked, who judges.", lambda _: None, _list
    ),
    "run": Action(
        "run a benchmark; 'hanmo eval NAME' does the same",
        "Paint what a benchmark asks for, judge it, print the figures with their 95 % intervals.",
        _configure_run,
        _run,
        _RUN_EXAMPLES,
    ),
    "fetch": Action(
        "bring a benchmark's files from their home",
        "Fetch the files that a benchmark needs. Their licences are shown first.",
        _configure_fetch,
        _fetch,
    ),
    "judge": Action(
        "judge the pictures of a run again, by other judges or options",
        "Judge the pictures of a run. Nothing is painted; what other judges said is kept.",
        _configure_judge,
        _judge,
    ),
    "report": Action(
        "write the report of a run, or compare several",
        "Compute the figures of a run anew and write report.json, report.md and report.html; of several runs also a\n"
        "page that compares them.",
        _configure_report,
        _report,
    ),
}
"""Actions by name."""
