"""What is done, in an append-only file of JSON lines that survives any end of the process.

Each line is written by one call to the operating system, which keeps it when the process is killed. What a
cut-off write has left is a last line without its end: it is dropped on the next start, and its picture is asked
about again. The first line says who is asked what, so that a run is never continued with another model or other
words. One process at a time may write.

It knows what an outcome looks like in JSON, and nothing of how one comes about.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanmo.data.annotate.outcome import Outcome
from hanmo.errors import OutputError, RequestError
from hanmo.weights.files import check_parent, refusal

HEAD = "hanmo_annotations"
"""Key of the first line; its value is the version of the format."""
_VERSION = 1


@dataclass(frozen=True)
class Lines:
    """A file of JSON lines: the objects of its whole lines, and how many bytes these are."""

    lines: list[dict[str, Any]]
    whole: int


def read_lines(path: Path) -> Lines:
    """Read JSON lines; a last line without an end is left out.

    Raises:
        RequestError: the file cannot be read, or a whole line is no JSON object.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}; give a file of JSON lines") from None
    whole = data.rfind(b"\n") + 1
    lines = []
    for number, line in enumerate(data[:whole].split(b"\n")[:-1], start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise RequestError(f"line {number} of {path} is damaged: remove it, and its picture will be asked about")
        lines.append(found)
    return Lines(lines, whole)


def read_outcomes(path: Path) -> dict[str, Outcome]:
    """The outcomes in a journal, by id, in the order of the ids; of several for one id the last.

    Raises:
        RequestError: the file cannot be read, or is no journal.
    """
    found: dict[str, Outcome] = {}
    for number, line in enumerate(read_lines(path).lines[1:], start=2):
        try:
            outcome = Outcome.from_json(line)
        except (LookupError, TypeError, ValueError):
            raise RequestError(f"line {number} of {path} is no outcome: give a journal of annotations") from None
        found[outcome.id] = outcome
    return dict(sorted(found.items()))


class Journal:
    """An open journal; see `open_journal`."""

    def __init__(self, path: Path, descriptor: int, done: set[str]) -> None:
        self.done = done
        """Ids that are decided."""
        self._path = path
        self._descriptor = descriptor

    def write(self, outcome: Outcome) -> None:
        """Add a line.

        Raises:
            OutputError: the disk is full.
        """
        write_line(self._path, self._descriptor, outcome.to_json())
        if outcome.final:
            self.done.add(outcome.id)


@contextmanager
def open_journal(path: Path, model: str, prompt: str) -> Iterator[Journal]:
    """Begin a journal, or go on with one.

    Args:
        path: of the file; it need not exist.
        model: who is asked.
        prompt: fingerprint of what is asked.

    Raises:
        RequestError: the file belongs to another model or prompt, is damaged, or is being written elsewhere.
        OutputError: it cannot be written.
    """
    check_parent(path)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError(refusal(path, error)) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RequestError(f"{path} is being written by another run: wait for it, or give another file") from None
        read = read_lines(path)
        os.ftruncate(descriptor, read.whole)
        head = {HEAD: _VERSION, "model": model, "prompt": prompt}
        if not read.lines:
            write_line(path, descriptor, head)
        elif read.lines[0] != head:
            raise RequestError(_other(path, read.lines[0], head))
        outcomes = read_outcomes(path)
        yield Journal(path, descriptor, {each.id for each in outcomes.values() if each.final})
    finally:
        os.close(descriptor)


def _other(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if HEAD not in found:
        return f"{path} is no journal of annotations: give another file"
    for key, value in wanted.items():
        if found.get(key) != value:
            return f"{path} was begun with {key} {str(found.get(key))[:60]!r}, not {value!r}: give another file"
    return f"{path} was begun by another version of Hanmo: give another file"


def write_line(path: Path, descriptor: int, value: Mapping[str, Any]) -> None:
    """Append a JSON object, whole or not at all, by one call to the operating system.

    Args:
        path: of the file, for messages.
        descriptor: of the file, open for appending; nobody else may be writing.
        value: the object.

    Raises:
        OutputError: the disk is full.
    """
    text = json.dumps(value, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, as a model may write one: only escapes can keep it
        data = json.dumps(value).encode()
    try:
        begun = os.fstat(descriptor).st_size
        written = os.write(descriptor, data + b"\n")
    except OSError as error:
        raise OutputError(refusal(path, error)) from None
    if written <= len(data):
        os.ftruncate(descriptor, begun)
        raise OutputError(f"{path} cannot be written: the disk is full; free some space and run again")
