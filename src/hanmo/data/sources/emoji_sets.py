"""Several sets of emoji out of one folder, which `hanmo data fetch emoji-art` filled (report section 3.1).

Nothing is fetched here: a recipe reads what lies on this machine. It does not know what the sets look like.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.emoji_art import ART, EmojiArtSource
from hanmo.data.sources.emoji_font import installed_font
from hanmo.data.sources.emoji_names import NAMES
from hanmo.errors import ConfigError, RequestError

PACKAGES = "packages"
"""The folder of the unpacked packages below the one that the command is given."""


@dataclass(frozen=True)
class EmojiSetsSource:
    """Art sets, one after the other; a `Source`.

    Args:
        folder: that was given to the command, or any that holds the unpacked packages.
        name: what records call the set; which hand each is by stands in its metadata as "art".
        sets: keys of `ART`.
        size: see `EmojiArtSource`.
        tones: see `EmojiArtSource`.
        font: the file of the Noto font; None looks among the system's.
        codes: see `EmojiArtSource`.

    Raises:
        ConfigError: no set, an unknown one, or a size out of range.
    """

    folder: Path
    name: str = "emoji"
    sets: tuple[str, ...] = tuple(ART)
    size: int = 512
    tones: bool = False
    font: Path | None = None
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        if not self.sets:
            raise ConfigError(f"no art set was asked for; choose from {', '.join(ART)}")
        for art in self.sets:
            EmojiArtSource(art, self.folder, self.folder, self.size)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a set that is not there raises before the first item."""
        for item in chain.from_iterable(self._sources()):
            yield replace(item, source=self.name) if isinstance(item, Record) else item

    def _sources(self) -> list[EmojiArtSource]:
        place = self.folder / PACKAGES if (self.folder / PACKAGES).is_dir() else self.folder
        absent = [art for art in self.sets if (package := ART[art].package) and not (place / package.folder).is_dir()]
        if absent or not (place / NAMES.folder).is_dir():
            what = ",".join(absent or self.sets)
            raise RequestError(
                f"{self.folder} does not hold the art sets {what}: fetch them with 'hanmo data fetch emoji-art "
                f"{self.folder} --sets {what}', or leave them out of 'sets'"
            )
        names, found = place / NAMES.folder, []
        for art in self.sets:
            package = ART[art].package
            files = (self.font or installed_font()) if package is None else place / package.folder
            found.append(EmojiArtSource(art, names, files, self.size, self.tones, self.codes))
        return found
