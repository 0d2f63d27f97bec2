"""A folder of pictures with captions beside them: a.png with a.txt and/or a.json, or one captions.csv for all.

The order is that of the paths, sorted name by name; hidden files and links to folders are left out. captions.csv
lies at the top, is UTF-8 and has the columns `file` (relative to the folder) and `caption`, and if wanted
`language`, `origin`, `licence`; other columns become metadata. A file may have several rows: several captions. The
table is kept in memory; pictures are not. It does not know whether a picture can be decoded.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hanmo.data.limits import Limits
from hanmo.data.record import FORMATS, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.sidecar import (
    Sidecar,
    bad_caption,
    from_json,
    from_mapping,
    from_text,
    joined,
    to_record,
    too_large,
)
from hanmo.errors import RequestError

TABLE = "captions.csv"
_TABLE_BYTES = 1 << 30


@dataclass(frozen=True)
class FolderSource:
    """Pictures below a folder; a `Source`.

    Args:
        folder: the top.
        name: what records call it; "" takes the folder's name.
        licence: of pictures whose sidecar names none.
        language: of captions that name none.
        limits: what is larger is not read.
    """

    folder: Path
    name: str = ""
    licence: str = "unknown"
    language: str = "und"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """See the class."""
        if not self.name:
            object.__setattr__(self, "name", self.folder.resolve().name)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        if not self.folder.is_dir():
            raise RequestError(f"{self.folder} is no folder: give one with pictures")
        table = _read_table(self.folder / TABLE, self.language)
        for found in _pictures(self.folder):
            if isinstance(found, Reject):
                yield found
            else:
                yield self._item(*found, table.pop(found[1], None))
        for where, rows in sorted(table.items(), key=lambda row: row[0]):
            absent = Reject(where, "missing", f"{TABLE} names this file; it is not there, or is no picture")
            yield rows if isinstance(rows, Reject) else absent

    def _item(self, path: Path, where: str, rows: Sidecar | Reject | None) -> Record | Reject:
        if isinstance(rows, Reject):
            return rows
        try:
            sidecar = joined(rows or Sidecar(), self._beside(path))
        except (RequestError, OSError) as error:
            return bad_caption(where, error)
        try:
            size = path.stat().st_size
            if size > self.limits.image_bytes:
                return too_large(where, size, self.limits.image_bytes)
            image = _read(path, self.limits.image_bytes)
        except OSError as error:
            return Reject(where, "unreadable", error.strerror or str(error))
        return to_record(image, sidecar, self.name, self.licence, where, self.limits)

    def _beside(self, path: Path) -> Sidecar:
        found = Sidecar()
        for suffix, parse in ((".txt", from_text), (".json", from_json)):
            beside = path.with_suffix(suffix)
            if not beside.is_file():
                continue
            data = _read(beside, self.limits.text_bytes)
            if len(data) > self.limits.text_bytes:
                raise RequestError(f"{beside.name} is larger than the limit of {self.limits.text_bytes} bytes")
            try:
                found = joined(found, parse(data, self.language))
            except RequestError as error:
                raise RequestError(f"{beside.name}: {error}") from None
        return found


def _read(path: Path, limit: int) -> bytes:
    """Up to one byte more than the limit, so that a file that grows meanwhile is seen to be too large."""
    with path.open("rb") as file:
        return file.read(limit + 1)


def _pictures(folder: Path, below: str = "") -> Iterator[tuple[Path, str] | Reject]:
    """Pictures by their extension, each with its place below the top; one folder's names in memory at a time."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Reject(_printable(below) or ".", "unreadable", error.strerror or str(error))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        where = below + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _pictures(Path(entry.path), where + "/")
        elif entry.name.rpartition(".")[2].lower() in FORMATS and (entry.is_file() or entry.is_symlink()):
            yield Path(entry.path), _printable(where)


def _printable(where: str) -> str:
    """File names may hold bytes that are no text; tables cannot."""
    return where.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_table(path: Path, language: str) -> dict[str, Sidecar | Reject]:
    """The rows by the file that they name.

    Raises:
        RequestError: the table has other columns, or is no UTF-8: without it every caption would be missing.
    """
    if not path.is_file():
        return {}
    data = _read(path, _TABLE_BYTES)
    if len(data) > _TABLE_BYTES:
        raise RequestError(f"{path} is larger than {_TABLE_BYTES} bytes: split the folder, or use Parquet")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        columns = tuple(reader.fieldnames or ())
        if not {"file", "caption"} <= set(columns):
            raise RequestError(f"{path} has the columns {', '.join(columns) or 'none'}; it needs 'file' and 'caption'")
        return _table(reader, language)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} is no CSV in UTF-8: {error}") from None


def _table(reader: csv.DictReader[str], language: str) -> dict[str, Sidecar | Reject]:
    table: dict[str, Sidecar | Reject] = {}
    for number, row in enumerate(reader, start=1):
        here = f"{TABLE} row {number}"
        where = PurePosixPath(row.pop("file") or "").as_posix()
        if None in row or None in row.values():
            table[where] = bad_caption(where, f"{here} has more or fewer values than there are columns")
            continue
        before = table.get(where, Sidecar())
        if isinstance(before, Reject):
            continue
        try:
            found = from_mapping({key: value for key, value in row.items() if value}, language)
            table[where] = joined(before, found)
        except RequestError as error:
            table[where] = bad_caption(where, f"{here}: {error}")
    return table
