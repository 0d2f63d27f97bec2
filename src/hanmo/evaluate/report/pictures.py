"""The pictures of a page: small copies inside it while a number of bytes lasts, then the files that lie beside it.

A page with few samples is whole by itself; one with thousands opens at once, because a browser reads a file only when
it is scrolled to. Either way a picture links to its file by a relative path, so that a folder can be moved or zipped.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from hanmo.data.report.markup import Html, tag

PICTURE_BYTES = 12 << 20
"""Bytes of pictures within a page."""
SIDE = 384
"""Pixels of a copy's longer side."""
_QUALITY = 88


class Pictures:
    """Pictures for one page.

    Args:
        home: the folder that the page lies in.
        budget: bytes of copies within the page.
    """

    def __init__(self, home: Path, budget: int = PICTURE_BYTES) -> None:
        self.home = home
        self._left = budget
        self.beside = 0
        """How many pictures the page shows from their files."""

    def frame(self, path: Path, words: str) -> Html:
        """A picture that links to its file; in words where it cannot be read.

        Args:
            path: of the picture.
            words: what it shows, for those who do not see it.
        """
        try:
            with Image.open(path) as opened:
                width, height = opened.size
                uri = self._copy(opened) if self._left > 0 else ""
        except FileNotFoundError:
            return tag("div", tag("p", "the picture is not there", class_="nothing"), class_="frame")
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            told = f"the picture cannot be read: {error}"
            return tag("div", tag("p", told, class_="nothing"), class_="frame")
        self._left -= len(uri)
        self.beside += not uri
        link = self.link(path)
        image = tag(
            "img",
            src=uri or link,
            alt=words,
            width=width,
            height=height,
            loading=None if uri else "lazy",
            decoding="async",
        )
        return tag("a", image, class_="frame", href=link, title=f"{width} × {height}")

    def link(self, path: Path) -> str:
        """The relative path from the page to a file."""
        return quote(os.path.relpath(path.resolve(), self.home.resolve()).replace(os.sep, "/"))

    def _copy(self, opened: Image.Image) -> str:
        small = opened.convert("RGB")
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        small.save(file, "WEBP", quality=_QUALITY, method=3)
        return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
