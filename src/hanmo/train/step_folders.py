"""Snapshots that are folders: `step-000001000/` with one file a process, and a mark that is written last.

    .step-000001000.part/   while it is written
    step-000001000/         renamed when every process has flushed its file
        snapshot.json       the mark, last of all: step, seed, processes, curriculum, the size of every file

A folder without its mark is unfinished: it is never loaded, and removed when the run is resumed. A file
that is shorter than the mark says was damaged later. Only one process, the first, changes names here.

It knows no tensors: what is in the files is `distributed_checkpoint`'s business.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hanmo.errors import OutputError, TrainingError
from hanmo.train.checkpoint import flush_folder
from hanmo.weights.files import atomic_file

MARK = "snapshot.json"
_STEP = re.compile(r"step-\d{9,}")
_PART = re.compile(r"\.step-\d{9,}\.part")


@dataclass(frozen=True)
class Mark:
    """What makes a snapshot whole; `files` are names and bytes, filled in when it is sealed."""

    step: int
    seed: int
    ranks: int
    curriculum: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)


def unfinished(folder: Path, step: int) -> Path:
    """Where the snapshot of a step is written."""
    return folder / f".step-{step:09d}.part"


def finished(folder: Path, step: int) -> Path:
    """Where it is found afterwards."""
    return folder / f"step-{step:09d}"


def whole(folder: Path) -> list[Path]:
    """Folders with their mark, oldest first."""
    return sorted((path for path in _folders(folder, _STEP) if (path / MARK).is_file()), key=_number)


def begin(folder: Path, step: int) -> None:
    """Make room for the snapshot of `step`.

    Raises:
        OutputError: there is a whole one of that step.
    """
    path = finished(folder, step)
    if (path / MARK).exists():
        raise OutputError(f"{path} is a whole snapshot already; resume from it, or remove it first")
    for left in (path, unfinished(folder, step)):  # of a process that was killed
        if left.exists():
            shutil.rmtree(left)
    unfinished(folder, step).mkdir(parents=True)


def seal(folder: Path, mark: Mark, keep: int) -> Path:
    """Turn what was written for `mark.step` into a whole snapshot, then remove all but the newest `keep`.

    Raises:
        OSError: a rename or the mark failed; the snapshot stays unfinished.
        OutputError: the same for the mark's own file.
    """
    part, path = unfinished(folder, mark.step), finished(folder, mark.step)
    files = {file.name: file.stat().st_size for file in sorted(part.iterdir())}
    flush_folder(part)
    part.replace(path)
    flush_folder(folder)
    values = {**asdict(mark), "curriculum": dict(mark.curriculum), "files": files}
    with atomic_file(path / MARK) as file:
        file.write((json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())
    flush_folder(path)
    for old in whole(folder)[:-keep]:
        remove(old)
    return path


def abandon(folder: Path, step: int) -> None:
    """Give up the snapshot of `step` unless it is whole, and with it the space it takes."""
    for left in (unfinished(folder, step), finished(folder, step)):
        if not (left / MARK).exists():
            shutil.rmtree(left, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a snapshot, its mark first, so that a kill half-way leaves an unfinished one.

    One whose mark cannot be removed stays: a new snapshot is not lost for that.
    """
    try:
        (path / MARK).unlink(missing_ok=True)
    except OSError:
        return
    shutil.rmtree(path, ignore_errors=True)


def tidy(folder: Path) -> None:
    """Remove what processes that were killed, or whose disk was full, left behind."""
    for path in _folders(folder, _PART):
        shutil.rmtree(path, ignore_errors=True)
    for path in _folders(folder, _STEP):
        if not (path / MARK).exists():
            shutil.rmtree(path, ignore_errors=True)


def read_mark(path: Path) -> Mark:
    """The mark of a snapshot, after a look at the size of every file.

    Raises:
        TrainingError: no mark, or a file is missing or has another size.
    """
    try:
        mark = Mark(**json.loads((path / MARK).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise TrainingError(f"{path} is no whole snapshot: it has no {MARK}; give a folder step-N of a run") from None
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"cannot read {path / MARK}: {error}; remove {path} to resume an older one") from error
    for name, size in mark.files.items():
        file = path / name
        found = file.stat().st_size if file.is_file() else None
        if found != size:
            said = "is missing" if found is None else f"has {found} bytes instead of {size}"
            raise TrainingError(f"{file} {said}: the snapshot is damaged; remove {path} to resume an older one")
    return mark


def _folders(folder: Path, name: re.Pattern[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if name.fullmatch(path.name) and path.is_dir()]


def _number(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
