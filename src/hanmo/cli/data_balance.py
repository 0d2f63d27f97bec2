"""`hanmo data balance`: a set in the mix of domains that is wanted."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hanmo.cli.actions import check_installed, listed, make_folder
from hanmo.cli.answer import say
from hanmo.errors import OutputError, RequestError

SUMMARY = "choose pictures so that domains have their shares"

DESCRIPTION = """Write a set in which domains have their shares, and their categories are filled evenly. Stage 7's
operator taxonomy has said which picture is of which; only indexes are read to decide."""

EXAMPLES = """
examples:
  hanmo data balance runs/data --to balanced
  hanmo data balance runs/data --to balanced --total 10000 --quality aesthetics.score
  hanmo data balance runs/data/set3 --to balanced --domains nature=0.5,design=0.3,people=0.2
"""

PLAN = "balance.parquet"
"""The plan, in the folder that is written."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the action."""
    parser.add_argument("place", metavar="SET_OR_RUN", help="a finished set, or a run: then its last set")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="the set that is written")
    parser.add_argument("--total", type=int, default=0, metavar="N", help="pictures (default: 0, all that fit)")
    parser.add_argument(
        "--domains",
        metavar="SHARES",
        help="they sum to 1 (default: nature=0.55,design=0.27,people=0.13,synthetic=0.05)",
    )
    parser.add_argument("--quality", default="", metavar="SCORE", help="the best of it first (default: at random)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default: 2)")


def run(args: argparse.Namespace, shards_in: Callable[[Path], list[list[Path]]]) -> None:
    """Plan and write.

    Args:
        args: what was given.
        shards_in: the sets that a place means.

    Raises:
        RequestError: shares that do not sum to 1, a score that no record has, or nothing that could go on.
        OutputError: the folder holds something else, or cannot be written to.
    """
    check_installed()
    from dataclasses import replace

    from hanmo.data.balance import Balance, BalanceConfig, plan_balance
    from hanmo.data.operator import Threshold
    from hanmo.data.run import RunConfig, run
    from hanmo.data.stage import Stage

    config, workers = BalanceConfig(total=args.total, quality=args.quality), RunConfig(args.workers)
    if args.domains is not None:
        config = replace(config, domains=_shares(args.domains))
    shards, folder = shards_in(Path(args.place))[-1], Path(args.to)
    _check_quality(shards, args.quality)
    _make(folder, shards)
    plan = plan_balance(shards, folder / PLAN, config)
    say("\n".join(plan.lines()))
    if not plan.total:
        absent = [share.domain for share in plan.shares if config.domains[share.domain] and not share.there]
        why = f"there is no picture of {', '.join(absent)}" if absent else "there are too few pictures"
        raise RequestError(f"nothing would go on: {why}; give --total, or --domains without what is not there")
    stage = Stage((Balance(plan.operator),), {"balance": {"excess": Threshold(high=1.0)}})
    made = run(shards, folder, stage, workers)
    say(f"{folder}\t{made.kept} records\t{made.rejected} left behind")


def _shares(text: str) -> dict[str, float]:
    """The shares of "nature=0.55,design=.27"; what they must sum to is not known here."""
    found: dict[str, float] = {}
    for part in listed(text):
        name, equals, share = part.partition("=")
        try:
            found[name.strip()] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise RequestError(f"--domains has {part!r}; write DOMAIN=SHARE, such as nature=0.55,design=0.45")
    return found


def _check_quality(shards: Sequence[Path], score: str) -> None:
    from hanmo.data.shards import read_index

    known: set[str] = set()
    for shard in shards if score else ():
        for row in read_index(shard, ["scores"]):
            known |= set(_names(row))
            if score in known:
                return
    if score:
        there = ", ".join(sorted(known)) or "none"
        raise RequestError(f"no record has the score {score!r} (--quality); there are: {there}")


def _names(row: Mapping[str, object]) -> list[str]:
    scores = row["scores"]
    return [name for name, _ in scores] if isinstance(scores, list) else []


def _make(folder: Path, shards: Sequence[Path]) -> None:
    from hanmo.weights.files import check_parent

    if any(folder.resolve() in shard.resolve().parents for shard in shards):
        raise RequestError(f"--to {folder} holds the set that is read: give another folder")
    check_parent(folder)
    strange = make_folder(folder)
    if strange and PLAN not in strange:
        raise OutputError(f"{folder} holds {strange[0]}, which is of no balance: give a new folder")
