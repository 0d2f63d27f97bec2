"""Pictures made by arithmetic, for tests that plant a fault in them: scenes with shapes, soft light and colour."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw


def scene(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    """A sharp, bright, colourful picture; another one for every seed."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    start, right, below = (rng.uniform(60, 200, 3) for _ in range(3))
    ground = start + (right - start) * across[..., None] + (below - start) * down[..., None]
    ground += rng.normal(0, 3, (height, width, 1))
    picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for number in range(18):
        x, y = rng.uniform(-0.1, 1, 2) * (width, height)
        wide, high = rng.uniform(0.05, 0.45, 2) * (width, height)
        color = tuple(int(level) for level in rng.choice([20, 90, 160, 240], 3))
        (pen.ellipse if number % 2 else pen.rectangle)((x, y, x + wide, y + high), fill=color)
    return picture


def pixels(picture: Image.Image) -> np.ndarray:
    """As uint8 [H, W, 3]."""
    return np.asarray(picture.convert("RGB"))


def file_of(picture: Image.Image, format: str = "png", **options: object) -> bytes:
    """The picture as a file."""
    file = BytesIO()
    picture.save(file, format=format, **options)
    return file.getvalue()
