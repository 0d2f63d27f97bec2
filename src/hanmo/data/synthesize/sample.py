"""Which cards are drawn, and which strings are kept from training (report section 3.4, pure rendering).

English strings are common words and random letters and digits, mostly in capitals; Chinese strings are common
words and uniformly random characters, so that rare ones are met as often as common ones. One string of two
characters or more in twenty is held out: training never sees it, in any case of its letters, evaluation sees
no other. This module does not know captions or fonts. All randomness comes from the generator that is given.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Literal

from hanmo.data.synthesize.cards import LONGEST, PLACES, UNIT, Card
from hanmo.data.synthesize.characters import LETTERS, chinese_characters, chinese_words, english_words
from hanmo.data.synthesize.colors import COLORS, default_color, letter_colors
from hanmo.errors import ConfigError

Split = Literal["train", "evaluation"]

_HELD_OUT = 20
_LENGTHS = {"en": (6, 12, 18, 20, 20, 10, 8, 6), "zh": (15, 40, 20, 25)}
# What random English strings are made of: the letters to draw from, and how often.
_ALPHABETS = (
    (LETTERS[:26], 55),
    (LETTERS[:26] + LETTERS[52:], 22),
    (LETTERS[52:], 8),
    (LETTERS[26:52], 11),
    (LETTERS, 4),
)


@dataclass(frozen=True)
class CardConfig:
    """Which cards are drawn.

    Attributes:
        width: pixels, a multiple of 128.
        height: pixels, a multiple of 64.
        chinese: the share of cards with Chinese text; the others are English.
        longest_english: the longest English string, 1 to 8 characters.
        longest_chinese: the longest Chinese string, 1 to 4 characters.
        characters: how many Chinese characters are used, the most frequent first.
        color: the share of cards whose letters have another colour than the default black or white.
        serif: the share of cards in the font with serifs.
        small: the share of cards with small letters.
        placed: the share of cards whose text is not in the centre.
    """

    width: int = 128
    height: int = 64
    chinese: float = 0.5
    longest_english: int = 8
    longest_chinese: int = 4
    characters: int = 1024
    color: float = 0.4
    serif: float = 0.15
    small: float = 0.1
    placed: float = 0.15

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        for key in ("chinese", "color", "serif", "small", "placed"):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise ConfigError(f"cards.{key} is {getattr(self, key)}; it must lie between 0 and 1")
        for key, most in (
            ("longest_english", LONGEST["en"]),
            ("longest_chinese", LONGEST["zh"]),
            ("characters", len(chinese_characters())),
        ):
            if not 1 <= getattr(self, key) <= most:
                raise ConfigError(f"cards.{key} is {getattr(self, key)}; it must lie between 1 and {most}")
        if self.width < UNIT[0] or self.height < UNIT[1] or self.width % UNIT[0] or self.height % UNIT[1]:
            raise ConfigError(f"cards are {self.width}x{self.height}; choose multiples of {UNIT[0]}x{UNIT[1]} pixels")


def held_out(text: str) -> bool:
    """Whether a string belongs to evaluation: one in twenty, whatever the case; never a single character."""
    digest = blake2b(text.casefold().encode(), digest_size=8).digest()
    return len(text) > 1 and int.from_bytes(digest, "big") % _HELD_OUT == 0


def sample_card(rng: random.Random, config: CardConfig, split: Split = "train") -> Card:
    """A random card whose text belongs to `split`."""
    script = "zh" if rng.random() < config.chinese else "en"
    background = rng.choice(tuple(COLORS))
    color = default_color(background)
    if rng.random() < config.color:
        color = rng.choice([name for name in letter_colors(background) if name != color])
    return Card(
        text=sample_text(rng, config, script, split),
        script=script,
        background=background,
        color=color,
        font="serif" if rng.random() < config.serif else "sans",
        size="small" if rng.random() < config.small else "normal",
        place=rng.choice(PLACES[1:]) if rng.random() < config.placed else "centre",
        width=config.width,
        height=config.height,
    )


def sample_text(rng: random.Random, config: CardConfig, script: str, split: Split = "train") -> str:
    """A random string of a script; single characters belong to both splits."""
    longest = config.longest_english if script == "en" else config.longest_chinese
    length = rng.choices(range(1, longest + 1), _LENGTHS[script][:longest])[0]
    while True:
        text = _english(rng, length) if script == "en" else _chinese(rng, length, config.characters)
        if length == 1 or held_out(text) == (split == "evaluation"):
            return text


def _english(rng: random.Random, length: int) -> str:
    words = _words("en", length, 0)
    if words and rng.random() < 0.55:
        word = rng.choice(words)
        draw = rng.random()
        return word.upper() if draw < 0.6 else word.capitalize() if draw < 0.8 else word
    alphabet = rng.choices([letters for letters, _ in _ALPHABETS], [share for _, share in _ALPHABETS])[0]
    return "".join(rng.choices(alphabet, k=length))


def _chinese(rng: random.Random, length: int, characters: int) -> str:
    words = _words("zh", length, characters)
    if words and rng.random() < 0.45:
        return rng.choice(words)
    return "".join(rng.choices(chinese_characters()[:characters], k=length))


@cache
def _words(script: str, length: int, characters: int) -> tuple[str, ...]:
    if script == "en":
        return tuple(word for word in english_words() if len(word) == length)
    known = set(chinese_characters()[:characters])
    return tuple(word for word in chinese_words() if len(word) == length and known.issuperset(word))
