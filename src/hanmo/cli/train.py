"""`hanmo train`: run a recipe, check one, look at a run. The judge of text reaches the trainer from here."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli.actions import check_installed
from hanmo.cli.answer import say
from hanmo.errors import RequestError
from hanmo.log import get_logger

if TYPE_CHECKING:
    from PIL import Image

    from hanmo.train.judge import Judge

log = get_logger(__name__)

USAGE = """hanmo train RECIPE [--dry-run] [options]
       hanmo train status RUN [--json]
       hanmo train plot RUN [-o FILE]"""

DESCRIPTION = """
Train a model from a recipe, a TOML file (see recipes/). The run's folder keeps the resolved recipe, the log,
metrics for TensorBoard, snapshots to resume from, previews, and at the end the checkpoint.

'status' says how a run stands, 'plot' writes its curves and previews as one HTML page. A recipe that is called so
is given as ./status or ./plot.
"""

EXAMPLES = """
examples:
  hanmo train recipes/tiny/vae.toml
  hanmo train recipes/tiny/t2i.toml --set run.steps=200 --set optim.lr=0.001
  hanmo train recipes/tiny/t2i.toml --resume          go on after a stop, exactly where it was
  hanmo train recipes/tiny/t2i.toml --dry-run         check folders, disk, data, checkpoints; train nothing
  hanmo train recipes/qwen_image/sft.toml --dry-run   what a run of the published size takes
  hanmo train status runs/t2i
  hanmo train plot runs/t2i                           writes runs/t2i/plot.html
"""
STATUS, PLOT = "status", "plot"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "words", nargs="+", metavar="RECIPE", help="TOML file; or 'status RUN', 'plot RUN' with a run's folder"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override a field of the recipe, such as run.steps=200; may be repeated, the last wins",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the newest snapshot of the run")
    parser.add_argument("--dry-run", action="store_true", help="check and plan the run, and train nothing")
    parser.add_argument(
        "--no-judge",
        action="store_true",
        help="do not read the text in previews (default: read it where RapidOCR is installed)",
    )
    parser.add_argument(
        "--engine",
        choices=("threads", "ray"),
        help="producers work while training goes on: in threads, or on a Ray cluster (data.feed and data.engine)",
    )
    parser.add_argument("--json", action="store_true", help="status as JSON, for programs")
    parser.add_argument("-o", "--output", metavar="FILE", help="page of 'plot' (default: RUN/plot.html)")


def run(args: argparse.Namespace) -> None:
    """Train, check, or look at a run.

    Raises:
        RequestError: the recipe is missing or wrong, a run's folder cannot be read or written, an option does not go
            with what is asked, or a dry run found something wrong.
    """
    match args.words:
        case [word, folder] if word == STATUS:
            _only(args, word, "json")
            _status(Path(folder), args.json)
        case [word, folder] if word == PLOT:
            _only(args, word, "output")
            _plot(Path(folder), args.output)
        case [word] if word in (STATUS, PLOT):
            raise RequestError(
                f"{word!r} needs a run: hanmo train {word} runs/NAME (for a recipe of that name: ./{word})"
            )
        case [recipe]:
            _only(args, "a recipe", "overrides", "resume", "dry_run", "no_judge", "engine")
            _recipe(Path(recipe), args)
        case _:
            raise RequestError(
                f"{' '.join(args.words)!r} is not understood: give one RECIPE, 'status RUN' or 'plot RUN'"
            )


_FLAGS = {"overrides": "--set", "resume": "--resume", "dry_run": "--dry-run", "no_judge": "--no-judge"}
_FLAGS |= {"engine": "--engine", "json": "--json", "output": "--output"}


def _only(args: argparse.Namespace, what: str, *allowed: str) -> None:
    """Refuse options that would be ignored."""
    for name, flag in _FLAGS.items():
        if name not in allowed and getattr(args, name):
            fits = ", ".join(_FLAGS[one] for one in allowed)
            raise RequestError(f"{flag} does not go with {what}: leave it out (allowed: {fits})")


def _recipe(recipe: Path, args: argparse.Namespace) -> None:
    if not recipe.is_file():
        raise RequestError(f"the recipe {recipe} does not exist: give a TOML file, such as those in recipes/")
    overrides = [*([f"data.engine={args.engine}", "data.feed=live"] if args.engine else []), *args.overrides]
    if args.dry_run:
        from hanmo.train.plan.dry_run import dry_run

        found = dry_run(recipe, overrides, args.resume)
        say(found.text())
        if found.wrong:
            raise RequestError(f"the dry run found {found.wrong} wrong: correct what is marked so, then run it again")
        return
    from hanmo.train.ranks import is_first
    from hanmo.train.run import train

    result = train(recipe, overrides, args.resume, None if args.no_judge else _judge())
    if is_first():
        say(str(result))


def _status(folder: Path, as_json: bool) -> None:
    from hanmo.train.status import status

    found = status(folder)
    say(json.dumps(asdict(found)) if as_json else found.text())


def _plot(folder: Path, output: str | None) -> None:
    check_installed()
    from hanmo.train.plot import write_plot

    page = Path(output) if output else folder / "plot.html"
    write_plot(folder, page)
    say(str(page))


def _judge() -> Judge | None:
    """The OCR judge with the comparison that the benchmarks use; None, and a message, where there is none."""
    from hanmo.data.ocr import OCR, check_installed
    from hanmo.evaluate.text import character_accuracy, exact
    from hanmo.train.judge import Verdict

    try:
        check_installed()
    except RequestError as missing:
        log.warning("previews are painted but not read: %s", missing)
        return None
    ocr = OCR()

    def judge(image: Image.Image, box: tuple[int, int, int, int], wanted: str) -> Verdict:
        read = ocr.read_box(image, box)
        return Verdict(read, exact(wanted, read), character_accuracy(wanted, read))

    return judge
