"""Every answer of the network, kept in one file, so that a list of URLs reads the same twice (report section 3.1).

`collect` reads a source again after an interruption and expects the same items; the network would give others. So
pictures and failures are written here once, and sources read from here. One SQLite file: whatever moment its writer is
killed at, it holds whole answers, and memory does not grow with it. It takes the disk space of the pictures until the
set is collected and the file is deleted. One process writes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import get_args

from hanmo.data.rejects import Kind
from hanmo.errors import OutputError, RequestError
from hanmo.weights.files import check_parent

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (url TEXT NOT NULL UNIQUE, kind TEXT, reason TEXT, final TEXT, image BLOB);
CREATE TABLE IF NOT EXISTS finished (list TEXT PRIMARY KEY);
PRAGMA user_version = 1;
"""
_SECONDS = 1.0
_BYTES = 16 << 20


@dataclass(frozen=True)
class Kept:
    """What a URL gave.

    Args:
        image: a picture's file; empty where there is none.
        final: the URL that it came from in the end, after redirects.
        kind: why there is none; None where there is one.
        reason: the same in words.
    """

    image: bytes = b""
    final: str = ""
    kind: Kind | None = None
    reason: str = ""


class Answers:
    """The answers in a file, open; use it in a `with`.

    Args:
        path: the file; made where it is missing, inside a folder that is there.
        write: whether answers will be added; one process at a time may.

    Raises:
        OutputError: it cannot be written to, or somebody else does.
        RequestError: to be read only, and not there; or another kind of file.
    """

    def __init__(self, path: Path, write: bool = False) -> None:
        self._path, self._write = path, write
        if write:
            check_parent(path)
        elif not path.is_file():
            raise RequestError(f"there are no answers in {path}: fetch the list of URLs first")
        try:
            self._database = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            if write:
                self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._database.executescript("BEGIN EXCLUSIVE;" + _TABLES + "COMMIT;")
            self._database.execute("SELECT url, kind, reason, final, image FROM answers LIMIT 0")
        except sqlite3.OperationalError as error:
            raise OutputError(f"{path} cannot be used now ({error}): is another fetch at work on it?") from None
        except sqlite3.DatabaseError as error:
            raise RequestError(f"{path} is no file of answers ({error}): give the path of one, or a new one") from None
        self._since, self._bytes = time.monotonic(), 0

    def __enter__(self) -> Answers:
        """See the class."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was added stays, also where a block ends badly."""
        if self._database.in_transaction:
            self._database.execute("COMMIT")
        self._database.close()

    def __contains__(self, url: str) -> bool:
        """Whether a URL was answered."""
        return self._database.execute("SELECT 1 FROM answers WHERE url = ?", (url,)).fetchone() is not None

    def __getitem__(self, url: str) -> Kept:
        """What a URL gave.

        Raises:
            KeyError: it was not asked.
        """
        row = self._database.execute("SELECT image, final, kind, reason FROM answers WHERE url = ?", (url,)).fetchone()
        if row is None:
            raise KeyError(url)
        return Kept(*row)

    def add(self, url: str, kept: Kept) -> None:
        """Keep an answer; on disk within a second or so of the next one."""
        try:
            if not self._database.in_transaction:
                self._database.execute("BEGIN")
            row = (url, kept.kind, kept.reason, kept.final, kept.image)
            self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)
            self._bytes += len(kept.image)
            if self._bytes > _BYTES or time.monotonic() - self._since > _SECONDS:
                self._database.execute("COMMIT")
                self._since, self._bytes = time.monotonic(), 0
        except sqlite3.Error as error:
            raise OutputError(f"{self._path} cannot be written: {error}; what came before is kept") from None

    def forget(self, kinds: Collection[str]) -> int:
        """Take out the failures of some kinds, so that they are asked again; return how many.

        Raises:
            RequestError: a kind that there is not.
        """
        strange = sorted(set(kinds) - set(get_args(Kind)))
        if strange:
            raise RequestError(f"no reject is of the kind {strange[0]!r}; there are: {', '.join(get_args(Kind))}")
        sql = "DELETE FROM answers WHERE kind = ?"
        gone = sum(self._database.execute(sql, (kind,)).rowcount for kind in sorted(set(kinds)))
        if gone:
            self._database.execute("DELETE FROM finished")
        return gone

    def finish(self, name: str) -> None:
        """Note that every URL of a list was answered."""
        self._database.execute("INSERT OR IGNORE INTO finished VALUES (?)", (name,))

    def finished(self, name: str) -> bool:
        """Whether every URL of a list was answered."""
        return self._database.execute("SELECT 1 FROM finished WHERE list = ?", (name,)).fetchone() is not None
