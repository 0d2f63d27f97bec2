"""Every error that Hanmo raises on purpose, and the exit code each becomes on the command line.

    HanmoError                  1   a fault of ours, or of the machine
    |- Cancelled                1   the caller stopped a run from `on_step`
    |- BlockedError             3   a safety policy kept pictures back; only the command line raises it
    |- TrainingError            1   a run cannot go on: a loss that is not finite, a broken snapshot
    `- RequestError             2   what was asked cannot be done as asked; also a ValueError
       |- ConfigError           2   a recipe: an unknown key, a wrong type, a missing file
       |- OutputError           2   the result cannot be written: a full disk, a missing folder
       `- WeightsError          2   a checkpoint: a missing folder, truncated or mis-shaped tensors

The message of a `RequestError` is one line that says what was given, what is allowed, and what to do.
This module knows nothing of the rest of the package.
"""

from __future__ import annotations


class HanmoError(Exception):
    """Any error that Hanmo raises on purpose."""

    exit_code = 1


class Cancelled(HanmoError):  # noqa: N818 - not a fault: the caller asked for it
    """The caller's `on_step` asked the run to stop; nothing was written."""


class BlockedError(HanmoError):
    """A safety policy kept back at least one picture of a command; in Python this is a result, not an error."""

    exit_code = 3


class TrainingError(HanmoError):
    """A training run cannot go on."""


class RequestError(HanmoError, ValueError):
    """A request that cannot be done as asked: one line with what was given, what is allowed, what to do."""

    exit_code = 2


class ConfigError(RequestError):
    """A recipe or an override that does not describe a run."""


class OutputError(RequestError):
    """A result that cannot be written where it was asked for; nothing half-written is left."""


class WeightsError(RequestError):
    """A checkpoint that is missing, incomplete, or of another shape than its config says."""
