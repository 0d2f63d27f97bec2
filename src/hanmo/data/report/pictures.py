"""Small copies of the pictures that the page shows, as data URIs, within a number of bytes.

They are read from the shards where their bytes lie, decoded within the data engine's limits, and written anew, so
that nothing of a stranger's file gets into the page but pixels. What cannot be decoded is told in words.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from hanmo.data.decode import DecodeLimits, Undecodable, decode
from hanmo.data.report.gather import Row
from hanmo.data.shards import read_image, read_index

SIDE = 192
"""Pixels of the longer side: what a tile shows on a screen of double density, about."""
_LIMITS = DecodeLimits(frames=10_000)
_QUALITY = 72


@dataclass(frozen=True)
class Thumbnail:
    """A small picture as the page has it.

    Attributes:
        uri: data URI; "" where there is no picture.
        width: pixels of the original.
        height: the same.
        problem: why there is none, for people; "" where there is one.
    """

    uri: str
    width: int = 0
    height: int = 0
    problem: str = ""


class Thumbnails:
    """Pictures by record, until their bytes are used up.

    Args:
        budget: bytes of data URIs.
    """

    def __init__(self, budget: int) -> None:
        self._left = budget

    def of(self, row: Row) -> Thumbnail:
        """A record's picture."""
        if self._left <= 0:
            return Thumbnail("", problem="left out: the page would grow too large")
        if any(why.startswith("poisoned") for why in row.failures.values()):
            return Thumbnail("", problem="not opened: workers died over it")
        offset, size = _offsets(row.shard).get(row.id, (0, 0))
        found = decode(read_image(row.shard, offset, size), limits=_LIMITS) if size else None
        if found is None:
            return Thumbnail("", problem="its bytes are not there any more")
        if isinstance(found, Undecodable):
            return Thumbnail("", problem=f"no picture: {found.reason.value}")
        uri = _uri(found.image)
        self._left -= len(uri)
        return Thumbnail(uri, *found.image.size)


@lru_cache(maxsize=8)
def _offsets(shard: Path) -> dict[str, tuple[int, int]]:
    """Record id -> where its bytes lie in a shard."""
    places: dict[str, tuple[int, int]] = {}
    if shard.is_file():
        for known in read_index(shard, ["id", "offset", "size"]):
            places[str(known["id"])] = (int(str(known["offset"])), int(str(known["size"])))
    return places


def _uri(picture: Image.Image) -> str:
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "WEBP", quality=_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
