"""Small sets as `hanmo data run` leaves them: captioned pictures and pairs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from hanmo.data.layout import write_success
from hanmo.data.pairs import Pair, pair_records
from hanmo.data.record import Caption, Record, make_record
from hanmo.data.shards import write_shard

SIZE = (128, 64)


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A smooth picture of its own."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def captioned(seed: int, *captions: str, size: tuple[int, int] = SIZE) -> Record:
    file = io.BytesIO()
    picture(seed, size).save(file, "PNG")
    said = tuple(Caption(text, "synthetic", "en") for text in captions or (f"a card {seed}",))
    return make_record(file.getvalue(), said, f"set {seed % 2}", "CC0-1.0")


def pair(seed: int, words: str = "make it darker", count: int = 1) -> list[Record]:
    sources = tuple(np.asarray(picture(seed + n)) for n in range(count))
    said = (Caption(words, "synthetic", "en"),)
    return pair_records(Pair("darken", sources, sources[0] // 2, said), "pairs")


def write_set(folder: Path, *shards: Sequence[Record]) -> Path:
    """A finished set with these shards."""
    for number, records in enumerate(shards):
        place = folder / f"{number:05d}"
        place.mkdir(parents=True)
        write_shard(place / f"{place.name}.tar", records)
        write_success(place, {"kept": len(records)})
    write_success(folder, {"shards": len(shards)})
    return folder
