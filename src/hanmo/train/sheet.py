"""A sheet of pictures: many small ones on one large one, as previews and model cards show them.

It does not know where the pictures come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from hanmo.weights.files import atomic_file


def sheet(pictures: Sequence[Image.Image], columns: int, gap: int = 4) -> Image.Image:
    """Lay pictures out row by row, each in a cell as large as the largest, on light grey.

    Args:
        pictures: at least one.
        columns: pictures a row.
        gap: pixels between and around them.
    """
    width, height = max(p.width for p in pictures), max(p.height for p in pictures)
    rows = math.ceil(len(pictures) / columns)
    whole = Image.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), (224, 224, 224))
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        whole.paste(picture.convert("RGB"), (gap + column * (width + gap), gap + row * (height + gap)))
    return whole


def save_sheet(path: Path, whole: Image.Image) -> None:
    """Write a sheet as PNG, whole or not at all.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    with atomic_file(path) as file:
        whole.save(file, format="PNG")
