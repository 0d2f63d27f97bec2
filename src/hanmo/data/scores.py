"""What operators found, kept: a Parquet file per shard and operator, named by the hash of the operator's config.

Since a file names what made it, a changed threshold finds every number in its place, and a changed operator finds
only its own missing. A file also says which shard it was made from. It does not know thresholds or verdicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.data.operator import Measured, Operator, operator_key
from hanmo.data.record import canonical_json
from hanmo.data.shards import index_of
from hanmo.errors import RequestError
from hanmo.weights.files import atomic_file

Results = Mapping[str, Measured]
"""Record id -> what one operator found."""

_INPUT = b"hanmo.input"


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


def write_scores(path: Path, operator: Operator, made_from: str, results: Results) -> None:
    """Keep what an operator found on one shard.

    Args:
        path: see `scores_path`.
        operator: whose scores become columns.
        made_from: `fingerprint` of the shard.
        results: for every record of it, in its order.

    Raises:
        OutputError: see `atomic_file`.
    """
    columns = [("id", pa.string()), *((f"score_{name}", pa.float64()) for name in operator.scores)]
    schema = pa.schema([*columns, ("metadata", pa.string()), ("failure", pa.string())], metadata={_INPUT: made_from})
    rows = [
        {
            "id": id,
            **{f"score_{name}": value for name, value in found.scores.items()},
            "metadata": canonical_json(dict(found.metadata)),
            "failure": found.failure,
        }
        for id, found in results.items()
    ]
    path.parent.mkdir(exist_ok=True)
    with atomic_file(path) as file:
        pq.write_table(pa.Table.from_pylist(rows, schema), file)


def read_scores(path: Path, operator: Operator, made_from: str) -> dict[str, Measured] | None:
    """What `write_scores` kept of this shard; None where there is nothing, or it is of another shard or unreadable."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    if (table.schema.metadata or {}).get(_INPUT) != made_from.encode():
        return None
    results = {}
    for row in table.to_pylist():
        scores = {} if row["failure"] else {name: row[f"score_{name}"] for name in operator.scores}
        results[row["id"]] = Measured(scores, json.loads(row["metadata"]), row["failure"])
    return results
