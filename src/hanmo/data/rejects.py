"""The rejects table: everything that did not go on, and why. No record leaves a run without a line in it.

Both the sources (a file that cannot be read) and the operators (a score outside its threshold) write the same table,
one Parquet file per shard; the pictures' bytes stay where they were. It does not know who decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.record import Record, Verdict, record_to_json
from hanmo.weights.files import atomic_file

Kind = Literal[
    "dropped",  # a score outside its threshold
    "failed",  # an operator gave no score: it raised, or its process died
    "missing",  # a picture or a file that something names and that is not there
    "unreadable",  # the system would not read it
    "too_large",  # more bytes than the limits allow
    "damaged",  # an archive or a table that ends or breaks off in the middle
    "no_picture",  # bytes that are no picture's, or a sample without one
    "bad_caption",  # captions or metadata that cannot be read
    "undrawn",  # a synthetic picture that could not be drawn whole: a glyph is missing, or there is no room
    "repeat",  # the same bytes as an earlier record of the set
    "refused",  # a server, its robots.txt, or a rule of ours does not allow to fetch it
    "unreachable",  # the network gave no whole answer, in as many tries as were allowed
    "wrong_type",  # a picture of another type than its server says
]


@dataclass(frozen=True)
class Reject:
    """Something that did not go on.

    Args:
        where: the place in the source, such as "folder/a.png" or "a.tar#0001"; the source's name where none is known.
        kind: what is wrong.
        reason: the same in words, for a person; "" where score and threshold say it.
        operator: who said so; "source" for what never became a record.
        score: the name of the score that decided; "" without one.
        value: its value.
        low: smallest value that would have been kept; None is open.
        high: largest; None is open.
        id: the record's id; "" for what never became a record.
        record: the whole record as JSON without its bytes; "" for what never became one.
    """

    where: str
    kind: Kind
    reason: str = ""
    operator: str = "source"
    score: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    id: str = ""
    record: str = ""


def rejected(record: Record, verdict: Verdict) -> Reject:
    """The line of a record that a verdict keeps back."""
    return Reject(
        where=str(record.metadata.get("where", record.source)),
        kind="failed" if verdict.outcome == "failed" else "dropped",
        reason=verdict.reason,
        operator=verdict.operator,
        score=verdict.score,
        value=verdict.value,
        low=verdict.low,
        high=verdict.high,
        id=record.id,
        record=record_to_json(record),
    )


_NUMBERS = ("value", "low", "high")
_SCHEMA = pa.schema(
    [
        pa.field(name, pa.float64() if name in _NUMBERS else pa.string(), nullable=name in _NUMBERS)
        for name in Reject.__dataclass_fields__
    ]
)
_BATCH = 1000


def write_rejects(path: Path, rejects: Iterable[Reject]) -> int:
    """Write a table at once or not at all; return how many lines it has.

    Raises:
        OutputError: see `atomic_file`.
    """
    count = 0
    with atomic_file(path) as file, pq.ParquetWriter(file, _SCHEMA) as writer:
        rows: list[dict[str, object]] = []
        for reject in rejects:
            rows.append(asdict(reject))
            count += 1
            if len(rows) == _BATCH:
                writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
                rows.clear()
        writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
    return count


def read_rejects(path: Path) -> Iterator[Reject]:
    """The lines of a table, in order, a batch in memory at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                yield Reject(**row)
