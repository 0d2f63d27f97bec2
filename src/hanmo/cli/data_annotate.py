"""`hanmo data annotate`: captions and what is known of pictures, from a vision-language model."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli.actions import check_installed, make_folder
from hanmo.cli.answer import say
from hanmo.errors import RequestError

if TYPE_CHECKING:
    from hanmo.data.annotate.vision import Vision

SUMMARY = "ask a vision-language model for captions"

DESCRIPTION = """Ask a vision-language model for a caption and the report's JSON of every picture, in one pass. What it
says is checked and asked for again; text that stage 4 has read must be quoted verbatim, which is a score. FOLDER gets
answers.jsonl, the journal of all that was said, and set/, the pictures with their new captions, once every picture is
decided."""

EXAMPLES = """
examples:
  hanmo data annotate runs/data --to captioned --url http://localhost:8000/v1 --model Qwen2.5-VL-7B-Instruct
  hanmo data annotate runs/data --to captioned --model Qwen/Qwen2.5-VL-3B-Instruct --device cuda
  hanmo data annotate runs/data --to again --replay captioned/answers.jsonl

The key of an endpoint, if it wants one, is read from HANMO_ANNOTATE_KEY.
"""

KEY = "HANMO_ANNOTATE_KEY"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the action."""
    parser.add_argument("place", metavar="SET_OR_RUN", help="a finished set, or a run: then its last set")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="what is written; the same folder goes on")
    model = parser.add_argument_group("model (an endpoint, one in memory, or recorded answers)")
    model.add_argument("--url", metavar="URL", help="base URL of an OpenAI-compatible endpoint (default: none)")
    model.add_argument("--model", metavar="M", help="its name there; without --url a folder or hub id of a Qwen2.5-VL")
    model.add_argument("--device", default="cpu", metavar="D", help="where a model in memory runs (default: cpu)")
    model.add_argument("--replay", metavar="FILE", help="answers.jsonl of an earlier run: nobody is asked")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of captions (default: en)")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="pictures asked about at once (default: 4)")
    limits = parser.add_argument_group("budget of this call (default: none)")
    limits.add_argument("--requests", type=int, metavar="N", help="requests, further tries included")
    limits.add_argument("--tokens", type=int, metavar="N", help="tokens read and written")
    limits.add_argument("--seconds", type=float, metavar="S", help="time on the clock")
    parser.add_argument(
        "--finish",
        action="store_true",
        help="write the set also where pictures are undecided; they keep their captions",
    )


def run(args: argparse.Namespace, shards_in: Callable[[Path], list[list[Path]]]) -> None:
    """Ask and write.

    Args:
        args: what was given.
        shards_in: the sets that a place means.

    Raises:
        RequestError: no model or several, or the folder is of another model.
        OutputError: the folder cannot be written to.
    """
    check_installed()
    from hanmo.data.annotate.budget import BudgetConfig
    from hanmo.data.annotate.captioned import CaptionedSource, items_of
    from hanmo.data.annotate.one import AskConfig
    from hanmo.data.annotate.run import AnnotateConfig, annotate_all
    from hanmo.data.collect import collect
    from hanmo.data.shards import read_index
    from hanmo.log import get_logger

    config = AnnotateConfig(
        workers=args.workers,
        ask=AskConfig(language=args.language),
        budget=BudgetConfig(args.requests, args.tokens, args.seconds),
    )
    shards, folder = shards_in(Path(args.place))[-1], Path(args.to)
    vision = _vision(args)
    make_folder(folder)
    journal, total = folder / "answers.jsonl", sum(len(list(read_index(shard, ["id"]))) for shard in shards)
    report = annotate_all(items_of(shards), vision, journal, config, total)
    ends = "\t".join(f"{count} {end}" for end, count in sorted(report.ends.items()))
    tokens = f"\t{report.tokens} tokens" if report.tokens else ""
    say(f"{journal}\t{ends or 'nothing new'}\t{report.already} before\t{report.requests} requests{tokens}")
    open_ones = report.undecided + report.ends.get("silent", 0)
    if (report.stopped or open_ones) and not args.finish:
        why = report.stopped or f"{open_ones} had no answer"
        get_logger(__name__).warning("no set yet (%s): the same command goes on, or --finish writes it as it is", why)
        return
    digest = hashlib.blake2b(journal.read_bytes(), digest_size=16).hexdigest()
    made = collect([CaptionedSource(tuple(shards), journal, digest, args.language)], folder / "set")
    say(f"{folder / 'set'}\t{made.records} records")


def _vision(args: argparse.Namespace) -> Vision:
    if args.replay is not None:
        if args.url is not None or args.model is not None:
            raise RequestError("--replay asks nobody: leave --url and --model out")
        from hanmo.data.annotate.replay import Replay

        return Replay(Path(args.replay))
    if args.model is None:
        raise RequestError("no model was named: give --url and --model, --model alone, or --replay")
    if args.url is None:
        from hanmo.data.annotate.local import LocalVision

        return LocalVision(args.model, args.device)
    from hanmo.data.annotate.vision import EndpointVision
    from hanmo.pipeline.chat import Endpoint

    return EndpointVision(Endpoint(args.url, args.model, os.environ.get(KEY) or None, KEY))
