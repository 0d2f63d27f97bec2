"""Stages 1 and 2 as a script would do them: a process pool, Pillow, OpenCV, one table. What `bench_data` compares with.

The same questions are answered for every picture: is it whole, how large, what does it look like, is it turned, sharp,
bright, colourful, rich, structured. There is no resume, no rejects table, no second threshold, and pictures that stay
are not written anywhere; a file that kills its process ends the run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

SIDE = 512
REACH = 7
Row = dict[str, float | str]


def filter_folder(files: Sequence[Path], table: Path, stages: Sequence[int], workers: int) -> int:
    """Measure every file, look for near duplicates, write one table; return how many pictures stay."""
    with ProcessPoolExecutor(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        rows = list(pool.map(measure, files, [tuple(stages)] * len(files), chunksize=8))
    if 1 in stages:
        hashes = np.array([int(str(row["hash"]), 16) for row in rows], np.uint64)
        for number, row in enumerate(rows):
            apart = np.bitwise_count(hashes[:number] ^ hashes[number])
            row["distance"] = float(min(REACH + 1, apart.min(initial=64)))
    pq.write_table(pa.Table.from_pylist(rows), table)
    return sum(bool(row["readable"]) and float(row.get("distance", 64.0)) > REACH for row in rows)


def measure(file: Path, stages: tuple[int, ...]) -> Row:
    """All scores of one file."""
    data = file.read_bytes()
    row: Row = {"file": os.fspath(file), "readable": 0.0, "hash": "0"}
    try:
        with Image.open(BytesIO(data)) as header:
            header.verify()
        with Image.open(BytesIO(data)) as opened:
            orientation = int(opened.getexif().get(0x0112, 1))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError):
        return row
    row["readable"] = 1.0
    if 1 in stages:
        width, height = picture.size
        row |= {"bytes": float(len(data)), "bytes_per_pixel": len(data) / (width * height)}
        row |= {"short_side": float(min(width, height)), "long_side": float(max(width, height))}
        row["hash"] = f"{perceptual_hash(picture):x}"
    if 2 in stages:
        row |= {"orientation": float(orientation), **looks(np.asarray(picture))}
    return row


def perceptual_hash(picture: Image.Image) -> int:
    """64 bits of the lowest frequencies of a cosine transform, as image hash libraries have it."""
    grey = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float32)
    low = cv2.dct(grey)[:8, :8]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def looks(pixels: np.ndarray) -> Row:
    """Clarity, luma, saturation, entropy and texture at the same working size as Hanmo's."""
    scale = SIDE / max(pixels.shape[:2])
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    shares = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel() / grey.size
    across, down = (cv2.Sobel(grey, cv2.CV_32F, x, 1 - x, scale=1 / 8) for x in (1, 0))
    return {
        "clarity": float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        "luma": float(grey.mean()) / 255,
        "dark": float(shares[:6].sum()),
        "bright": float(shares[250:].sum()),
        "saturation": float(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)[..., 1].mean()) / 255,
        "entropy": float(-(shares[shares > 0] * np.log2(shares[shares > 0])).sum()),
        "texture": float((cv2.magnitude(across, down) >= 8).mean()),
    }
