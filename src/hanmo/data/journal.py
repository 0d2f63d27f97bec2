"""The journal of one shard: what is being measured right now, and what was found so far.

A worker notes each measurement before it begins and when it is done, one line each, straight to the file. When the
worker dies, the last line says over which record; whoever watches it notes the death. The next worker takes over
what was found and tries that record again, since the death may have come from outside; a record over which DEATHS
workers died is poisoned, and is not tried again. A line that was cut off by a death counts as never written.

It does not know processes: `pool` sees the deaths.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hanmo.data.operator import Measured, failed
from hanmo.data.record import Json, canonical_json

DEATHS = 2
"""Workers that may die over one measurement before it is given up."""


class Journal:
    """The journal of one shard, open for going on.

    Args:
        path: the file; made where it is missing.
        plan: names the shard and the operators; a journal of another plan is thrown away.
    """

    def __init__(self, path: Path, plan: str) -> None:
        _mend(path)
        lines = _lines(path)
        if not lines or lines[0] != {"plan": plan}:
            path.write_bytes(_line({"plan": plan}))
            lines = []
        self._found: dict[tuple[str, str], Measured] = {}
        self._deaths: Counter[tuple[str, str]] = Counter()
        self._codes: dict[tuple[str, str], int] = {}
        self._replay(lines[1:])
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)

    def _replay(self, lines: list[dict[str, Json]]) -> None:
        last: tuple[str, str] | None = None
        for line in lines:
            match line:
                case {"begin": [operator, id]}:
                    last = (operator, id)
                case {"done": [operator, id], "scores": scores, "metadata": metadata, "failure": failure}:
                    self._found[operator, id] = Measured(scores, metadata, failure)
                    last = None
                case {"died": code} if last is not None:
                    self._deaths[last] += 1
                    self._codes[last] = code
                    last = None

    def __enter__(self) -> Journal:
        """See the class."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was noted stays."""
        os.close(self._file)

    def found(self, operator: str, id: str) -> Measured | None:
        """What is known of a measurement: its result, or that it is given up; None where it has to be made."""
        here = (operator, id)
        if self._deaths[here] >= DEATHS:
            return failed(f"poisoned: {self._deaths[here]} workers died over it (exit code {self._codes[here]})")
        return self._found.get(here)

    def begin(self, operator: str, id: str) -> None:
        """Note what will be measured now."""
        os.write(self._file, _line({"begin": [operator, id]}))

    def done(self, operator: str, id: str, found: Measured) -> None:
        """Note what was found."""
        known = {"scores": dict(found.scores), "metadata": dict(found.metadata), "failure": found.failure}
        os.write(self._file, _line({"done": [operator, id], **known}))


def pending(path: Path) -> tuple[str, str] | None:
    """The operator and the record that were being measured when the last line was written; None between two."""
    lines = _lines(path)
    if lines and "begin" in lines[-1]:
        operator, id = lines[-1]["begin"]
        return operator, id
    return None


def note_death(path: Path, code: int) -> bool:
    """Note that the worker on this shard died; return whether it did so over a record.

    Args:
        path: the journal, to which nobody writes now.
        code: the exit code; minus the signal, where one ended it.
    """
    _mend(path)
    if pending(path) is None:
        return False
    with path.open("ab") as file:
        file.write(_line({"died": code}))
    return True


def _line(value: dict[str, Json]) -> bytes:
    return canonical_json(value).encode() + b"\n"


def _mend(path: Path) -> None:
    """Take out what was cut off at the end, when nobody writes."""
    with suppress(FileNotFoundError):
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def _lines(path: Path) -> list[dict[str, Json]]:
    """The whole lines; none where the file is missing, or holds what no journal does."""
    try:
        data = path.read_bytes()
        return [json.loads(line) for line in data.split(b"\n")[:-1]]
    except (FileNotFoundError, ValueError):
        return []
