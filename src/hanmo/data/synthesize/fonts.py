"""The fonts of the cards, and the bitmap of one character (report section 3.4, pure rendering).

Two fonts per script, one without serifs and one with. Each is looked for at the path in its environment
variable, then among the system's font folders, then with fontconfig. A character that its font lacks is an
error: the report drops a whole paragraph for one missing glyph, and so does the sampler of cards.
This module does not know cards, colours or layouts. Bitmaps are float32 [h, w], 0 (ground) to 1 (ink).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw, ImageFont

from hanmo.errors import RequestError

Bitmap = Float32[np.ndarray, "h w"]

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
    Path("/Library/Fonts"),
)


@dataclass(frozen=True)
class Face:
    """One font: where to look for it.

    Attributes:
        variable: The environment variable that may hold the path of a font file to use instead.
        file: The file's usual name.
        index: The face within a collection (the simplified Chinese one), 0 in a plain file.
        pattern: What fontconfig calls it.
        package: The Debian package that holds it.
    """

    variable: str
    file: str
    index: int
    pattern: str
    package: str


FACES: dict[tuple[str, str], Face] = {
    ("en", "sans"): Face(
        "HANMO_FONT_EN_SANS", "DejaVuSansMono-Bold.ttf", 0, "DejaVu Sans Mono:bold", "fonts-dejavu-core"
    ),
    ("en", "serif"): Face("HANMO_FONT_EN_SERIF", "DejaVuSerif-Bold.ttf", 0, "DejaVu Serif:bold", "fonts-dejavu-core"),
    ("zh", "sans"): Face("HANMO_FONT_ZH_SANS", "NotoSansCJK-Bold.ttc", 2, "Noto Sans CJK SC:bold", "fonts-noto-cjk"),
    ("zh", "serif"): Face(
        "HANMO_FONT_ZH_SERIF", "NotoSerifCJK-Bold.ttc", 2, "Noto Serif CJK SC:bold", "fonts-noto-cjk"
    ),
}


@cache
def font_path(script: str, font: str) -> Path:
    """The file of the font for `script` ("en", "zh") in the style `font` ("sans", "serif").

    Raises:
        RequestError: The font is not on this machine; names the package that brings it.
    """
    face = FACES[script, font]
    given = os.environ.get(face.variable)
    if given is not None:
        if not Path(given).is_file():
            raise RequestError(f"{face.variable}={given} is no file; set it to a font (usually {face.file})")
        return Path(given)
    for path in _candidates(face):
        return path
    raise RequestError(
        f"the font {face.file} was not found; install the Debian package {face.package} "
        f"or set {face.variable} to a font file"
    )


def has_glyph(char: str, script: str, font: str) -> bool:
    """Whether the font can draw `char`."""
    face = _load(script, font, 32)
    mask = _drawn(face, char)
    return bool(mask.any()) and not np.array_equal(mask, _drawn(face, "\U0010fffd"))


@cache
def glyph(char: str, script: str, font: str, size: int, width: int, height: int) -> Bitmap:
    """`char` in a cell of `width` x `height` pixels at `size` pixels per em; the array is read-only.

    Capitals and Chinese characters stand in the cell's middle; a letter that is too wide for the cell is
    drawn narrower. No ink is cut off.

    Raises:
        RequestError: The font has no such character, or it does not fit the cell's height.
    """
    if not has_glyph(char, script, font):
        raise RequestError(f"the font {font_path(script, font).name} has no {char!r}; choose another")
    face = _load(script, font, size)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(char, anchor="ls"))
    # The line on which characters stand: it centres the capital H, or the square of a Chinese character.
    _, over, _, under = face.getbbox("H" if script == "en" else "国", anchor="ls")
    base = round((height - over - under) / 2)
    base = min(max(base, -top), height - bottom)
    if base + top < 0:
        raise RequestError(f"{char!r} at {size} px is higher than its cell of {height} px; draw it smaller")
    ink = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(ink).text((-left, -top), char, fill=255, font=face, anchor="ls")
    if ink.width > width - 2:
        ink = ink.resize((width - 2, ink.height), Image.Resampling.LANCZOS)
    cell = Image.new("L", (width, height))
    cell.paste(ink, ((width - ink.width) // 2, base + top))
    bitmap = np.asarray(cell, dtype=np.float32) / np.float32(255.0)
    bitmap.flags.writeable = False
    return bitmap


def _candidates(face: Face) -> Iterator[Path]:
    for folder in FOLDERS:
        if folder.is_dir():
            yield from sorted(folder.rglob(face.file))
    try:
        answer = subprocess.run(
            ["fc-match", "-f", "%{file}", face.pattern],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return
    if Path(answer.stdout).name == face.file:  # fontconfig answers with another font where it has none
        yield Path(answer.stdout)


@cache
def _load(script: str, font: str, size: int) -> ImageFont.FreeTypeFont:
    path = font_path(script, font)
    index = FACES[script, font].index if path.suffix.lower() == ".ttc" else 0
    return ImageFont.truetype(str(path), size, index=index, layout_engine=ImageFont.Layout.BASIC)


def _drawn(face: ImageFont.FreeTypeFont, char: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    canvas = Image.new("L", (64, 64))
    ImageDraw.Draw(canvas).text((8, 48), char, fill=255, font=face, anchor="ls")
    return np.asarray(canvas)
