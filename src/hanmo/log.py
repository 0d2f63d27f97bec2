"""Logging and progress, always on stderr: stdout belongs to a command's answer.

A library must not configure logging, so importing Hanmo attaches no handler that writes; the command
line calls `configure` once. This module knows nothing of what is being done.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from tqdm import tqdm

_ROOT = "hanmo"
logging.getLogger(_ROOT).addHandler(logging.NullHandler())


def get_logger(name: str) -> logging.Logger:
    """Return the logger of one module, a child of `hanmo`.

    Args:
        name: the module's `__name__`, or a short name, which is put under `hanmo.`.
    """
    inside = name == _ROOT or name.startswith(_ROOT + ".")
    return logging.getLogger(name if inside else f"{_ROOT}.{name}")


def configure(level: int = logging.INFO) -> None:
    """Send Hanmo's log records of `level` and above to stderr; calling it again only changes the level."""
    root = logging.getLogger(_ROOT)
    root.setLevel(level)
    if not any(isinstance(handler, _StderrHandler) for handler in root.handlers):
        root.addHandler(_StderrHandler())


class _StderrHandler(logging.Handler):
    """Writes above a progress bar, not through it, to whatever stderr is at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


@runtime_checkable
class Progress(Protocol):
    """What `progress` hands out."""

    def update(self, n: int = 1, postfix: Mapping[str, object] | None = None) -> None:
        """Move on by `n`; show `postfix`, such as a loss, behind the bar."""


class _Bar:
    def __init__(self, bar: tqdm[None]) -> None:
        self._bar = bar

    def update(self, n: int = 1, postfix: Mapping[str, object] | None = None) -> None:
        if postfix:
            self._bar.set_postfix({key: _short(value) for key, value in postfix.items()}, refresh=False)
        self._bar.update(n)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@contextmanager
def progress(total: int | None, desc: str = "", *, show: bool | None = None, initial: int = 0) -> Iterator[Progress]:
    """Show a progress bar on stderr while the block runs.

    Args:
        total: steps to come in all; None when it is not known.
        desc: a short name, left of the bar.
        show: True or False to insist; None shows it only where stderr is a terminal.
        initial: steps done before, as after a resume.
    """
    visible = sys.stderr.isatty() if show is None else show
    with tqdm(total=total, desc=desc, initial=initial, file=sys.stderr, disable=not visible, dynamic_ncols=True) as bar:
        yield _Bar(bar)
