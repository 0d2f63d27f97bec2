"""Words after a command, each with options of its own, such as `hanmo data run`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hanmo.errors import OutputError, RequestError


@dataclass(frozen=True)
class Action:
    """One word.

    Attributes:
        summary: a line for the list of words.
        description: the first lines of its help.
        configure: adds its arguments.
        run: does it.
        examples: the last lines of its help.
    """

    summary: str
    description: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    examples: str = ""


def add_actions(parser: argparse.ArgumentParser, actions: Mapping[str, Action], dest: str, word: str) -> None:
    """Add the words to a parser.

    Args:
        parser: of the command.
        actions: by name.
        dest: where the name is found after parsing.
        word: what a name is called in the help.
    """
    known = parser.add_subparsers(metavar=word, dest=dest, required=True, title=f"{word.lower()}s", prog=parser.prog)
    for name, action in actions.items():
        one = known.add_parser(
            name,
            help=action.summary,
            description=action.description,
            epilog=action.examples.strip("\n"),
            formatter_class=parser.formatter_class,
            allow_abbrev=False,
        )
        action.configure(one)
        for flag in ("--quiet", "--debug"):  # known to the parser above, which sees none that come after the word
            one.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def check_installed() -> None:
    """Say what the data engine lacks before anything is begun.

    Raises:
        RequestError: the extra is not installed.
    """
    from importlib.util import find_spec

    if missing := [name for name in ("pyarrow", "fontTools") if find_spec(name) is None]:
        raise RequestError(f"the data engine needs {' and '.join(missing)}: pip install 'hanmo[data]'")


def make_folder(folder: Path) -> list[str]:
    """Make a folder, and those above it, where they are missing.

    Returns:
        The names of what lies in it.

    Raises:
        OutputError: it cannot be made, or not be read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}; give another folder") from None


def listed(text: str | None) -> tuple[str, ...]:
    """The words of "a,b,c"; none of nothing."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())
