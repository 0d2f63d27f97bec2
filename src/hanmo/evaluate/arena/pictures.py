"""Pictures without anything that says who painted them.

Files carry prompts, seeds and models in their metadata (`safety/provenance.py` writes them), and their names and
dates tell more: what voters get is the pixels, encoded anew, and nothing else. A watermark in the pixels stays.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from hanmo.errors import RequestError


def plain(path: Path) -> bytes:
    """The picture as a PNG file of pixels alone, turned as its camera said.

    Raises:
        RequestError: the file is gone, or is no picture.
    """
    try:
        return _plain(path, path.stat().st_mtime_ns)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        raise RequestError(f"{path} cannot be read as a picture: paint it again, or remove it") from None


@lru_cache(maxsize=32)
def _plain(path: Path, changed: int) -> bytes:  # `changed`: a file that was written anew is read again
    with Image.open(path) as opened:
        turned = ImageOps.exif_transpose(opened)
        pixels = turned.convert("RGBA" if turned.has_transparency_data else "RGB")
    bare = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())
    file = io.BytesIO()
    bare.save(file, "PNG", compress_level=1)
    return file.getvalue()
