"""`hanmo session`: the turns of a session file; and what `hanmo edit --session` does."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hanmo.cli.answer import say
from hanmo.cli.options import add_lora_option, add_model_options
from hanmo.errors import RequestError

if TYPE_CHECKING:
    from hanmo.engine.denoise import OnStep
    from hanmo.pipeline.request import Request
    from hanmo.pipeline.result import Result
    from hanmo.pipeline.session import Session

USAGE = "hanmo session FILE [list | undo | redo | go N | again N] [options]"

DESCRIPTION = """
Look at the turns of an editing session, and move between them. A session is begun and continued by
'hanmo edit --session FILE'. Every command but list also writes the current picture when -o names a file.
"""

EXAMPLES = """
examples:
  hanmo edit a.png 'make the background red' --session s.hanmo -o b.png       begins the session
  hanmo edit 'change the text to "TWO"' --session s.hanmo -o c.png           goes on from its current picture
  hanmo session s.hanmo                      every turn; the current one is marked
  hanmo session s.hanmo undo -o back.png
  hanmo session s.hanmo go 1                 the next edit begins a branch there
  hanmo session s.hanmo again 2 --seed 7     the same request from the same place, with another seed
"""

NOT_IN_TURNS = {
    "size": "a turn keeps the picture's size; leave it out",
    "num": "a turn is one picture; try other seeds with 'hanmo session FILE again N --seed S'",
    "batch_file": "give one instruction at a time",
    "batch_size": "a turn is one picture; leave it out",
    "from_png": "the session remembers its requests; see 'hanmo session --help'",
    "refine": "ask again without --preview: 'hanmo session FILE undo', then the same instruction",
}
"""Options of `hanmo edit` that a turn of a session does not take, and what to do instead."""

ACTIONS = ("list", "undo", "redo", "go", "again")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the session")
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list", help="what to do (default: list)")
    parser.add_argument("number", nargs="?", type=int, metavar="N", help="the turn, for go and again")
    parser.add_argument("--seed", type=int, metavar="S", help="for again: another seed")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the current picture to this file")
    add_model_options(parser)
    add_lora_option(parser)


def run(args: argparse.Namespace) -> None:
    """List or move, and keep the file.

    Raises:
        RequestError: no such session or turn.
    """
    from hanmo.pipeline.session import Session

    if (args.number is None) == (args.action in ("go", "again")):
        raise RequestError(f"{args.action} {'needs the' if args.number is None else 'takes no'} number of a turn")
    if args.action == "again":
        from hanmo.cli.paint import open_pipeline, step_bar

        pipe = open_pipeline(args)
        for file, _ in args.lora:
            pipe.load_lora(file, source=args.source)
        session = Session.open(pipe, args.file)
        with step_bar(f"turn {args.number} again", args.quiet) as on_step:
            session.again(args.number, on_step=on_step, **({} if args.seed is None else {"seed": args.seed}))
    else:
        session = Session.open(_no_model, args.file)
        match args.action:
            case "undo":
                session.undo()
            case "redo":
                session.redo()
            case "go":
                session.go(args.number)
    if args.action != "list":
        session.save(args.file)
    _tell(session)
    if args.output is not None:
        write(session, Path(args.output))


def edit_turn(args: argparse.Namespace, picture: str | None, instruction: str) -> None:
    """One turn of `hanmo edit --session`: begin with a picture, or go on from the current turn.

    Raises:
        RequestError: a session that exists already is begun with a picture, or one that does not is gone on; or an
            option that a turn does not take.
    """
    from hanmo.cli.jobs import check_output, loras_of
    from hanmo.cli.paint import equipped, rewriting, step_bar
    from hanmo.pipeline.session import Session

    for option, why in NOT_IN_TURNS.items():
        if getattr(args, option) not in (None, 1):
            raise RequestError(f"--{option.replace('_', '-')} is not for --session: {why}")
    path = Path(args.session)
    if path.exists() and picture is not None:
        raise RequestError(f"the session {path} goes on from its own picture: leave {picture} out, or name a new file")
    if not path.exists() and picture is None:
        raise RequestError(f"the session {path} does not exist: begin it with a picture and an instruction")
    check_output(Path(args.output))
    given = {name: getattr(args, name) for name in ("steps", "cfg_scale", "negative", "seed", "solver", "preset")}
    given["loras"] = loras_of(args) or None
    pipe = equipped(args)
    paint = rewriting(pipe, args.device) if args.rewrite else pipe
    session = Session.open(paint, path) if picture is None else Session(paint, picture)
    with step_bar("edit", args.quiet) as on_step:
        session.edit(
            instruction, on_step=on_step, **{name: value for name, value in given.items() if value is not None}
        )
    session.save(path)
    write(session, Path(args.output))
    say(f"{args.output}\tturn {session.current}\tseed {session.turns[session.current].call['seed']}")


def write(session: Session, output: Path) -> None:
    """Save the current picture with what was asked for it."""
    from hanmo.cli.jobs import check_output
    from hanmo.cli.paint import save
    from hanmo.safety.c2pa import signing_from

    check_output(output)
    turn = session.turns[session.current]
    save(turn.image, output, turn.record, signing_from())


def _tell(session: Session) -> None:
    for turn in session.turns:
        mark = "*" if turn.number == session.current else " "
        if turn.parent is None:
            say(f"{mark} 0  {turn.image.width}x{turn.image.height}  the picture it began with")
        else:
            call = turn.call
            say(f"{mark} {turn.number}  from {turn.parent}  {call['task']}  seed {call['seed']}  {call['prompt']}")


def _no_model(request: Request, on_step: OnStep | None) -> Result:
    raise RequestError("moving between turns paints nothing")
