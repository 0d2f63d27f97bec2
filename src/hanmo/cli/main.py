"""`hanmo`: the table of commands, what all of them share, and how an error becomes a line and an exit code.

Exit codes: 0 done; 1 a fault of ours or of the machine; 2 a wrong request; 3 a picture kept back by the safety
policy; 130 stopped by Ctrl-C. A command's module is imported when it is called, and torch only when it starts
to work, so that help is immediate. This module knows no command from within.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import shutil
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn, Protocol, cast, runtime_checkable

from hanmo import __version__
from hanmo.cli.answer import forget_stdout, say
from hanmo.errors import HanmoError, RequestError

COMMANDS = {
    "generate": "paint pictures from words",
    "edit": "change a picture as an instruction says",
    "img2img": "paint anew from a picture and words",
    "inpaint": "paint a part of a picture anew",
    "outpaint": "continue a picture beyond its edges",
    "session": "look at the turns of an editing session and move between them",
    "rewrite": "make a prompt precise with a language model",
    "info": "say what a model is made of",
    "data": "make a set of pictures and captions from a recipe",
    "train": "train a model from a recipe",
    "eval": "judge pictures by the benchmarks",
    "arena": "let people compare models blindly",
}
"""Commands by name, with what each does; `hanmo.cli.NAME` holds the rest."""

_EXAMPLES = """
examples:
  hanmo generate 'a blue card with the text "HANMO"' -o a.png --seed 3
  hanmo edit a.png 'change the text to "WORLD"' -o b.png
  hanmo info qwen-image

'hanmo COMMAND --help' shows a command's options, their defaults and examples.
Without --model, commands use the small model that Hanmo brings along.
Exit codes: 0 done, 1 a fault of ours, 2 a wrong request (one line says what to do), 3 a picture kept
back by the safety policy, 130 stopped by Ctrl-C."""


@runtime_checkable
class Command(Protocol):
    """What the module of a command offers."""

    USAGE: str
    """One line, without the options."""
    DESCRIPTION: str
    """First lines of its help."""
    EXAMPLES: str
    """Last lines of its help."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""

    def run(self, args: argparse.Namespace) -> None:
        """Do it."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, raised like every other wrong request."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving.

        Raises:
            RequestError: always.
        """
        if message.startswith("unrecognized arguments"):
            message += " (words that belong together need quotes)"
        raise RequestError(f"{message}; see '{self.prog} --help'")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: arguments without the program's name; None takes those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        _run(arguments)
    except SystemExit as done:  # argparse, after --help
        return int(done.code or 0)
    except KeyboardInterrupt:
        return _fail("stopped by Ctrl-C", 130, debug)
    except BrokenPipeError:  # the reader of our output has seen enough
        forget_stdout()
        return 0
    except HanmoError as error:
        return _fail(str(error), error.exit_code, debug)
    except MemoryError as error:
        return _fail(f"out of memory ({error or 'no more to be had'}): ask for smaller or fewer pictures", 1, debug)
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
            return _fail(
                "the device is out of memory: ask for smaller or fewer pictures, or --dtype bfloat16",
                1,
                debug,
            )
        hint = "" if debug else "; run again with --debug for the traceback, and please report it"
        return _fail(f"a fault of ours: {type(error).__name__}: {error}{hint}", 1, debug)
    return 0


def _run(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        say(_overview())
        return
    if arguments[0] in ("-V", "--version"):
        say(f"hanmo {__version__}")
        return
    name = arguments[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(COMMANDS)}"
        raise RequestError(f"unknown command {name!r}: {hint} (see 'hanmo --help')")
    command = cast(Command, import_module(f"hanmo.cli.{name}"))
    parser = Parser(
        prog=f"hanmo {name}",
        usage=command.USAGE,
        description=command.DESCRIPTION.strip(),
        epilog=command.EXAMPLES.strip("\n"),
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    command.configure(parser)
    common = parser.add_argument_group("on every command")
    common.add_argument("--quiet", action="store_true", help="no progress bar and no messages, errors excepted")
    common.add_argument("--debug", action="store_true", help="show the traceback of an error, and others' warnings")
    args = parser.parse_args(arguments[1:])
    _prepare(args.debug, args.quiet)
    command.run(args)


def _formatter(prog: str) -> argparse.HelpFormatter:
    width = min(100, shutil.get_terminal_size().columns)
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=24, width=width)


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{summary}" for name, summary in COMMANDS.items()]
    head = [
        "usage: hanmo COMMAND [options]",
        "",
        "Hanmo paints and edits pictures with Qwen-Image models.",
        "",
        "commands:",
    ]
    return "\n".join([*head, *lines, _EXAMPLES])


def _prepare(debug: bool, quiet: bool) -> None:
    """Before a command works: our messages on stderr, other libraries' chatter only where asked for."""
    from hanmo.log import configure

    configure(logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO)
    if not debug:
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    if quiet:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _fail(message: str, code: int, debug: bool) -> int:
    if debug and sys.exc_info()[0] is not None:
        traceback.print_exc()
    sys.stderr.write(f"hanmo: {' '.join(message.split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
