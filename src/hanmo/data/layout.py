"""Where a set lies on disk, and how one sees that it is whole. Collecting and every stage write the same layout.

    SET/00000/00000.tar, 00000.parquet     the shard and its index (`shards`)
    SET/00000/rejects.parquet              what did not go on (`rejects`)
    SET/00000/_SUCCESS                     JSON, written last: what made the shard, and its counts
    SET/_SUCCESS                           JSON, written when every shard has its own: the totals

Without its `_SUCCESS` a shard is unfinished, whatever lies there. It does not know what the shards hold. One process
at a time works on a set (a lock, on systems with `fcntl`: Linux, macOS).
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hanmo.data.record import Json, canonical_json
from hanmo.errors import OutputError, RequestError
from hanmo.weights.files import atomic_file, check_parent

_SUCCESS = "_SUCCESS"


def shard_in(place: Path) -> Path:
    """The tar of a shard's folder."""
    return place / f"{place.name}.tar"


def rejects_in(place: Path) -> Path:
    """The rejects table of a shard's folder."""
    return place / "rejects.parquet"


def places(folder: Path) -> list[Path]:
    """The shard folders of a set, finished or not, in order."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def read_success(place: Path) -> dict[str, Json] | None:
    """What stands in the `_SUCCESS` of a shard or a set; None where it is unfinished."""
    try:
        known = json.loads((place / _SUCCESS).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def write_success(place: Path, known: Mapping[str, Json]) -> None:
    """Say that a shard or a set is whole.

    Raises:
        OutputError: see `atomic_file`.
    """
    with atomic_file(place / _SUCCESS) as file:
        file.write(canonical_json(dict(known)).encode() + b"\n")


def begin(place: Path) -> None:
    """Make a shard's folder, unfinished like its set: no `_SUCCESS`, nothing that a killed process was writing.

    Raises:
        OutputError: the folder cannot be made or written to.
    """
    try:
        (place.parent / _SUCCESS).unlink(missing_ok=True)
        place.mkdir(exist_ok=True)
        (place / _SUCCESS).unlink(missing_ok=True)
        for part in place.rglob(".*.part"):
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{place} cannot be written: {error.strerror or error}; write elsewhere") from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make a set's folder where it is missing, and work on it alone.

    Raises:
        OutputError: another process works on it, or it cannot be made.
    """
    check_parent(folder)
    try:
        folder.mkdir(exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}; write elsewhere") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(f"another run is writing to {folder}: wait for it, or write elsewhere") from None
        yield


def shards_of(folder: Path) -> list[Path]:
    """The tars of a whole set, in order: what the next stage begins with.

    Raises:
        RequestError: there is no set, or it is unfinished.
    """
    if read_success(folder) is None:
        raise RequestError(f"{folder} is no finished set of shards: run what makes it (again) to its end")
    return [shard_in(place) for place in places(folder)]
