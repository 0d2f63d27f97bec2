"""Which scripts a text is written in, and the language that this makes likely (report section 3.2, stages 3 and 4).

The report splits pictures into English, Chinese, other languages and no text. Counted are units, so that languages
weigh alike: a Chinese character is one, elsewhere a run of letters of one script is. Digits, punctuation and signs
belong to no language. Full-width and decorated letters are read as ordinary ones (NFKC), and characters outside the
Basic Multilingual Plane, 196 of the 8,105 of the General Standard table among them, count as what they are.

A script is no language: French and Vietnamese are told from English only by letters beyond A-Z, Italian and Indonesian
not at all; traditional characters are Chinese like simplified ones; Japanese is told from Chinese by its kana.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Language = Literal["english", "chinese", "other", "none"]
"""As stage 4 splits; "none" is no text at all."""

LANGUAGES: tuple[Language, ...] = ("english", "chinese", "other", "none")

Script = Literal["latin", "accented", "han", "kana", "bopomofo", "foreign"]

HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters as a class of a regular expression: all blocks, in and beyond the Basic Multilingual Plane."""

_HAN = re.compile(f"[{HAN}]")
_KANA = 0.1
"""Share of kana among Chinese characters and kana from which a text is Japanese: prose has more than a third."""
_ACCENTED = 0.12
"""Share of Latin words with letters beyond A-Z above which they are not English, which has "café" but few such."""


@dataclass(frozen=True)
class Units:
    """How many units of each kind a text has.

    Attributes:
        english: words in Latin letters, all or nearly all of them without accents.
        chinese: Chinese characters, where there is no kana, and bopomofo.
        other: words of other scripts, Japanese, and Latin words where many have accents.
        numbers: runs of digits, which belong to no language.
    """

    english: int = 0
    chinese: int = 0
    other: int = 0
    numbers: int = 0

    @property
    def letters(self) -> int:
        """Units that belong to a language."""
        return self.english + self.chinese + self.other

    @property
    def language(self) -> Language:
        """The one with the most units, of equals the earliest of Chinese, English, other; numbers alone are other."""
        if not self.letters:
            return "other" if self.numbers else "none"
        most = max(self.english, self.chinese, self.other)
        if self.chinese == most:
            return "chinese"
        return "english" if self.english == most else "other"

    def share(self, language: Literal["english", "chinese", "other"]) -> float:
        """Its part of the units that belong to a language, 0-1; 0 where none do."""
        return float(getattr(self, language)) / self.letters if self.letters else 0.0


def units_of(text: str) -> Units:
    """Count the units of a text. Deterministic, and never fails."""
    counts = dict.fromkeys(("latin", "accented", "han", "kana", "bopomofo", "foreign", "number"), 0)
    run = ""  # the kind of the word that is being read
    for character in unicodedata.normalize("NFKC", text):
        kind = "number" if character.isdecimal() else script_of(character)
        if kind is None:
            if unicodedata.category(character)[0] != "M" and character not in "'’‘-":  # marks and hyphens go on
                run = ""
            continue
        if kind in ("han", "kana", "bopomofo"):
            counts[kind] += 1
        elif kind == "accented" and run == "latin":
            counts["latin"] -= 1
            counts["accented"] += 1
        elif kind != run and not (kind == "latin" and run == "accented"):
            counts[kind] += 1
        else:
            continue
        run = kind
    return _units(counts)


def _units(counts: dict[str, int]) -> Units:
    words, accented = counts["latin"] + counts["accented"], counts["accented"]
    english = words if accented <= _ACCENTED * words else 0
    signs = counts["han"] + counts["kana"]
    chinese = counts["han"] if counts["kana"] < _KANA * signs or not counts["kana"] else 0
    other = counts["foreign"] + (words - english) + (signs - chinese)
    return Units(english, chinese + counts["bopomofo"], other, counts["number"])


@lru_cache(maxsize=1 << 16)
def script_of(character: str) -> Script | None:
    """The script of one character; None for digits, punctuation, signs and marks."""
    if "a" <= character.lower() <= "z":
        return "latin"
    if _HAN.match(character):
        return "han"
    if unicodedata.category(character)[0] != "L":
        return None
    name = unicodedata.name(character, "")
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return "kana"
    if name.startswith("BOPOMOFO"):
        return "bopomofo"
    return "accented" if name.startswith("LATIN") else "foreign"
