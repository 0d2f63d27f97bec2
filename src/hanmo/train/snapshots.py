"""What a run asks of its snapshots, whoever writes them: one file of one process, or a folder of many.

`OneFile` is `checkpoint` behind this seam, for runs of one process (or of copies that share their steps);
`distributed_checkpoint.ShardedSnapshots` is for runs whose model is cut over processes. Beside the tensors
a snapshot holds notes: what the data and the curriculum want to find again.

It does not know what is trained, nor what the notes say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hanmo.errors import TrainingError
from hanmo.train import checkpoint, step_folders
from hanmo.weights.files import atomic_file


@dataclass(frozen=True)
class Notes:
    """What a run remembers beside tensors; plain JSON values.

    Attributes:
        cursor: this process's place in its data; empty where batches are a function of the step.
        curriculum: the stage of the run and what decided it; the same in every process.
    """

    cursor: Mapping[str, Any] = field(default_factory=dict)
    curriculum: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Resumed:
    """What a snapshot gave back beside tensors.

    Attributes:
        step: steps done.
        curriculum: as it was saved.
        cursors: one for each process that saved, in their order. With as many processes as then, this
            process's own is `cursors[rank]`; with another number the data decides what to make of them.
    """

    step: int
    curriculum: Mapping[str, Any]
    cursors: tuple[Mapping[str, Any], ...]


@runtime_checkable
class Snapshots(Protocol):
    """Where a run keeps its state. Every process of the run makes the same calls in the same order."""

    def newest(self) -> int | None:
        """Steps done in the newest whole snapshot, or None: what decides whether a run can be resumed."""

    def save(self, step: int, notes: Notes) -> None:
        """Take the state after `step` steps; it may still be on its way to the disk afterwards."""

    def news(self) -> str | None:
        """One line about a snapshot that could not be written since the last call; to be asked every step."""

    def finish(self) -> None:
        """Wait for what is on its way.

        Raises:
            OutputError: the last snapshot could not be written.
        """

    def restore(self) -> Resumed:
        """Give the newest whole snapshot back to what is trained, and remove unfinished ones.

        Raises:
            TrainingError: there is none, it is damaged, or it does not fit.
        """


def newest_snapshot(folder: Path) -> tuple[int, Path] | None:
    """Steps done in the newest whole snapshot of a run, of either kind, and where it is."""
    found = [(int(path.stem.removeprefix("step-")), path) for path in checkpoint.snapshots(folder)]
    found += [(int(path.name.removeprefix("step-")), path) for path in step_folders.whole(folder)]
    return max(found, default=None)


@dataclass(frozen=True)
class OneFile:
    """Snapshots of one process, written while the run waits; the notes lie beside each in a file of their own."""

    folder: Path
    parts: checkpoint.Parts
    seed: int
    keep: int

    def newest(self) -> int | None:
        """Steps done in the newest snapshot, or None."""
        found = newest_snapshot(self.folder)
        return None if found is None else found[0]

    def save(self, step: int, notes: Notes) -> None:
        """Write the snapshot of `step`: its notes first, so that a whole snapshot never lacks them.

        Raises:
            OutputError: the disk is full or the folder cannot be written; earlier snapshots are untouched.
            TrainingError: the notes are no JSON values.
        """
        text = as_json({"cursor": notes.cursor, "curriculum": notes.curriculum})
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._notes(step)) as file:
            file.write(text.encode())
        checkpoint.save(self.folder, step, self.parts, self.seed, self.keep)
        kept = {path.stem for path in checkpoint.snapshots(self.folder)}
        for old in self.folder.glob("step-*.json"):
            if old.stem not in kept:
                old.unlink(missing_ok=True)

    def news(self) -> str | None:
        """Nothing: what cannot be written is said at once."""
        return None

    def finish(self) -> None:
        """Nothing is on its way."""

    def restore(self) -> Resumed:
        """Load the newest snapshot; one that was written without notes has empty ones.

        Raises:
            TrainingError: as for `checkpoint.restore`, or the notes are damaged.
        """
        if step_folders.whole(self.folder):
            raise TrainingError(
                f"{self.folder} holds snapshots of a divided model: resume under torchrun with [shard] as it was, or "
                "with other degrees"
            )
        step = checkpoint.restore(self.folder, self.parts, self.seed)
        path = self._notes(step)
        if not path.exists():
            return Resumed(step, {}, ({},))
        try:
            notes = json.loads(path.read_text(encoding="utf-8"))
            return Resumed(step, notes["curriculum"], (notes["cursor"],))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"cannot read {path}: {error}; remove this snapshot to resume an older one") from error

    def _notes(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}.json"


def as_json(values: Mapping[str, Any]) -> str:
    """Notes as text.

    Raises:
        TrainingError: a value that JSON does not know.
    """
    try:
        return json.dumps(values, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"the notes of a snapshot must be plain JSON values: {error}") from error
