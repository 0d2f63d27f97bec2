"""Services that are told a run's numbers beside metrics.jsonl and TensorBoard: Weights & Biases, and trackio.

Both are optional extras. The run's own files are the truth: a service that fails is dropped with one line, and the run
goes on. Offline, `WANDB_MODE=offline` keeps everything in the run's folder; trackio writes locally by itself. It knows
neither losses nor steps.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from hanmo.errors import RequestError
from hanmo.log import get_logger
from hanmo.train.files import RunFolder

log = get_logger(__name__)
PROJECT = "hanmo"


@runtime_checkable
class Tracker(Protocol):
    """What a run tells its numbers to."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Take the numbers of a step."""

    def close(self) -> None:
        """No more will come."""


class Service:
    """A service behind its client; the first failure is told, and ends it."""

    def __init__(self, name: str, log_values: Callable[[int, Mapping[str, float]], None], finish: Callable[[], None]):
        self._name, self._log, self._finish, self._gone = name, log_values, finish, False

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Tell the service."""
        self._try(lambda: self._log(step, values))

    def close(self) -> None:
        """Tell the service that the run has ended."""
        self._try(self._finish)

    def _try(self, do: Callable[[], None]) -> None:
        if self._gone:
            return
        try:
            do()
        except Exception as error:  # a client may raise anything, and no run may end for it
            self._gone = True
            log.warning("%s is not told any more (%s: %s); the run goes on", self._name, type(error).__name__, error)


def open_trackers(names: Sequence[str], run: str, folder: RunFolder) -> list[Tracker]:
    """Open services by name.

    Args:
        names: of `run_config.SERVICES`.
        run: the run's name.
        folder: where a service may keep its files.

    Raises:
        RequestError: it is not installed, or refuses to begin.
    """
    return [_open(name, run, folder) for name in names]


def _open(name: str, run: str, folder: RunFolder) -> Tracker:
    if name == "trackio":  # it asks for its folder when it is imported, once for the process
        os.environ.setdefault("TRACKIO_DIR", str(folder.path / "trackio"))
    try:
        client = import_module(name)
    except ImportError:
        raise RequestError(
            f"{name} is not installed: pip install 'hanmo[{name}]', or leave it out of run.track"
        ) from None
    try:
        return _wandb(client, run, folder) if name == "wandb" else _trackio(client, run)
    except Exception as error:  # a client may raise anything
        hint = "set WANDB_MODE=offline to keep the numbers in the run's folder" if name == "wandb" else "leave it out"
        raise RequestError(f"{name} does not begin ({type(error).__name__}: {error}): {hint}") from error


def _wandb(client: Any, run: str, folder: RunFolder) -> Tracker:
    opened = client.init(project=PROJECT, name=run, id=run, resume="allow", dir=str(folder.path))
    return Service("wandb", lambda step, values: opened.log(dict(values), step=step), opened.finish)


def _trackio(client: Any, run: str) -> Tracker:
    client.init(project=PROJECT, name=run, resume="allow")
    return Service("trackio", lambda step, values: client.log(dict(values), step=step), client.finish)
