"""What emoji are called in English and Chinese: Unicode's CLDR names, as the package emojibase-data holds them.

The package's own texts are MIT, CLDR's are under the Unicode licence. An emoji is known here only when it has a name
in both languages and a group. It does not know pictures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanmo.data.sources.packages import NpmPackage
from hanmo.errors import RequestError

NAMES = NpmPackage(
    "emojibase-data",
    "17.0.0",
    "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
    ("en/data.json", "zh/data.json", "meta/groups.json", "LICENSE", "package.json"),
)

_SELECTOR = 0xFE0F
"""Asks for the coloured form of a character; file names have it or not, and it never tells two emoji apart."""


@dataclass(frozen=True)
class EmojiName:
    """One emoji.

    Attributes:
        code: its code points, such as "1F468-200D-1F33E".
        en: its English name.
        zh: its Chinese name.
        tags_en: English keywords.
        tags_zh: Chinese keywords.
        group: such as "food-drink".
        subgroup: such as "food-fruit".
        tone: whether it is a variant in another skin tone.
    """

    code: str
    en: str
    zh: str
    tags_en: tuple[str, ...]
    tags_zh: tuple[str, ...]
    group: str
    subgroup: str
    tone: bool = False

    @property
    def key(self) -> tuple[int, ...]:
        """By which files are found: see `code_key`."""
        return code_key(self.code)

    @property
    def text(self) -> str:
        """The characters themselves."""
        return "".join(chr(int(part, 16)) for part in self.code.split("-"))


def code_key(code: str) -> tuple[int, ...]:
    """Code points out of "1F3F3-FE0F-200D-1F308", in whatever case, without the selector of the coloured form.

    Raises:
        ValueError: a part is no hexadecimal number.
    """
    points = tuple(int(part, 16) for part in code.split("-"))
    return tuple(point for point in points if point != _SELECTOR)


def emoji_names(folder: Path) -> tuple[EmojiName, ...]:
    """All emoji of an unpacked emojibase-data that have both names, in Unicode's order, variants after their base.

    Raises:
        RequestError: the files are missing or not what this package has.
    """
    try:
        english, chinese = (_read(folder / language / "data.json") for language in ("en", "zh"))
        groups = _read(folder / "meta" / "groups.json")
        zh = {item["hexcode"]: item for base in chinese for item in (base, *base.get("skins", ()))}
        names = []
        for base in english:
            if "group" not in base:  # letters out of which flags are made
                continue
            group, subgroup = groups["groups"][str(base["group"])], groups["subgroups"][str(base["subgroup"])]
            for item in (base, *base.get("skins", ())):
                other = zh.get(item["hexcode"])
                if other is None or not item["label"].strip() or not other["label"].strip():
                    continue
                tags = tuple(base.get("tags", ())), tuple(zh[base["hexcode"]].get("tags", ()))
                names.append(
                    EmojiName(item["hexcode"], item["label"], other["label"], *tags, group, subgroup, item is not base)
                )
    except (LookupError, TypeError, AttributeError) as error:
        raise RequestError(f"{folder} is not emojibase-data as version {NAMES.version} has it: {error!r}") from None
    return tuple(names)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RequestError(f"the names of emoji are missing: {path} ({error}); fetch emojibase-data") from None
