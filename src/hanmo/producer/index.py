"""A Parquet index beside a shard of the store: what its samples are, without their tensors (report section 4.1.1).

For people and query engines (all indexes of a store are one data set); training reads the shard's own header instead.
Written right behind the shard; one that is missing can be made anew. For producers
only: needs pyarrow, from the extra `data`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hanmo.producer import store
from hanmo.producer.identity import Identity
from hanmo.producer.sample import Sample
from hanmo.weights.files import atomic_file

_TEXT = pa.string()
_SCHEMA = pa.schema(
    [(name, _TEXT) for name in ("id", "task", "caption", "source", "encoder", "vae", "config", "shard")]
    + [(name, pa.int32()) for name in ("width", "height", "tokens", "sources", "row")]
    + [("weight", pa.float32()), ("tags", pa.list_(_TEXT))]
)


def write_indexed(folder: Path, samples: Sequence[Sample], identity: Identity) -> Path:
    """Write a shard and its index.

    Args:
        folder: the store.
        samples: of one bucket.
        identity: of what made them.

    Raises:
        RequestError, OutputError: see `store.write_shard`.
    """
    path = store.write_shard(folder, samples, identity)
    rows = [
        {
            **{name: getattr(sample, name) for name in ("id", "task", "caption", "source", "weight")},
            **asdict(identity),
            "shard": path.relative_to(folder).as_posix(),
            "width": sample.size[0],
            "height": sample.size[1],
            "tokens": sample.hidden.shape[0],
            "sources": len(sample.sources),
            "tags": sorted(sample.tags),
            "row": row,
        }
        for row, sample in enumerate(samples)
    ]
    with atomic_file(path.with_suffix(".parquet")) as file:
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), file)
    return path


def read_index(folder: Path, bucket: str = "*/*") -> pa.Table:
    """The indexes of a store, or of one bucket, as one table."""
    files = sorted(folder.glob(f"{bucket}/*.parquet"))
    return pa.concat_tables([_SCHEMA.empty_table(), *(pq.read_table(file, schema=_SCHEMA) for file in files)])
