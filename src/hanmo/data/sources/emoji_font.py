"""The bitmaps of a colour font, as PNG files: Noto Color Emoji, as Debian installs it (fonts-noto-color-emoji).

Such a font holds a PNG for each glyph (table CBDT); a sequence such as a family is one glyph, which a ligature (table
GSUB) names. Both are read with fontTools; nothing is rendered, the bytes come out as they went in. Fonts that hold
outlines instead (COLRv1) are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

from hanmo.errors import RequestError

FILE, PACKAGE = "NotoColorEmoji.ttf", "fonts-noto-color-emoji"
_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")


def installed_font() -> Path:
    """The system's colour font.

    Raises:
        RequestError: there is none.
    """
    for folder in _FOLDERS:
        for path in sorted(folder.rglob(FILE)) if folder.is_dir() else ():
            return path
    raise RequestError(f"{FILE} was not found; install the Debian package {PACKAGE}, or name the font's path")


def font_pictures(path: Path, wanted: set[tuple[int, ...]]) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """The PNG of each emoji that the font has, as (its code points without U+FE0F, bytes), in order.

    Raises:
        RequestError: the file is no font, or holds no bitmaps.
    """
    try:
        with path.open("rb") as file, TTFont(file, lazy=True) as font:
            if "CBDT" not in font:
                raise RequestError(f"{path.name} holds no bitmaps (table CBDT); Debian's {PACKAGE} does")
            characters = font.getBestCmap()
            sequences = _ligatures(font)
            strikes = font["CBDT"].strikeData
            for key in sorted(wanted):
                glyphs = tuple(characters.get(point, "") for point in key)
                name = glyphs[0] if len(glyphs) == 1 else sequences.get(glyphs, "")
                data = next((bytes(strike[name].imageData) for strike in strikes if name in strike), b"")
                if data:
                    yield key, data
    except (TTLibError, OSError, LookupError, AttributeError) as error:
        raise RequestError(f"{path} cannot be read as a colour font: {error}") from None


def _ligatures(font: TTFont) -> dict[tuple[str, ...], str]:
    """Sequences of glyphs and the one that they become; without the glyph of U+FE0F, which ours leave out."""
    selector = font.getBestCmap().get(0xFE0F)
    found: dict[tuple[str, ...], str] = {}
    if "GSUB" not in font:
        return found
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, ligatures in getattr(table, "ligatures", {}).items():
                for ligature in ligatures:
                    glyphs = tuple(name for name in (first, *ligature.Component) if name != selector)
                    found.setdefault(glyphs, ligature.LigGlyph)
    return found
