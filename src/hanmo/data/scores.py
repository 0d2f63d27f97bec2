"""What operators found, kept: a Parquet file per shard and operator, named by the hash of the operator's config.

Since a file names what made it, a changed threshold finds every number in its place, and a changed operator finds
only its own missing. A file also says which shard it was made from, and of each record what it was when it was
measured (`state`): where thresholds of an earlier stage let other records through, those that are the same need no
second measurement, also when they come back later. It does not know thresholds or verdicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.operator import Measured, Operator, operator_key
from hanmo.data.record import Json, Record, canonical_json, record_to_json
from hanmo.data.shards import index_of
from hanmo.errors import RequestError
from hanmo.weights.files import atomic_file

Results = Mapping[str, Measured]
"""Record id -> what one operator found."""

Earlier = Mapping[tuple[str, str], Measured]
"""(record id, its state) -> what one operator found on it, perhaps in another shard."""

_INPUT = b"hanmo.input"


def state(record: Record) -> str:
    """16 hexadecimal digits that name everything that an operator may see of a record: all but its verdicts."""
    return hashlib.blake2b(record_to_json(replace(record, verdicts=())).encode(), digest_size=8).hexdigest()


def fingerprint(shard: Path) -> str:
    """16 hexadecimal digits that name what a shard holds: a hash of its index, which names every picture by its bytes.

    Raises:
        RequestError: there is no such shard, or no index beside it.
    """
    try:
        return hashlib.blake2b(index_of(shard).read_bytes(), digest_size=8).hexdigest()
    except OSError as error:
        raise RequestError(
            f"{index_of(shard)} cannot be read ({error.strerror}): give shards that `collect` or `run` wrote"
        ) from None


def scores_path(place: Path, operator: Operator) -> Path:
    """Where an operator's results on the shard of a folder lie."""
    return place / "scores" / f"{operator.name}-{operator_key(operator)}.parquet"


def write_scores(
    path: Path,
    operator: Operator,
    made_from: str,
    results: Results,
    states: Mapping[str, str],
    earlier: Earlier | None = None,
) -> None:
    """Keep what an operator found on one shard, and what it found before on records that are not in it now.

    Args:
        path: see `scores_path`.
        operator: whose scores become columns.
        made_from: `fingerprint` of the shard.
        results: for every record of it, in its order.
        states: of each of these records.
        earlier: what the file said before, see `read_earlier`.

    Raises:
        OutputError: see `atomic_file`.
    """
    columns = [("id", pa.string()), ("state", pa.string()), ("here", pa.bool_())]
    columns += [(f"score_{name}", pa.float64()) for name in operator.scores]
    schema = pa.schema([*columns, ("metadata", pa.string()), ("failure", pa.string())], metadata={_INPUT: made_from})
    here = [(id, states[id], True, found) for id, found in results.items()]
    away = [(id, was, False, found) for (id, was), found in sorted((earlier or {}).items(), key=lambda item: item[0])]
    rows = [
        {
            "id": id,
            "state": was,
            "here": there,
            **{f"score_{name}": value for name, value in found.scores.items()},
            "metadata": canonical_json(dict(found.metadata)),
            "failure": found.failure,
        }
        for id, was, there, found in here + [row for row in away if states.get(row[0]) != row[1]]
    ]
    path.parent.mkdir(exist_ok=True)
    with atomic_file(path) as file:
        pq.write_table(pa.Table.from_pylist(rows, schema), file)


def read_scores(path: Path, operator: Operator, made_from: str) -> dict[str, Measured] | None:
    """What `write_scores` kept of this shard; None where there is nothing, or it is of another shard or unreadable."""
    table = _table(path, operator)
    if table is None or (table.schema.metadata or {}).get(_INPUT) != made_from.encode():
        return None
    return {row["id"]: _measured(row, operator) for row in table.to_pylist() if row["here"]}


def has_scores(path: Path, made_from: str) -> bool:
    """Whether `write_scores` has kept something of this shard, by the head of the file alone."""
    try:
        known = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return bool(known.get(_INPUT) == made_from.encode())


def read_earlier(path: Path, operator: Operator) -> dict[tuple[str, str], Measured]:
    """Everything that `write_scores` kept, whatever shard it was made from; nothing where it is unreadable."""
    table = _table(path, operator)
    rows = [] if table is None else table.to_pylist()
    return {(row["id"], row["state"]): _measured(row, operator) for row in rows}


def _table(path: Path, operator: Operator) -> pa.Table | None:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    needed = {"id", "state", "here", "metadata", "failure", *(f"score_{name}" for name in operator.scores)}
    return table if needed <= set(table.column_names) else None


def _measured(row: Mapping[str, Json], operator: Operator) -> Measured:
    scores = {} if row["failure"] else {name: row[f"score_{name}"] for name in operator.scores}
    return Measured(scores, json.loads(row["metadata"]), row["failure"])
