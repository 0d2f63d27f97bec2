"""Lists of URLs: plain text, CSV, TSV, JSON lines or Parquet, row by row, with captions and licences beside.

    .txt            one URL a line; empty lines and lines that begin with # are passed over
    .csv .tsv       UTF-8 with a head line; columns are named in the `UrlList`
    .jsonl          one JSON object a line
    .parquet        only the columns that are named are read

A row that cannot be read is a reject. Rows come in their order, one in memory at a time (a batch of Parquet's). It does
not know the network.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.limits import Limits
from hanmo.data.record import Json
from hanmo.data.rejects import Reject
from hanmo.data.sources.sidecar import Sidecar, bad_caption, from_mapping, too_large
from hanmo.errors import RequestError

_KINDS = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")
_ROWS = 1000


@dataclass(frozen=True)
class Row:
    """One URL of a list, and what stands beside it.

    Args:
        where: the place in the list, such as "list.csv#12".
        url: as it was found, its ends trimmed.
        sidecar: captions, licence, metadata.
    """

    where: str
    url: str
    sidecar: Sidecar


@dataclass(frozen=True)
class UrlList:
    """A file with URLs.

    Args:
        file: its extension says what it is.
        url: the column of the URLs; of a .txt it does not count.
        captions: columns with captions, in this order; a row may leave them empty.
        licence_column: the column that names each picture's licence; "" where there is none.
        metadata: columns that become metadata; others are not read.
        language: of the captions.
        limits: longest line.
    """

    file: Path
    url: str = "url"
    captions: tuple[str, ...] = ("caption",)
    licence_column: str = ""
    metadata: tuple[str, ...] = ()
    language: str = "und"
    limits: Limits = field(default_factory=Limits)

    def rows(self) -> Iterator[Row | Reject]:
        """All rows, from the first.

        Raises:
            RequestError: at the first row, where there is no such file, it is of another kind, or lacks a column.
        """
        try:
            match self.file.suffix:
                case ".txt" | ".jsonl":
                    yield from self._lines()
                case ".csv" | ".tsv":
                    yield from self._table()
                case ".parquet":
                    yield from self._parquet()
                case _:
                    raise RequestError(f"{self.file} is no list of URLs that is known: give a {', '.join(_KINDS)}")
        except OSError as error:
            raise RequestError(f"{self.file} cannot be read: {error.strerror or error}") from None

    @property
    def _columns(self) -> list[str]:
        named = [self.url, *self.captions, *self.metadata, self.licence_column]
        return [column for column in dict.fromkeys(named) if column]

    def _check(self, there: list[str]) -> None:
        absent = [column for column in self._columns if column not in there]
        if absent:
            shown = ", ".join(there)[:300] or "none"
            raise RequestError(f"{self.file} has no column {', '.join(absent)}; it has: {shown}")

    def _parquet(self) -> Iterator[Row | Reject]:
        number = 0
        try:
            self._check(pq.read_schema(self.file).names)
            with pq.ParquetFile(self.file) as file:
                for batch in file.iter_batches(batch_size=_ROWS, columns=self._columns):
                    for known in batch.to_pylist():
                        yield self._row(f"{self.file.name}#{number}", known)
                        number += 1
        except pa.ArrowException as error:
            if number == 0:
                raise RequestError(f"{self.file} is no Parquet file that can be read: {error}") from None
            yield Reject(f"{self.file.name}#{number}", "damaged", f"from here on it cannot be read: {error}")

    def _lines(self) -> Iterator[Row | Reject]:
        with self._open() as file:
            for number, line in enumerate(self._cut(file)):
                where = f"{self.file.name}#{number}"
                text = line.strip()
                if len(line) >= self.limits.text_bytes:
                    yield too_large(where, len(line), self.limits.text_bytes)
                elif not text or (self.file.suffix == ".txt" and text.startswith("#")):
                    continue
                elif self.file.suffix == ".txt":
                    yield Row(where, text, Sidecar()) if _is_text(text) else bad_caption(where, "no UTF-8")
                else:
                    yield self._object(where, text)

    def _object(self, where: str, text: str) -> Row | Reject:
        try:
            known = json.loads(text)
        except (ValueError, RecursionError) as error:
            return bad_caption(where, f"no JSON: {error}")
        if not isinstance(known, dict):
            return bad_caption(where, f"the line holds a {type(known).__name__}, no object")
        return self._row(where, known)

    def _table(self) -> Iterator[Row | Reject]:
        with self._open() as file:
            reader = csv.reader(self._cut(file), delimiter="\t" if self.file.suffix == ".tsv" else ",", strict=True)
            head: list[str] | None = None
            while True:
                where = f"{self.file.name}#{reader.line_num}"
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:  # a quote that is never closed swallows lines, up to the library's limit
                    yield bad_caption(where, f"the lines up to {reader.line_num} are no CSV: {error}")
                    continue
                if head is None:
                    head = cells
                    self._check(head)
                elif len(cells) != len(head):
                    if cells:
                        yield bad_caption(where, f"{len(cells)} values where the head line has {len(head)}")
                else:
                    yield self._row(where, dict(zip(head, cells, strict=True)))

    def _open(self) -> TextIO:
        """What is no UTF-8 comes as half surrogate pairs, so that one bad row does not end the reading."""
        return self.file.open(encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _cut(self, file: TextIO) -> Iterator[str]:
        """Lines; of longer ones as much as the limit allows."""
        limit = self.limits.text_bytes
        while line := file.readline(limit):
            yield line
            while len(line) == limit and not line.endswith("\n"):
                line = file.readline(limit)

    def _row(self, where: str, known: Mapping[str, Json]) -> Row | Reject:
        url = known.get(self.url)
        if not all(_is_text(value) for value in known.values() if isinstance(value, str)):
            return bad_caption(where, "no UTF-8")
        if not isinstance(url, str) or not url.strip():
            return Reject(where, "missing", f"the column {self.url!r} holds {str(url)[:40]!r}, no URL")
        texts: list[Json] = []
        for column in self.captions:
            cell = known.get(column)
            texts += cell if isinstance(cell, list) else [cell]
        beside = {name: known[name] for name in self.metadata if known.get(name) not in (None, "")}
        if self.licence_column:
            beside["licence"] = known.get(self.licence_column)
        try:
            return Row(where, url.strip(), from_mapping({**beside, "captions": texts}, self.language))
        except RequestError as error:
            return bad_caption(where, error)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
