"""Which characters a font can draw (report section 3.4, pure rendering: one missing glyph drops the paragraph).

What a font can draw is read from its character map (`cmap`); a character that is mapped to `.notdef`, the box
of a missing glyph, counts as missing. Collections hold several faces, each with an index.
This module does not know layouts, colours or captions.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from fontTools.ttLib import TTCollection, TTFont, TTLibError

from hanmo.errors import RequestError

Kind = Literal["serif", "sans", "mono", ""]

SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
# Without these a face cannot set a text of its script, whatever the text is.
PROBES = {
    "en": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,:;!?-'\"’“”—",
    "zh": "的一是国我东书体龙门见长说过这还，。、；：？！“”《》",
}
# Faces that draw the same code points as another region writes them.
_REGIONS = (" JP", " KR", " TC", " HK", " TW")


@dataclass(frozen=True)
class FontFace:
    """One face of a font file.

    Attributes:
        path: The file.
        index: The face within a collection, 0 in a plain file.
        family: Its family, as the font names itself ("Noto Serif CJK SC").
        style: Its style within the family ("Bold Italic").
    """

    path: Path
    index: int
    family: str
    style: str

    @property
    def name(self) -> str:
        """Family and style, as a person would say them."""
        return f"{self.family} {self.style}"

    @property
    def design(self) -> str:
        """The family without its region: faces of one design draw the same Latin letters."""
        return next(
            (self.family.removesuffix(end) for end in (" SC", *_REGIONS) if self.family.endswith(end)), self.family
        )

    @property
    def kind(self) -> Kind:
        """What the family's name tells of its letters; empty where it tells nothing."""
        words = self.family.lower()
        for kind in ("mono", "sans", "serif"):
            if kind in words:
                return kind
        return ""

    @property
    def bold(self) -> bool:
        """Whether the style says so."""
        return "bold" in self.style.lower()

    @property
    def italic(self) -> bool:
        """Whether the style says so."""
        return any(word in self.style.lower() for word in ("italic", "oblique"))


@dataclass(frozen=True)
class MissingGlyph:
    """The outcome of a paragraph that was refused whole: the first character that its font cannot draw."""

    char: str
    font: str

    def __str__(self) -> str:
        """One line for a rejects table."""
        name = unicodedata.name(self.char, "no name")
        return f"the font {self.font} has no U+{ord(self.char):04X} {self.char!r} ({name}); the paragraph was dropped"


def faces(folder: Path) -> tuple[FontFace, ...]:
    """Every face of every font file in `folder` and below it, by path and index.

    Raises:
        RequestError: `folder` is no folder, holds no font, or a file in it is no font.
    """
    if not folder.is_dir():
        raise RequestError(f"{folder} is no folder; name one that holds fonts ({', '.join(SUFFIXES)})")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    found = tuple(face for path in files for face in file_faces(path))
    if not found:
        raise RequestError(f"{folder} holds no font; put files in it that end in {', '.join(SUFFIXES)}")
    return found


@cache
def file_faces(path: Path) -> tuple[FontFace, ...]:
    """The faces of one file.

    Raises:
        RequestError: The file is missing, or no font.
    """
    try:
        with path.open("rb") as file:  # ours to close, also where it is no font
            if path.suffix.lower() in (".ttc", ".otc"):
                return tuple(_describe(path, index, font) for index, font in enumerate(TTCollection(file, lazy=True)))
            return (_describe(path, 0, TTFont(file, lazy=True)),)
    except (TTLibError, OSError, KeyError) as error:
        raise RequestError(f"{path} cannot be read as a font ({error}); replace or remove it") from error


@cache
def characters(face: FontFace) -> frozenset[str]:
    """Every character that `face` can draw."""
    with TTFont(str(face.path), fontNumber=face.index, lazy=True) as font:
        # Names of glyphs are of no use here, and reading them is what takes time.
        font.setGlyphOrder([".notdef", *(f"glyph{index}" for index in range(1, font["maxp"].numGlyphs))])
        mapped = font.getBestCmap() or {}
        return frozenset(chr(point) for point, glyph in mapped.items() if glyph != ".notdef")


def missing(text: str, face: FontFace) -> MissingGlyph | None:
    """The first character of `text` that `face` cannot draw; None where it draws them all."""
    known = characters(face)
    return next((MissingGlyph(char, face.name) for char in text if char not in known), None)


def suits(face: FontFace, script: str) -> bool:
    """Whether `face` is made for texts of `script` ("en", "zh": simplified Chinese).

    Faces of other regions draw Chinese characters in their own forms, so they are no choice for "zh"; fonts
    for formulas are no choice at all.
    """
    if "Math" in face.family or (script == "zh" and face.family.endswith(_REGIONS)):
        return False
    return missing(PROBES[script], face) is None


def bold_sibling(face: FontFace, among: tuple[FontFace, ...]) -> FontFace:
    """The bold face of the same family, upright or italic like `face`; `face` itself where there is none."""
    for other in among:
        if other.family == face.family and other.bold and other.italic == face.italic:
            return other
    return face


def _describe(path: Path, index: int, font: TTFont) -> FontFace:
    names = font["name"]
    # 16 and 17 are the typographic names of a family with more than four styles; 1 and 2 are always there.
    family = names.getDebugName(16) or names.getDebugName(1) or path.stem
    style = names.getDebugName(17) or names.getDebugName(2) or "Regular"
    return FontFace(path, index, family, style)
