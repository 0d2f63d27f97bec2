"""`hanmo train`: run a recipe. The judge of text, where it is installed, reaches the trainer from here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli.answer import say
from hanmo.errors import RequestError
from hanmo.log import get_logger

if TYPE_CHECKING:
    from PIL import Image

    from hanmo.train.judge import Judge

log = get_logger(__name__)

USAGE = "hanmo train RECIPE [options]"

DESCRIPTION = """
Train a model from a recipe, a TOML file (see recipes/). The run's folder keeps the resolved recipe, the log,
metrics for TensorBoard, snapshots to resume from, previews, and at the end the checkpoint.
"""

EXAMPLES = """
examples:
  hanmo train recipes/tiny/vae.toml
  hanmo train recipes/tiny/t2i.toml --set run.steps=200 --set optim.lr=0.001
  hanmo train recipes/tiny/t2i.toml --resume          go on after a stop, exactly where it was
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("recipe", metavar="RECIPE", help="TOML file")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override a field of the recipe, such as run.steps=200; may be repeated, the last wins",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the newest snapshot of the run")
    parser.add_argument(
        "--no-judge",
        action="store_true",
        help="do not read the text in previews (default: read it where RapidOCR is installed)",
    )


def run(args: argparse.Namespace) -> None:
    """Train, and print the folder of the result.

    Raises:
        RequestError: the recipe is missing or wrong, or the run's folder cannot be written.
    """
    recipe = Path(args.recipe)
    if not recipe.is_file():
        raise RequestError(f"the recipe {recipe} does not exist: give a TOML file, such as those in recipes/")
    from hanmo.train.run import train

    result = train(recipe, args.overrides, args.resume, None if args.no_judge else _judge())
    say(str(result))


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
