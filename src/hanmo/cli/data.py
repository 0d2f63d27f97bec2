"""`hanmo data`: run a recipe of the data engine, decide anew, look at what came out."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli import data_annotate, data_balance, data_fetch
from hanmo.cli.actions import Action, add_actions, check_installed
from hanmo.cli.answer import say
from hanmo.errors import RequestError

if TYPE_CHECKING:
    from hanmo.data.recipe import Recipe

USAGE = "hanmo data ACTION ... [options]"

DESCRIPTION = """
Make a set of pictures with captions from a recipe, a TOML file (see recipes/): collect sources, bring them through
stages of filters, see what each kept back and why. Needs: pip install 'hanmo[data]'.

A run may be stopped or killed at any moment; the same command goes on. Options not given have the recipe's values,
which are its classes' defaults where it is silent. 'hanmo data ACTION --help' shows an action's options.
"""

EXAMPLES = """
examples:
  hanmo data run recipes/tiny/data.toml
  hanmo data run recipes/tiny/data.toml --workers 8 --set sources.paragraphs.count=1000
  hanmo data report runs/data                   writes runs/data/report.html
  hanmo data decide runs/data --set stages.looks.thresholds.luma.luma.low=0.2
  hanmo data show runs/data --limit 5
  hanmo data show runs/data/set1 --rejects
  hanmo data annotate runs/data --to captioned --url http://localhost:8000/v1 --model Qwen2.5-VL-7B-Instruct
  hanmo data fetch emoji-art runs/emoji         a bilingual picture set out of packages
  hanmo data balance runs/data --to balanced    domains at 55, 27, 13 and 5 %
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_actions(parser, ACTIONS, "action", "ACTION")


def run(args: argparse.Namespace) -> None:
    """Do the action.

    Raises:
        RequestError: what is asked for cannot be done; see each action.
    """
    ACTIONS[args.action].run(args)


# --- run, decide -----------------------------------------------------------------------------------


def _configure_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="TOML file")
    _add_set(parser, "a field of the recipe, such as sources.photos.count=100")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: run.workers of the recipe)")
    parser.add_argument("--engine", choices=("local", "ray"), help="where to work (default: run.engine of the recipe)")


def _add_set(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help=f"override {what}; may be repeated, the last wins (default: none)",
    )


def _run(args: argparse.Namespace) -> None:
    path = Path(args.recipe)
    if not path.is_file():
        raise RequestError(f"the recipe {path} does not exist: give a TOML file, such as those in recipes/")
    check_installed()
    from hanmo.data.recipe import read_recipe

    given = {"run.workers": args.workers, "run.engine": args.engine}
    overrides = [*args.overrides, *(f"{key}={value}" for key, value in given.items() if value is not None)]
    _bring_to_its_end(read_recipe(path, overrides))


def _configure_decide(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", help="the folder of a run")
    _add_set(parser, "a threshold, such as stages.looks.thresholds.luma.luma.low=0.2")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: those of the run)")


def _decide(args: argparse.Namespace) -> None:
    check_installed()
    from dataclasses import replace

    from hanmo.data.engine import decided_anew

    recipe = decided_anew(Path(args.folder), args.overrides)
    if args.workers is not None:
        recipe = replace(recipe, run=replace(recipe.run, workers=args.workers))
    _bring_to_its_end(recipe, look_at_sources=False)


def _bring_to_its_end(recipe: Recipe, *, look_at_sources: bool = True) -> None:
    from hanmo.data.engine import run_recipe
    from hanmo.data.funnel import as_lines, funnel

    parts = run_recipe(recipe, look_at_sources=look_at_sources)
    steps = funnel(recipe.run.folder, recipe)
    say("\n".join(as_lines(steps)))
    measured, seconds = sum(part.measured for part in parts), sum(part.seconds for part in parts)
    say(f"{recipe.run.folder}\t{steps[-1].kept} records\t{measured} measurements\t{seconds:.1f} s")


# --- report ----------------------------------------------------------------------------------------


def _configure_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN", help="the folder of a finished run")
    parser.add_argument("-o", "--output", metavar="FILE", help="the page (default: report.html in the run's folder)")


def _report(args: argparse.Namespace) -> None:
    check_installed()
    from hanmo.data.report.page import write_report

    folder = Path(args.folder)
    output = folder / "report.html" if args.output is None else Path(args.output)
    write_report(folder, output)
    say(str(output))


# --- show ------------------------------------------------------------------------------------------


def _configure_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="SHARD_OR_RUN", help="a shard (.tar), a set, or a run: then its last set")
    parser.add_argument("--rejects", action="store_true", help="what was kept back instead, and why; of a run: by all")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="lines; 0 for all (default: 20)")
    parser.add_argument("--json", action="store_true", help="a JSON object for each, with everything known of it")


def _show(args: argparse.Namespace) -> None:
    if args.limit < 0:
        raise RequestError(f"--limit is {args.limit}; it must be 0 (all) or more")
    check_installed()
    lines = _rejects(args.place, args.json) if args.rejects else _records(args.place, args.json)
    for line in islice(lines, args.limit or None):
        say(line)


def _records(place: str, as_json: bool) -> Iterator[str]:
    from hanmo.data.shards import read_index

    for shard in _shards(Path(place))[-1]:
        for row in read_index(shard):
            if as_json:
                yield _json(
                    {**row, "metadata": json.loads(str(row["metadata"])), "scores": dict(_pairs(row["scores"]))}
                )
                continue
            captions = row["captions"]
            words = captions[0]["text"] if isinstance(captions, list) and captions else ""
            yield "\t".join(map(_plain, (row["id"], row["format"], row["source"], row["licence"], words)))


def _rejects(place: str, as_json: bool) -> Iterator[str]:
    from hanmo.data.layout import rejects_in
    from hanmo.data.rejects import read_rejects

    for shards in _shards(Path(place)):
        for shard in shards:
            for line in read_rejects(rejects_in(shard.parent)):
                if as_json:
                    yield _json({**vars(line), "record": json.loads(line.record) if line.record else None})
                    continue
                why = line.reason or f"{line.score} = {line.value:g}, kept is {_bounds(line.low, line.high)}"
                yield "\t".join(map(_plain, (line.id or "-", line.where, line.kind, line.operator, why)))


def _shards(place: Path) -> list[list[Path]]:
    """The shards of each set that is meant, in order."""
    from hanmo.data.engine import recipe_of, set_of
    from hanmo.data.funnel import recipe_of_run
    from hanmo.data.layout import shards_of

    if place.suffix == ".tar" and place.is_file():
        return [[place]]
    if recipe_of(place).is_file():
        return [shards_of(set_of(place, number)) for number in range(len(recipe_of_run(place).stages) + 1)]
    if not place.is_dir():
        raise RequestError(f"{place} is not there: give a shard (.tar), a set, or the folder of a run")
    return [shards_of(place)]


def _annotate(args: argparse.Namespace) -> None:
    data_annotate.run(args, _shards)


def _balance(args: argparse.Namespace) -> None:
    data_balance.run(args, _shards)


def _bounds(low: float | None, high: float | None) -> str:
    return f"{'' if low is None else f'{low:g} to '}{'any' if high is None else f'{high:g}'}".replace(
        " to any", " or more"
    )


def _plain(value: object) -> str:
    """Text of strangers, in one line and without what a terminal would obey."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]+", " ", str(value))


def _pairs(value: object) -> list[tuple[str, float]]:
    return list(value) if isinstance(value, list) else []


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


ACTIONS = {
    "run": Action(
        "run a recipe, or go on with one that was stopped",
        "Collect the sources of a recipe and bring them through its stages. Prints a table of what each kept back.",
        _configure_run,
        _run,
    ),
    "report": Action(
        "write a page that shows a run",
        "One HTML file that needs no network: funnel, scores with thresholds, pictures on both sides, shares, rejects.",
        _configure_report,
        _report,
    ),
    "decide": Action(
        "apply other thresholds to a run",
        "Decide again from stored scores. What a looser threshold lets into a later stage is measured there.",
        _configure_decide,
        _decide,
    ),
    "show": Action(
        "list the records of a shard, a set or a run",
        "One line for each record: id, format, source, licence, first caption; or what was kept back, and why.",
        _configure_show,
        _show,
    ),
    "annotate": Action(
        data_annotate.SUMMARY, data_annotate.DESCRIPTION, data_annotate.configure, _annotate, data_annotate.EXAMPLES
    ),
    "fetch": Action(
        data_fetch.SUMMARY, data_fetch.DESCRIPTION, data_fetch.configure, data_fetch.run, data_fetch.EXAMPLES
    ),
    "balance": Action(
        data_balance.SUMMARY, data_balance.DESCRIPTION, data_balance.configure, _balance, data_balance.EXAMPLES
    ),
}
"""Actions by name. A new one is an entry here."""
