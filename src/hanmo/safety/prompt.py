"""Prompts against a list of words: a small list that comes along, or one of the caller's.

A list is a TOML file of rules. A rule has a reason and either `any`, terms of which one is enough, or `all`,
groups of terms of which each must be met:

    [[rule]]
    reason = "what is objected to"
    any = ["a term", "anoth*"]

A term is met as a whole word, in any case and width of letters; `*` at its end lets the word go on. Chinese,
Japanese and Korean terms are met anywhere, since nothing stands between their words. A list knows words, not
meanings: it is a first sieve, not a protection.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hanmo.config import load_recipe
from hanmo.errors import ConfigError, RequestError

BUNDLED = Path(__file__).with_name("words.toml")
"""The list that comes along."""

# A letter of a script that puts spaces between words, or a digit.
_LETTER = r"[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"


@dataclass(frozen=True)
class Rule:
    """One thing objected to.

    Attributes:
        reason: what is told, in a few words.
        any: terms of which one is enough.
        all: groups of terms; one of each group must be met.

    Raises:
        ConfigError: at construction: no reason, no terms, both kinds, or an empty term.
    """

    reason: str
    any: tuple[str, ...] = ()
    all: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        """Check that the rule can be met, and not by every prompt."""
        if not self.reason.strip():
            raise ConfigError("a rule has no reason: say in a few words what it objects to")
        if bool(self.any) == bool(self.all):
            raise ConfigError(f"the rule {self.reason!r} needs terms, either in `any` or in groups in `all`")
        groups = self.all or (self.any,)
        if not all(groups) or not all(normal(term).strip("* ") for group in groups for term in group):
            raise ConfigError(f"the rule {self.reason!r} has an empty group or term: write words, or leave it out")

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """One for each group, for normalised text."""
        return tuple(re.compile("|".join(map(_pattern, group))) for group in self.all or (self.any,))

    def met(self, text: str) -> bool:
        """Whether normalised text has what the rule objects to."""
        return all(pattern.search(text) for pattern in self.patterns)


@dataclass(frozen=True)
class Words:
    """A list of rules; called with a prompt it gives the reason of the first that is met, or None."""

    rule: tuple[Rule, ...]

    def __call__(self, prompt: str) -> str | None:
        """Check one prompt."""
        text = normal(prompt)
        return next((rule.reason for rule in self.rule if rule.met(text)), None)


def load_words(path: Path | str | None = None) -> Words:
    """Read a list.

    Args:
        path: a TOML file of rules; None takes the list that comes along.

    Raises:
        ConfigError: it is missing, is no TOML, holds no rule, or one that is wrong.
    """
    source = BUNDLED if path is None else Path(path)
    try:
        words = load_recipe(source, Words)
    except RequestError as error:
        raise ConfigError(f"the safety list {source.name}: {error}") from None
    if not words.rule:
        raise ConfigError(f"the safety list {source.name} holds no rule: write [[rule]] tables")
    return words


def normal(text: str) -> str:
    """Text as it is compared: one form of each letter, small, no invisible characters, single spaces."""
    shown = (letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    return " ".join("".join(shown).casefold().split())


def _pattern(term: str) -> str:
    text = normal(term)
    stem = text.rstrip("* ")
    before = f"(?<!{_LETTER})" if re.match(_LETTER, stem) else ""
    after = f"(?!{_LETTER})" if re.search(f"{_LETTER}$", stem) and not text.endswith("*") else ""
    return before + re.escape(stem) + after
