"""The characters and words that are written on cards (report section 3.4: rare characters are rendered too).

Three lists travel with the package, each says at its head how it was made: the 1,000 most frequent simplified
characters and 24 more for everyday signs, common Chinese words made of them, common English words.
This module does not know fonts, cards or samplers.
"""

from __future__ import annotations

import string
from functools import cache
from importlib import resources

LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits


@cache
def chinese_characters() -> str:
    """Every Chinese character that a card may carry, most frequent first, each once."""
    return "".join(_lines("characters.txt"))


@cache
def chinese_words() -> tuple[str, ...]:
    """Common words of 2-4 characters, all in `chinese_characters()`."""
    return tuple(" ".join(_lines("words_zh.txt")).split())


@cache
def english_words() -> tuple[str, ...]:
    """Common words of 2-8 letters, in lower case."""
    return tuple(" ".join(_lines("words_en.txt")).split())


def vocabulary() -> str:
    """Every character that a card may carry: A-Z, a-z, 0-9, then the Chinese ones by frequency."""
    return LETTERS + chinese_characters()


def is_chinese(char: str) -> bool:
    """Whether `char` is a Chinese character (the basic block of unified ideographs)."""
    return "\u4e00" <= char <= "\u9fff"


def _lines(name: str) -> list[str]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
