"""Snapshots of a run: all that the next step depends on, written so that a kill at any moment is harmless.

A snapshot is one file, `step-000001000.pt`. It is written beside its place under another name, flushed to
the disk, and renamed; the folder is flushed too. Older snapshots are removed only afterwards. So the
newest file is always whole, and a full disk costs the new snapshot, never an old one.

It does not know what is trained: modules, optimizers and averages are things with `state_dict`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from hanmo.errors import OutputError, TrainingError
from hanmo.weights.files import atomic_file


@runtime_checkable
class Stateful(Protocol):
    """Anything whose state can be taken and given back."""

    def state_dict(self) -> Any:
        """Return the state as tensors and plain values."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Take such a state back."""


@dataclass(frozen=True)
class Parts:
    """What a snapshot holds beside the step: the things that change while training."""

    modules: Mapping[str, nn.Module]
    optimizers: Sequence[torch.optim.Optimizer]
    ema: Stateful


def save(folder: Path, step: int, parts: Parts, seed: int, keep: int) -> Path:
    """Write the snapshot of a run after `step` steps, then remove all but the newest `keep`.

    Raises:
        OutputError: the disk is full or the folder cannot be written; earlier snapshots are untouched.
    """
    state = {
        "step": step,
        "seed": seed,
        "rng": torch.get_rng_state(),
        "modules": {name: module.state_dict() for name, module in parts.modules.items()},
        "optimizers": [optimizer.state_dict() for optimizer in parts.optimizers],
        "ema": parts.ema.state_dict(),
    }
    path = folder / f"step-{step:09d}.pt"
    write_atomically(path, state)
    for old in snapshots(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def write_atomically(path: Path, state: object) -> None:
    """Save `state` with torch so that `path` is either whole or as it was.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            torch.save(state, file)
        flush_folder(path.parent)
    except (OSError, RuntimeError) as error:  # torch reports a failed write as a RuntimeError
        raise OutputError(f"cannot write {path}: {error}; free some space or choose another folder") from error


def flush_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def snapshots(folder: Path) -> list[Path]:
    """Whole snapshots in `folder`, oldest first."""
    return sorted(folder.glob("step-*.pt"))


def restore(folder: Path, parts: Parts, seed: int) -> int:
    """Load the newest snapshot of `folder` into `parts` and return how many steps were done.

    Raises:
        TrainingError: there is none, it cannot be read, it is of another seed, or it does not fit the
            model.
    """
    for unfinished in folder.glob(".step-*.part"):  # of a process that was killed while it wrote
        unfinished.unlink(missing_ok=True)
    found = snapshots(folder)
    if not found:
        raise TrainingError(f"nothing to resume in {folder}: no snapshot; start the run without resume")
    path = found[-1]
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling a damaged file can fail in any way
        raise TrainingError(f"cannot read the snapshot {path}: {error}; remove it to resume an older one") from error
    if state["seed"] != seed:
        raise TrainingError(f"{path} is of seed {state['seed']}, the recipe says {seed}; resume with the same seed")
    try:
        for name, module in parts.modules.items():
            module.load_state_dict(state["modules"][name])
        for optimizer, saved in zip(parts.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        parts.ema.load_state_dict(state["ema"])
    except (KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(f"the snapshot {path} does not fit this recipe's model: {error}") from error
    torch.set_rng_state(state["rng"])
    return int(state["step"])
