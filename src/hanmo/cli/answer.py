"""The answer of a command, on stdout, and what happens when stdout cannot take it."""

from __future__ import annotations

import os
import sys

from hanmo.errors import OutputError


def say(text: str) -> None:
    """Write lines to stdout at once.

    Raises:
        BrokenPipeError: the reader of our output has left.
        OutputError: stdout cannot be written, as on a full disk.
    """
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_stdout()
        raise OutputError(f"the answer cannot be written to stdout: {error.strerror}; write it elsewhere") from None


def forget_stdout() -> None:
    """Let the interpreter's own flush at exit go nowhere, instead of failing a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
