"""Shards: a WebDataset-style tar of pictures, and beside it a Parquet index of everything but the bytes.

    name.tar       for each record two members: ID.json (captions, scores, ...) and ID.png (or .jpg, ...)
    name.parquet   the same as columns, and where in the tar each picture's bytes begin (offset, size)

The tar alone is complete and any WebDataset reader takes it; the index answers questions without reading pictures.
The same records give the same bytes: no times, no owners. Both files are written beside their place and renamed.
Writing and reading hold one batch of index rows and one record in memory. It does not know what the records are for.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.limits import Limits
from hanmo.data.record import Record, canonical_json, record_from_json, record_to_json
from hanmo.errors import HanmoError, RequestError
from hanmo.weights.files import atomic_file

_BATCH = 1000
_TEXT, _NUMBER = pa.string(), pa.float64()
_CAPTION = pa.struct([("text", _TEXT), ("origin", _TEXT), ("language", _TEXT)])
_VERDICT = pa.struct(
    [(name, _TEXT) for name in ("operator", "outcome", "score")]
    + [(name, _NUMBER) for name in ("value", "low", "high")]
    + [("reason", _TEXT)]
)
_INDEX = pa.schema(
    [
        ("id", _TEXT),
        ("format", _TEXT),
        ("captions", pa.list_(_CAPTION)),
        ("source", _TEXT),
        ("licence", _TEXT),
        ("metadata", _TEXT),  # JSON: its keys differ from record to record
        ("scores", pa.map_(_TEXT, _NUMBER)),
        ("verdicts", pa.list_(_VERDICT)),
        ("offset", pa.int64()),
        ("size", pa.int64()),
    ]
)


def index_of(shard: Path) -> Path:
    """Where the index of a shard lies: beside it."""
    return shard.with_suffix(".parquet")


def write_shard(shard: Path, records: Iterable[Record], limits: Limits | None = None) -> int:
    """Write a shard and its index, both whole or not at all; return the number of records.

    Args:
        shard: a path that ends in .tar.
        records: of different ids; taken one by one.
        limits: what a reader will be willing to take.

    Raises:
        RequestError: two records of one id, or one that is larger than the limits.
        OutputError: see `atomic_file`.
    """
    limits = limits or Limits()
    seen: set[str] = set()
    with (
        atomic_file(shard) as file,
        atomic_file(index_of(shard)) as index,
        tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        _IndexWriter(index) as rows,
    ):
        for record in records:
            if record.id in seen:
                raise RequestError(f"{shard.name} was given two records of the id {record.id}: keep one of them")
            seen.add(record.id)
            text = record_to_json(record).encode()
            _check(shard, f"{record.id}.json", len(text), limits.text_bytes)
            _check(shard, f"{record.id}.{record.format}", len(record.image), limits.image_bytes)
            _add(tar, f"{record.id}.json", text)
            offset = _add(tar, f"{record.id}.{record.format}", record.image)
            rows.add(record, offset)
    return len(seen)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    """Append a member that depends on nothing but name and data; return where its data begin."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    begin = tar.offset
    tar.addfile(info, io.BytesIO(data))
    return begin + tarfile.BLOCKSIZE


class _IndexWriter:
    """Gathers rows and writes them a batch at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pq.ParquetWriter(file, _INDEX)
        self._rows: list[dict[str, object]] = []

    def __enter__(self) -> _IndexWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, record: Record, offset: int) -> None:
        row = {name: getattr(record, name) for name in ("id", "format", "source", "licence")}
        row["captions"] = [asdict(caption) for caption in record.captions]
        row["metadata"] = canonical_json(dict(record.metadata))
        row["scores"] = sorted(record.scores.items())
        row["verdicts"] = [asdict(verdict) for verdict in record.verdicts]
        row["offset"], row["size"] = offset, len(record.image)
        self._rows.append(row)
        if len(self._rows) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, _INDEX))
        self._rows.clear()


def read_shard(shard: Path, limits: Limits | None = None) -> Iterator[Record]:
    """The records of a shard that `write_shard` wrote, in order, one in memory at a time.

    For tars of anybody else there is `sources.tar`, which goes on where something is wrong.

    Raises:
        RequestError: there is no such file, or a member is larger than the limits.
        HanmoError: the shard was damaged since it was written.
    """
    limits = limits or Limits()
    try:
        with tarfile.open(shard, "r:") as tar:
            members = tar_members(tar)
            for info in members:
                text = _member(tar, shard, info, limits.text_bytes)
                picture = next(members, None)
                if picture is None:
                    raise HanmoError(_damage(shard, f"it ends after {info.name}"))
                image = _member(tar, shard, picture, limits.image_bytes)
                yield _record(shard, text, image)
    except FileNotFoundError:
        raise RequestError(f"there is no shard {shard}: give a .tar that a run of the data engine wrote") from None
    except (tarfile.TarError, OSError) as error:
        raise HanmoError(_damage(shard, str(error))) from None


def tar_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members of an uncompressed tar, in order; unlike `for info in tar` it keeps none and notices damage.

    Raises:
        tarfile.ReadError: the tar breaks off, or something in it is no header.
    """
    while (info := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]
        yield info
    # A reader of tars takes a damaged header for the end; the real end is an empty block.
    file = tar.fileobj
    if file is not None:
        file.seek(tar.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError(f"neither a member nor the end at byte {tar.offset}")


def _record(shard: Path, text: bytes, image: bytes) -> Record:
    try:
        return record_from_json(text, image)
    except RequestError as error:
        raise HanmoError(_damage(shard, str(error))) from None


def _member(tar: tarfile.TarFile, shard: Path, info: tarfile.TarInfo, limit: int) -> bytes:
    _check(shard, info.name, info.size, limit)
    file = tar.extractfile(info)
    data = b"" if file is None else file.read()
    if len(data) != info.size:
        raise HanmoError(_damage(shard, f"{info.name} is cut off"))
    return data


def _check(shard: Path, name: str, size: int, limit: int) -> None:
    if size > limit:
        raise RequestError(f"{shard.name}: {name} has {size} bytes, more than the limit of {limit}: raise the limit")


def _damage(shard: Path, what: str) -> str:
    return f"the shard {shard} is damaged ({what}): delete it and what was made from it, and run again"


def read_image(shard: Path, offset: int, size: int) -> bytes:
    """One picture's bytes, by its index row, without reading the shard."""
    with shard.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def read_index(shard: Path, columns: list[str] | None = None) -> Iterator[dict[str, object]]:
    """The rows of a shard's index, in order, a batch in memory at a time; no picture is read.

    Args:
        shard: the .tar.
        columns: only these; None takes all.
    """
    with pq.ParquetFile(index_of(shard)) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
            yield from batch.to_pylist()
