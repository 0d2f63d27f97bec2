"""Emoji in four hands, with names in English and Chinese: a real picture set out of packages (report section 3.1).

    fluent-3d   Microsoft's Fluent Emoji, soft 3D, 256 px          MIT             npm @lobehub/fluent-emoji-3d
    openmoji    OpenMoji, flat with black outlines, vectors        CC-BY-SA-4.0    npm openmoji
    twemoji     Twemoji, flat, vectors                             CC-BY-4.0       npm @twemoji/svg
    noto        Google's Noto Color Emoji, 136x128 px              OFL-1.1         Debian fonts-noto-color-emoji

Bitmaps stay the bytes that the package holds; vectors are drawn by resvg (the optional package resvg-py). Pictures
are transparent, and the data engine's decoder shows them on white, which is what the captions say. Licence, author and
code point stand in every record. It does not choose: what is too small or too alike is for the filters to drop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanmo.data.limits import Limits
from hanmo.data.record import Caption, Record, content_id, image_format, make_record
from hanmo.data.rejects import Reject
from hanmo.data.sources.emoji_font import font_pictures, installed_font
from hanmo.data.sources.emoji_names import NAMES, EmojiName, code_key, emoji_names
from hanmo.data.sources.packages import NpmPackage, package_folder
from hanmo.data.sources.sidecar import too_large
from hanmo.errors import ConfigError, RequestError


@dataclass(frozen=True)
class ArtSet:
    """All emoji by one hand.

    Attributes:
        package: where its files come from; None for the installed font.
        files: the folder in the package, and the ending of its files.
        licence: an SPDX identifier: that of the art, which is not always that of the package around it.
        attribution: what a work that shows the art must say.
        style_en: the style, for captions and for instructions.
        style_zh: the same in Chinese.
    """

    package: NpmPackage | None
    files: tuple[str, str]
    licence: str
    attribution: str
    style_en: str
    style_zh: str


ART: Mapping[str, ArtSet] = {
    "fluent-3d": ArtSet(
        NpmPackage(
            "@lobehub/fluent-emoji-3d",
            "1.1.0",
            "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
            ("assets/", "package.json", "README.md"),
        ),
        ("assets", ".webp"),
        "MIT",
        "Fluent Emoji, (c) Microsoft Corporation, MIT License",
        "soft 3D",
        "立体",
    ),
    "openmoji": ArtSet(
        NpmPackage(
            "openmoji",
            "17.0.0",
            "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68",
            ("color/svg/", "package.json", "LICENSE.txt"),
        ),
        ("color/svg", ".svg"),
        "CC-BY-SA-4.0",
        "OpenMoji (openmoji.org), the open-source emoji and icon project, CC BY-SA 4.0",
        "black-outlined",
        "黑色描边",
    ),
    "twemoji": ArtSet(
        NpmPackage(
            "@twemoji/svg",
            "15.0.0",
            "1d2907557a422c7c4e3feca50ef915c39da1db3d76b4a4d7e73fb59bce4403c3",
        ),
        ("", ".svg"),
        "CC-BY-4.0",
        "Twemoji, (c) Twitter, Inc. and other contributors, CC BY 4.0",
        "flat",
        "扁平",
    ),
    "noto": ArtSet(
        None,
        ("", ".png"),
        "OFL-1.1",
        "Noto Color Emoji, (c) Google Inc., SIL Open Font License 1.1",
        "rounded cartoon",
        "圆润卡通",
    ),
}


@dataclass(frozen=True)
class EmojiArtSource:
    """One art set out of unpacked packages; a `Source`.

    Args:
        art: a key of `ART`.
        names: the folder of the unpacked emojibase-data.
        files: the folder of the unpacked package, or the font's file for "noto".
        size: width of the pictures that are drawn from vectors, in pixels, 32 to 2048.
        tones: whether variants in other skin tones come too.
        codes: the code points that are wanted; none takes all.
        limits: larger files are not read.

    Raises:
        ConfigError: an unknown set, or a size out of range.
    """

    art: str
    names: Path
    files: Path
    size: int = 512
    tones: bool = False
    codes: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """See the class."""
        if self.art not in ART:
            raise ConfigError(f"there is no art set {self.art!r}; choose from {', '.join(ART)}")
        if not 32 <= self.size <= 2048:
            raise ConfigError(f"the size of emoji is {self.size}; it must lie between 32 and 2048 pixels")

    @property
    def name(self) -> str:
        """What records call the set."""
        return f"emoji-{self.art}"

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        names = (name for name in emoji_names(self.names) if self.tones or not name.tone)
        known = {name.key: name for name in names if not self.codes or name.code in self.codes}
        if ART[self.art].package is None:
            for key, data in font_pictures(self.files, set(known)):
                yield self._record(known[key], data, f"{self.files.name}#{known[key].code}")
            return
        found = _indexed(self.files / ART[self.art].files[0], ART[self.art].files[1])
        if not found:
            raise RequestError(f"{self.files} holds no {self.art} art: give the folder of the unpacked package")
        for key, name in known.items():
            if key in found:
                yield self._file(name, found[key])

    def _file(self, name: EmojiName, path: Path) -> Record | Reject:
        where = f"{self.files.name}/{path.relative_to(self.files)}"
        size = path.stat().st_size
        if size > self.limits.image_bytes:
            return too_large(where, size, self.limits.image_bytes)
        data = path.read_bytes()
        if path.suffix == ".svg":
            try:
                data = drawn(data, self.size)
            except RequestError:  # resvg is missing, which is no fault of the file
                raise
            except ValueError as error:
                return Reject(where, "no_picture", f"resvg: {error}"[:300])
        return self._record(name, data, where)

    def _record(self, name: EmojiName, data: bytes, where: str) -> Record | Reject:
        if image_format(data) is None:
            return Reject(where, "no_picture", f"{len(data)} bytes that begin with {data[:8]!r}", id=content_id(data))
        art = ART[self.art]
        captions = (
            Caption(name.en, "raw", "en"),
            Caption(name.zh, "raw", "zh"),
            Caption(f"an emoji in {art.style_en} style on a white background: {name.en}", "synthetic", "en"),
            Caption(f"白色背景上的{art.style_zh}风格表情符号：{name.zh}", "synthetic", "zh"),
        )
        metadata = {
            "where": where,
            "art": self.art,
            "code": name.code,
            "emoji": name.text,
            "group": name.group,
            "subgroup": name.subgroup,
            "tags": {"en": list(name.tags_en), "zh": list(name.tags_zh)},
            "attribution": art.attribution,
        }
        return make_record(data, captions, self.name, art.licence, metadata)


def fetch_emoji_art(
    folder: Path, arts: Sequence[str] = tuple(ART), size: int = 512, tones: bool = False, font: Path | None = None
) -> tuple[EmojiArtSource, ...]:
    """The sources of some art sets; npm fetches what does not yet lie unpacked in `folder`.

    Args:
        folder: holds the unpacked packages, each in a folder named after it and its version.
        arts: keys of `ART`.
        size: see `EmojiArtSource`.
        tones: see `EmojiArtSource`.
        font: the file of the Noto font; None looks among the system's.

    Raises:
        ConfigError: an unknown set, or none.
        RequestError: a package or the font cannot be had; says what to install.
        OutputError: the folder cannot be written to.
    """
    if not arts:
        raise ConfigError(f"no art set was asked for; choose from {', '.join(ART)}")
    for art in arts:
        EmojiArtSource(art, folder, folder, size)  # refuses before anything is fetched
    if any(ART[art].files[1] == ".svg" for art in arts):
        _resvg()
    names = package_folder(NAMES, folder)
    places = []
    for art in arts:
        package = ART[art].package
        places.append((font or installed_font()) if package is None else package_folder(package, folder))
    return tuple(EmojiArtSource(art, names, place, size, tones) for art, place in zip(arts, places, strict=True))


def drawn(svg: bytes, size: int) -> bytes:
    """A drawing as the bytes of a transparent PNG, `size` pixels wide.

    Raises:
        RequestError: resvg-py is not installed.
        ValueError: it is no SVG, or it refers to pictures or text outside itself.
    """
    if b"<image" in svg or b"<text" in svg:
        raise ValueError("the drawing refers to pictures or fonts, which are not loaded")
    return bytes(_resvg().svg_to_bytes(svg_string=svg.decode(), width=size, skip_system_fonts=True))


def _resvg() -> Any:
    try:
        import resvg_py
    except ImportError:
        raise RequestError(
            "OpenMoji and Twemoji are drawings, which resvg draws: pip install resvg-py, or fetch only "
            "fluent-3d and noto"
        ) from None
    return resvg_py


def _indexed(folder: Path, ending: str) -> dict[tuple[int, ...], Path]:
    found: dict[tuple[int, ...], Path] = {}
    for path in sorted(folder.glob(f"*{ending}")) if folder.is_dir() else ():
        try:
            found.setdefault(code_key(path.stem), path)
        except ValueError:  # other drawings, with names of their own
            continue
    return found
