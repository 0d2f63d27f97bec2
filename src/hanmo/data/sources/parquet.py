"""Parquet tables with a column of pictures, as data sets are often published.

The picture's column holds bytes, or a struct with `bytes` (as Hugging Face's image feature writes it). A caption's
column holds text or a list of texts. Rows come in their order, a few in memory at a time; a writer that made one
enormous row group makes the reader hold that group's pages. Where a file breaks off, what came before stays, and one
reject says where. It does not know whether a picture can be decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.limits import Limits
from hanmo.data.record import Json, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.sidecar import bad_caption, from_mapping, to_record
from hanmo.errors import RequestError

_ROWS = 16


@dataclass(frozen=True)
class ParquetSource:
    """The rows of some tables, file after file; a `Source`.

    Args:
        files: paths, read in this order.
        name: what records call the set.
        image: the column with pictures.
        captions: columns with captions, in this order; a row may leave them empty.
        metadata: columns that become metadata; others are not read.
        licence_column: the column that names each picture's licence; "" where there is none.
        licence: of rows that name none.
        language: of the captions.
        limits: larger pictures are rejected.
    """

    files: tuple[Path, ...]
    name: str
    image: str = "image"
    captions: tuple[str, ...] = ("caption",)
    metadata: tuple[str, ...] = ()
    licence_column: str = ""
    licence: str = "unknown"
    language: str = "und"
    limits: Limits = field(default_factory=Limits)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        if not self.files:
            raise RequestError("there is no Parquet file given: give at least one path")
        for path in self.files:
            self._check(path)
        for path in self.files:
            yield from self._file(path)

    @property
    def _columns(self) -> list[str]:
        named = [self.image, *self.captions, *self.metadata, self.licence_column]
        return [column for column in dict.fromkeys(named) if column]

    def _check(self, path: Path) -> None:
        try:
            there = pq.read_schema(path).names
        except (OSError, pa.ArrowException) as error:
            raise RequestError(f"{path} is no Parquet file that can be read: {error}") from None
        absent = [column for column in self._columns if column not in there]
        if absent:
            raise RequestError(f"{path} has no column {', '.join(absent)}; it has {', '.join(there)}")

    def _file(self, path: Path) -> Iterator[Record | Reject]:
        number = 0
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=_ROWS, columns=self._columns):
                    for row in batch.to_pylist():
                        yield self._row(row, f"{path.name}#{number}")
                        number += 1
        except (OSError, pa.ArrowException) as error:
            yield Reject(f"{path.name}#{number}", "damaged", f"from here on {path.name} cannot be read: {error}")

    def _row(self, row: Mapping[str, Json], where: str) -> Record | Reject:
        image = row[self.image]
        if isinstance(image, Mapping):
            image = image.get("bytes")
        if not isinstance(image, bytes):
            return Reject(where, "no_picture", f"the column {self.image!r} holds a {type(image).__name__}, no bytes")
        texts: list[Json] = []
        for column in self.captions:
            cell = row[column]
            texts += cell if isinstance(cell, list) else [cell]
        known: dict[str, Json] = {name: row[name] for name in self.metadata if row[name] is not None}
        if self.licence_column:
            known["licence"] = row[self.licence_column]
        try:
            sidecar = from_mapping({**known, "captions": texts}, self.language)
        except RequestError as error:
            return bad_caption(where, error)
        return to_record(image, sidecar, self.name, self.licence, where, self.limits)
