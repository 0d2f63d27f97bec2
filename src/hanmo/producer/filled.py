"""Which sets a store holds wholly, so that they need not be looked at again at every start of a run (section 4.1.1).

    STORE/filled/KEY.json     what came of a set, and which shards the store had then; written last, whole or not at all

KEY is a hash of the identity, of what is chosen, and of the set: what its `_SUCCESS` files say, sizes and times of its
shards. A set that was changed, another choice, or a shard of the store that has gone or is damaged, and the set is
looked at again, which is always right and only costs time. It does not know how samples are made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hanmo.data.layout import read_success, shards_of
from hanmo.errors import OutputError, RequestError
from hanmo.producer.config import ProducerConfig
from hanmo.producer.identity import Identity, digest
from hanmo.producer.store import Catalogue
from hanmo.weights.files import atomic_file


def mark_of(store: Path, data: Path, identity: Identity, config: ProducerConfig, modules: Sequence[str] = ()) -> Path:
    """Where it is written that a set is in a store.

    Args:
        store: the folder.
        data: a finished set.
        identity: of the samples.
        config: what becomes of records.
        modules: more modules with operators.

    Raises:
        RequestError: there is no finished set, or a shard of it is gone.
    """
    found = []
    for tar in shards_of(data):
        try:
            known = tar.stat()
        except OSError as error:
            raise RequestError(f"{tar} cannot be read ({error.strerror}): run 'hanmo data' again for {data}") from None
        found.append((tar.name, read_success(tar.parent), known.st_size, known.st_mtime_ns))
    parts = [identity.key, config.to_json(), list(modules), read_success(data), found]
    return store / "filled" / f"{digest(parts)}.json"


def known_of(mark: Path, there: Catalogue) -> Counter[str] | None:
    """What a look at the set would count; None where the store must be filled from it (again).

    Args:
        mark: from `mark_of`.
        there: what the store holds now.
    """
    try:
        known = json.loads(mark.read_text("utf-8"))
        shards, counts = set(known["shards"]), Counter({str(what): int(n) for what, n in known["counts"].items()})
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    if not shards <= {shard.name for shard in there.shards}:
        return None
    counts["known"] += counts.pop("made", 0)
    return counts


def write_mark(mark: Path, data: Path, there: Catalogue, counts: Counter[str]) -> None:
    """Say that a set is in the store.

    Args:
        mark: from `mark_of`, before the set was read.
        data: the set, for people.
        there: what the store holds behind it.
        counts: what came of the set.

    Raises:
        OutputError: the store cannot be written to.
    """
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{mark.parent} cannot be made: {error.strerror or error}; choose another store") from None
    known = {"set": str(data), "counts": dict(+counts), "shards": [shard.name for shard in there.shards]}
    with atomic_file(mark) as file:
        file.write(json.dumps(known, indent=1).encode())
