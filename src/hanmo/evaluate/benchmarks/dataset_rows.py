"""Rows of a Hugging Face data set that lies in a folder as parquet or arrow files, and the pictures in them.

Columns are read without the pictures, which are most of the bytes; a picture is read when it is asked for. A picture is
a struct {bytes, path}, as the `datasets` library stores it. This module does not know what the rows mean.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from hanmo.errors import RequestError


@dataclass(frozen=True)
class Place:
    """Where a row is.

    Attributes:
        file: the parquet or arrow file.
        row: its number in that file, from 0.
    """

    file: Path
    row: int


def dataset_files(folder: Path) -> list[Path]:
    """The data set's files in their order: all parquet files, or where there are none, all arrow files."""
    return sorted(folder.rglob("*.parquet")) or sorted(folder.rglob("*.arrow"))


def rows(folder: Path, columns: Sequence[str]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """All rows of all files, with some columns.

    Raises:
        RequestError: a file that cannot be read, or that lacks a column; pyarrow is not there.
    """
    for file in dataset_files(folder):
        known = column_names(file)
        lacking = [name for name in columns if name not in known]
        if lacking:
            raise RequestError(f"{file} has no column {lacking[0]!r}, only {', '.join(known)}: is it another data set?")
        row = 0
        for part in _parts(file):
            table = part(list(columns))
            for values in table.to_pylist():
                yield Place(file, row), values
                row += 1


def column_names(file: Path) -> list[str]:
    """The columns of a file."""
    return list(_schema(file).names)


def picture(place: Place, column: str) -> Image.Image:
    """The picture in one cell, RGB.

    Raises:
        RequestError: the cell holds no picture's bytes.
    """
    left = place.row
    for part in _parts(place.file):
        table = part([column])
        if left < table.num_rows:
            cell = table.column(column)[left].as_py()
            data = cell.get("bytes") if isinstance(cell, dict) else None
            if not data:
                raise RequestError(
                    f"{place.file}, row {place.row}: {column} holds no picture; fetch the data set again"
                )
            with Image.open(io.BytesIO(data)) as image:
                return image.convert("RGB")
        left -= table.num_rows
    raise RequestError(f"{place.file} has no row {place.row}")


def _schema(file: Path) -> Any:
    """The schema of a file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RequestError("reading a data set needs pyarrow: pip install 'hanmo[data]'") from None
    try:
        if file.suffix == ".parquet":
            return pq.read_schema(file)
        with pa.memory_map(str(file)) as source:
            return _opened(source).schema
    except pa.ArrowException as error:
        raise RequestError(f"{file} cannot be read ({error}); fetch the data set again") from error


def _parts(file: Path) -> Iterator[Any]:
    """For each row group or batch, a function that gives some of its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as opened:
            for number in range(opened.num_row_groups):
                yield lambda columns, number=number: opened.read_row_group(number, columns=columns)
        return
    with pa.memory_map(str(file)) as source:
        reader = _opened(source)
        stream = hasattr(reader, "read_next_batch")
        for batch in reader if stream else (reader.get_batch(i) for i in range(reader.num_record_batches)):
            yield pa.Table.from_batches([batch]).select


def _opened(source: Any) -> Any:
    """An arrow file is a stream, as `datasets` writes it, or a file with an index."""
    import pyarrow as pa

    try:
        return pa.ipc.open_stream(source)
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_file(source)
