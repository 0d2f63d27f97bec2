"""Which pictures of a whole set look like a better one: a table on disk, asked by id (report section 3.2, stage 1).

Near duplicates are the one question of stage 1 that a picture cannot answer alone, so it is asked in three steps:

    looks     the operator `look` says what each picture looks like, shard by shard, with workers and resume (`run`)
    table     `duplicate_table` puts all looks in order and asks each which one before it is nearest (`LookIndex`)
    verdicts  the operator `duplicates` looks its record up

The order is not that of arrival but of worth: longer short side, longer long side, more bytes, smaller id. So the table
is the same whatever the shards, their order and the workers, and the copy that stays is the largest, which the
resolution filter would drop last. The distance is that to the nearest better picture, whether that one is kept or not.
Hence, with any threshold t, of pictures that are all within t of each other exactly one stays, the best, and no two
that stay are within t. Another t is another comparison: nothing is measured or sought again.

Known limits. Of a long chain, each picture near the next, such as the frames of a film, the best stays, but perhaps
no other, though its ends look unlike: what keeps more of them would have to know t. A better picture that another
filter drops (for nudity, say) takes its copies with it: give `duplicates` a run of its own behind the others where
that matters. While it is built, the table needs about 200 bytes of memory for each picture, 20 GB for a hundred
million; asked, it is mapped, and needs what it touches.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from hanmo.data.filters.duplicates import REACH, Look, LookIndex, look
from hanmo.data.look import picture_of
from hanmo.data.operator import Measured, digest
from hanmo.data.record import Record
from hanmo.data.scores import fingerprint, read_scores, scores_path
from hanmo.data.shards import read_index
from hanmo.errors import HanmoError, RequestError
from hanmo.log import progress
from hanmo.weights.files import atomic_file

NONE = REACH + 1
"""The distance of a picture to which no better one is near."""

_ID = 16  # bytes
_VERSION = 1
_BLOCK = 4096
_SEEN = np.dtype(
    [("id", f"V{_ID}"), ("short", "<u4"), ("long", "<u4"), ("bytes", "<u8"), ("bits", "<u8"), ("color", "u1", (3,))]
)
_ROW = np.dtype([("high", "<u8"), ("low", "<u8"), ("of", f"V{_ID}"), ("distance", "<u8")])
"""A picture's id as two numbers, by which rows are sorted; the id of the better one; the distance to it.

Every field lies at a multiple of 8 bytes, else a search would copy the whole column first.
"""


@dataclass(frozen=True)
class LookConfig:
    """Nothing to choose."""


@dataclass(frozen=True)
class LookOperator:
    """What a picture looks like (`duplicates.Look`), and its size: no score, only metadata, for the table."""

    config: LookConfig = LookConfig()
    name = "look"
    version = 1
    scores = ()

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        picture = picture_of(record)
        height, width = picture.shape[:2]
        found = look(picture)
        return Measured({}, {"bits": f"{found.bits:016x}", "color": list(found.color), "size": [width, height]})


@dataclass(frozen=True)
class DuplicatesConfig:
    """Where the table lies, and which one it is; `duplicate_table` gives both.

    Args:
        table: the file.
        content: 32 hexadecimal digits, the hash of its bytes: scores of another table are not these.
    """

    table: Path
    content: str


def duplicate_table(shards: Sequence[Path], folder: Path, table: Path) -> DuplicatesConfig:
    """Build the table of a set, or see that it is there; killed at any moment, it is built again from the looks.

    Args:
        shards: the tars that stage 1 begins with.
        folder: the set that `run` made of them with `LookOperator()` among the operators.
        table: the file, .npy; a second one beside it, .json, says what it was made from.

    Raises:
        RequestError: a shard's looks are not there, or one picture stands in two shards.
        OutputError: the table cannot be written.
    """
    prints = sorted(fingerprint(shard) for shard in shards)
    made_from = digest([_VERSION, prints])
    known = _note(table)
    if known.get("made_from") == made_from and table.is_file():
        return DuplicatesConfig(table, known["content"])
    with tempfile.TemporaryFile() as file:
        count = _gather(shards, folder, file)
        seen: Any = np.memmap(file, _SEEN, "r+", shape=(count,)) if count else np.empty(0, _SEEN)
        rows = _compared(seen)
    content = _write(table, rows)
    near = int((rows["distance"] < NONE).sum())
    with atomic_file(table.with_suffix(".json")) as note:
        said = {"made_from": made_from, "content": content, "pictures": len(rows), "near": near}
        note.write(json.dumps(said, sort_keys=True).encode() + b"\n")
    return DuplicatesConfig(table, content)


def check_table(config: DuplicatesConfig) -> None:
    """See before any work that the table is there and is the one that is meant; its bytes are hashed by each worker.

    Raises:
        RequestError: it is not.
    """
    if not config.table.is_file():
        raise RequestError(f"there is no table of duplicates {config.table}: build it with `duplicate_table`")
    if _note(config.table).get("content") != config.content:
        raise RequestError(f"{config.table} is another table than {config.content or 'none'}: build it again")


def nearest_better(record: Record, config: DuplicatesConfig) -> tuple[int, str]:
    """How many bits the nearest better picture differs by, 0 to `NONE`, and its id ("" where there is none).

    Raises:
        RequestError: there is no such table, or it is another one.
        HanmoError: the table does not know the picture: it has no look (it is broken), or is of another set.
    """
    rows, high = _opened(config)
    wanted = int(record.id[:16], 16), int(record.id[16:], 16)
    at = int(np.searchsorted(high, np.uint64(wanted[0])))
    while at < len(rows) and int(high[at]) == wanted[0]:
        row = rows[at]
        if int(row["low"]) == wanted[1]:
            distance = int(row["distance"])
            return distance, row["of"].tobytes().hex() if distance < NONE else ""
        at += 1
    raise HanmoError("the table of duplicates does not know this picture: it has no look, or is of another set")


# --- building ---------------------------------------------------------------------------------------


def _gather(shards: Sequence[Path], folder: Path, file: Any) -> int:
    """Write what is known of every picture that has a look, one after the other; return their number."""
    count = 0
    with progress(len(shards), "looks") as bar:
        for shard in shards:
            some = np.array(list(_seen_in(shard, folder / shard.stem)), _SEEN)
            file.write(some.tobytes())
            count += len(some)
            bar.update()
    file.flush()
    return count


def _seen_in(shard: Path, place: Path) -> Iterator[tuple[object, ...]]:
    operator = LookOperator()
    looks = read_scores(scores_path(place, operator), operator, fingerprint(shard))
    if looks is None:
        raise RequestError(f"{place} holds no looks of {shard.name}: run the operator `look` over the set first")
    for row in read_index(shard, ["id", "size"]):
        found = looks[str(row["id"])]
        if not found.failure:
            width, height = found.metadata["size"]
            name, bits = bytes.fromhex(str(row["id"])), int(found.metadata["bits"], 16)
            yield name, min(width, height), max(width, height), row["size"], bits, tuple(found.metadata["color"])


def _compared(seen: Shaped[np.ndarray, " N"]) -> Shaped[np.ndarray, " N"]:
    """The rows of the table, sorted by id."""
    high, low = _numbers(seen["id"])
    worth = np.lexsort((low, high, *(~seen[key] for key in ("bytes", "long", "short"))))
    rows = np.zeros(len(seen), _ROW)
    rows["high"], rows["low"], rows["distance"] = high, low, NONE
    index = LookIndex()
    with progress(len(seen), "duplicates") as bar:
        for start in range(0, len(seen), _BLOCK):
            places = worth[start : start + _BLOCK]
            some = seen[places]
            colors = some["color"].tolist()
            looks = [Look(bits, (r, g, b)) for bits, (r, g, b) in zip(some["bits"].tolist(), colors, strict=True)]
            names = [one.tobytes().hex() for one in some["id"]]
            for place, near in zip(places, index.add(looks, names), strict=True):
                if near is not None:
                    rows[place]["distance"], rows[place]["of"] = near.distance, np.void(bytes.fromhex(near.id))
            bar.update(len(places))
    rows = rows[np.lexsort((low, high))]
    same = np.flatnonzero((rows["high"][1:] == rows["high"][:-1]) & (rows["low"][1:] == rows["low"][:-1]))
    if len(same):
        twice = f"{int(rows['high'][same[0]]):016x}{int(rows['low'][same[0]]):016x}"
        raise RequestError(f"the picture {twice} is in the set twice: collect the set, which keeps each once")
    return rows


def _numbers(ids: Shaped[np.ndarray, " N"]) -> tuple[Shaped[np.ndarray, " N"], Shaped[np.ndarray, " N"]]:
    """Ids of 16 bytes as pairs of numbers in the same order."""
    pairs = np.frombuffer(ids.tobytes(), ">u8").reshape(-1, 2)
    return pairs[:, 0].astype(np.uint64), pairs[:, 1].astype(np.uint64)


def _write(table: Path, rows: Shaped[np.ndarray, " N"]) -> str:
    with atomic_file(table) as file:
        np.save(file, rows, allow_pickle=False)
    return _hash(table)


def _note(table: Path) -> dict[str, Any]:
    try:
        known = json.loads(table.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


# --- asking -----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _opened(config: DuplicatesConfig) -> tuple[Any, Any]:
    """The rows, mapped and checked once in each process, and their first halves."""
    try:
        content = _hash(config.table)
        rows = np.load(config.table, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestError(f"{config.table} is no table of duplicates ({error}): build it again") from None
    if content != config.content or rows.dtype != _ROW:
        raise RequestError(f"{config.table} is another table than the run was begun with: build it again")
    return rows, rows["high"]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
