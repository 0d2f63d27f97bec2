"""`hanmo arena`: let people compare models blindly, look at how they stand, simulate voters."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hanmo.cli.actions import Action, add_actions
from hanmo.cli.answer import say
from hanmo.errors import OutputError, RequestError

if TYPE_CHECKING:
    from hanmo.evaluate.arena.ratings import Board
    from hanmo.evaluate.arena.votes import Ballots

USAGE = "hanmo arena ACTION ... [options]"

DESCRIPTION = """
People see a prompt and two pictures, and say which is better; who painted them is told after the vote. Models are
folders of pictures for the same prompts, such as runs of 'hanmo eval'. Needs: pip install 'hanmo[arena]'.

Votes are kept in a database: a file (SQLite), or PostgreSQL by URL. 'hanmo arena ACTION --help' shows an action's
options and their defaults.
"""

EXAMPLES = """
examples:
  hanmo arena serve --model ours=runs/ours --model theirs=runs/theirs
  hanmo arena serve --model a=pictures/a --model b=pictures/b --prompts prompts.jsonl --port 9000
  hanmo arena serve --model a=pictures/a --model b=https://host/v1#MODEL
  hanmo arena rank                              the board in the terminal
  hanmo arena export votes.csv                  also votes.json, board.csv, board.json
  hanmo arena simulate --models 8 --votes 2000  do planted ratings come back?
"""
DATABASE = "arena.db"
PAINTINGS = "arena-pictures"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_actions(parser, ACTIONS, "action", "ACTION")


def run(args: argparse.Namespace) -> None:
    """Do the action.

    Raises:
        RequestError: what is asked for cannot be done; see each action.
    """
    ACTIONS[args.action].run(args)


# --- serve -----------------------------------------------------------------------------------------


def _configure_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="NAME=PLACE",
        dest="models",
        help="a model and its pictures, <id>.png or <id>-<seed>.png in a folder; or an images endpoint that paints "
        "while people vote, https://host/v1#MODEL (its key: $HANMO_IMAGES_KEY); give two or more",
    )
    parser.add_argument(
        "--prompts", metavar="FILE", help="JSON lines with id and text (default: those that lie in the folders)"
    )
    parser.add_argument(
        "--paintings", default=PAINTINGS, metavar="FOLDER", help=f"what endpoints paint is kept here ({PAINTINGS})"
    )
    _add_database(parser)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, default=8080, metavar="N", help="0 takes a free one (default: 8080)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the coins (default: 0)")


def _serve(args: argparse.Namespace) -> None:
    _check_installed()
    if not 0 <= args.port <= 65535:
        raise RequestError(f"--port is {args.port}; it must be from 0 (any free one) to 65535")
    if args.seed < 0:
        raise RequestError(f"--seed is {args.seed}; it must be 0 or more")
    from hanmo.evaluate.arena.app import create_app
    from hanmo.evaluate.arena.live import live_model
    from hanmo.evaluate.arena.painting import Painter
    from hanmo.evaluate.arena.referee import Referee
    from hanmo.evaluate.arena.serving import listen
    from hanmo.evaluate.arena.sources import folder_model, questions_of

    pairs = [_model(text) for text in args.models]
    folders = [Path(place) for _, place in pairs if "://" not in place]
    questions = questions_of(folders, Path(args.prompts) if args.prompts else None)
    models = [
        live_model(name, place, questions, Path(args.paintings), args.seed)
        if "://" in place
        else folder_model(name, Path(place), questions)
        for name, place in pairs
    ]
    painters = [model for model in models if isinstance(model, Painter)]
    with _ballots(args.database) as ballots:
        app = create_app(Referee(models, questions, ballots, args.seed))
        for painter in painters:
            painter.start()
        try:
            listen(app, args.host, args.port, say)
        finally:
            for painter in painters:
                painter.stop()


def _model(text: str) -> tuple[str, str]:
    name, found, place = text.partition("=")
    if not (name and found and place):
        raise RequestError(
            f"--model {text!r} names no place: give NAME=FOLDER, such as ours=runs/ours, or NAME=https://host/v1#MODEL"
        )
    return name, place


# --- rank, export ----------------------------------------------------------------------------------


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database",
        default=DATABASE,
        metavar="FILE_OR_URL",
        help=f"where the votes are: a file, or postgresql://user@host/name (default: {DATABASE})",
    )


def _configure_rank(parser: argparse.ArgumentParser) -> None:
    _add_database(parser)
    parser.add_argument("--category", metavar="NAME", help="votes on prompts of this category (default: all)")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")


def _rank(args: argparse.Namespace) -> None:
    _check_installed()
    from hanmo.evaluate.arena.export import board_text
    from hanmo.evaluate.arena.ratings import board

    with _ballots(args.database, made=False) as ballots:
        votes = ballots.votes()
        known = sorted({vote.category for vote in votes})
        if args.category is not None and args.category not in known:
            raise RequestError(f"no vote is of the category {args.category!r}: there are {', '.join(known) or 'none'}")
        games = [vote.game for vote in votes if args.category in (None, vote.category)]
        found = board(ballots.names(), games)
    say(board_text(found, "json").rstrip() if args.json else "\n".join(_table(found)))


def _table(board: Board) -> list[str]:
    lines = [
        f"{'rank':<9}{'model':<28}{'rating':>7}  {'95 %':<13}{'Elo':>6}{'games':>7}{'win rate':>10}{'both bad':>10}"
    ]
    for one in board.standings:
        if not one.games:
            lines.append(f"{'-':<9}{one.name:<28}{'no games':>8}")
            continue
        ranks = f"{one.rank}" if one.best == one.worst else f"{one.rank} ({one.best}-{one.worst})"
        interval = f"{one.low:.0f} to {one.high:.0f}"
        lines.append(
            f"{ranks:<9}{one.name:<28}{one.rating:>7.0f}  {interval:<13}{one.elo:>6.0f}{one.games:>7}"
            f"{100 * (one.win_rate or 0):>8.1f} %{100 * (one.bad_share or 0):>8.1f} %"
        )
    value, low, high = board.left_advantage
    lines.append(f"{board.votes} votes; the left side is worth {value:.0f} points ({low:.0f} to {high:.0f})")
    return lines


def _configure_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="FILE", help="votes.csv, votes.json, board.csv or board.json, in any folder")
    _add_database(parser)
    parser.add_argument("--names", action="store_true", help="add the names that voters left (default: numbers only)")


def _export(args: argparse.Namespace) -> None:
    _check_installed()
    from hanmo.evaluate.arena.export import board_text, votes_text
    from hanmo.evaluate.arena.ratings import board

    output = Path(args.output)
    if output.name not in ("votes.csv", "votes.json", "board.csv", "board.json"):
        raise RequestError(f"{output.name!r} is not known: export votes.csv, votes.json, board.csv or board.json")
    if args.names and output.stem != "votes":
        raise RequestError("--names goes with votes.csv and votes.json only: leave it out")
    with _ballots(args.database, made=False) as ballots:
        votes = ballots.votes()
        form: Literal["csv", "json"] = "csv" if output.suffix == ".csv" else "json"
        if output.stem == "votes":
            text = votes_text(votes, form, ballots.voter_names() if args.names else None)
        else:
            text = board_text(board(ballots.names(), [vote.game for vote in votes]), form)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{output} cannot be written ({error.strerror}): give another place") from None
    say(str(output))


# --- simulate --------------------------------------------------------------------------------------


def _configure_simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=int, default=8, metavar="N", help="how many (default: 8)")
    parser.add_argument("--votes", type=int, default=2000, metavar="N", help="how many (default: 2000)")
    parser.add_argument(
        "--spread", type=float, default=300.0, metavar="POINTS", help="from the best to the worst (default: 300)"
    )
    parser.add_argument("--ties", type=float, default=0.2, metavar="SHARE", help="between equals, 0-1 (default: 0.2)")
    parser.add_argument(
        "--bias", type=float, default=0.0, metavar="POINTS", help="what the left side is worth to voters (default: 0)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all coins (default: 0)")


def _simulate(args: argparse.Namespace) -> None:
    if args.votes < 1 or args.seed < 0 or not 0 <= args.spread <= 4000:
        raise RequestError("simulate needs --votes of 1 or more, --seed of 0 or more, --spread from 0 to 4000")
    import numpy as np

    from hanmo.evaluate.arena.ratings import board
    from hanmo.evaluate.arena.simulate import Taste, planted, play

    generator = np.random.default_rng(args.seed)
    truth = planted(args.models, args.spread, generator)
    found = board(sorted(truth), play(truth, args.votes, generator, Taste(ties=args.ties, advantage=args.bias)))
    held = [one.low <= truth[one.name] <= one.high for one in found.standings]
    say("\n".join(_table(found)))
    by_truth = sorted(truth, key=lambda name: -truth[name])
    same = [one.name for one in found.standings] == by_truth
    say("planted: " + ", ".join(f"{name} {truth[name]:.0f}" for name in by_truth))
    say(f"{sum(held)} of {len(held)} intervals hold the planted rating; the order is {'' if same else 'not '}the same")


def _check_installed() -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("sqlalchemy", "starlette", "uvicorn") if find_spec(name) is None]:
        raise RequestError(f"the arena needs {' and '.join(missing)}: pip install 'hanmo[arena]'")


@contextmanager
def _ballots(database: str, made: bool = True) -> Iterator[Ballots]:
    """The votes; with `made=False` a file that is missing is an error, not an empty arena."""
    from hanmo.evaluate.arena.tables import open_database
    from hanmo.evaluate.arena.votes import Ballots

    if not made and "://" not in database and not Path(database).is_file():
        raise RequestError(f"{database} is not there: say with --database where the votes are")
    ballots = Ballots(open_database(database))
    try:
        yield ballots
    finally:
        ballots.close()


ACTIONS = {
    "serve": Action(
        "serve the pages on which people vote",
        "Serve the arena until Ctrl-C. The page of votes is /, the board is /board.",
        _configure_serve,
        _serve,
    ),
    "rank": Action("how the models stand", "Print the board of the votes so far.", _configure_rank, _rank),
    "export": Action(
        "write votes or the board to a file",
        "Write the votes or the board as CSV or JSON. Voters are numbers.",
        _configure_export,
        _export,
    ),
    "simulate": Action(
        "let simulated voters find a planted ranking",
        "Plant ratings, let simulated voters play the matches that the arena chooses, and see what comes back.",
        _configure_simulate,
        _simulate,
    ),
}
"""Actions by name."""
