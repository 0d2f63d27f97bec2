"""Sentence patterns: how one line of choices and slots becomes many captions.

A pattern is text with choices `[a|b|]`, which nest, and slots `{name}`, which are filled. The slot `{Q}`
stands for the text on the card, `{O}` for the text that was there before an edit; they are put in last,
between quotation marks, so that the place of every quoted character is known exactly.
This module does not know cards or what the patterns say. Randomness comes from the generator that is given.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

TEXT, OLD = "\ue000", "\ue001"  # private characters that hold the places of {Q} and {O}

_PIECES = re.compile(r"[\[\]|]|\{(\w+)\}|[^\[\]|{]+")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")
_SPACES = re.compile(r"  +")

Tree = tuple["str | Slot | tuple[Tree, ...]", ...]


@dataclass(frozen=True)
class Slot:
    """A place in a pattern that is filled from outside."""

    name: str


@dataclass(frozen=True)
class Caption:
    """A sentence, and where in it the text of the card stands.

    Attributes:
        text: the sentence.
        spans: for each mention of the card's text (start, stop): `text[start:stop]` is the card's text.
    """

    text: str
    spans: tuple[tuple[int, int], ...]


@cache
def parse(pattern: str) -> Tree:
    """A pattern as a sequence of strings, slots, and choices (tuples of such sequences)."""
    stack: list[list[list[str | Slot | tuple[Tree, ...]]]] = [[[]]]
    for piece in _PIECES.finditer(pattern):
        match piece.group():
            case "[":
                stack.append([[]])
            case "|" if len(stack) > 1:
                stack[-1].append([])
            case "]":
                options = tuple(tuple(option) for option in stack.pop())
                stack[-1][-1].append(options)
            case text:
                stack[-1][-1].append(Slot(piece.group(1)) if piece.group(1) else text)
    (tree,) = stack[0]
    return tuple(tree)


def expand(pattern: str, rng: random.Random, slots: Mapping[str, str]) -> str:
    """One sentence of a pattern. A slot's value may be a pattern too; {Q} and {O} become `TEXT` and `OLD`."""
    parts: list[str] = []
    _grow(parse(pattern), rng, slots, parts)
    return "".join(parts)


def words_of(pattern: str) -> set[str]:
    """The English words of a pattern, with all its choices; of don't and one-two only the first part."""
    return set(re.findall(r"(?<![\w'-])[a-z]+", _without_slots(pattern).lower()))


def characters_of(pattern: str) -> set[str]:
    """The characters of a pattern outside ASCII, with all its choices."""
    return {char for char in _without_slots(pattern) if ord(char) > 127}


def english(sentence: str) -> str:
    """Sets the article right before a vowel, and removes doubled blanks."""
    return _SPACES.sub(" ", _ARTICLE.sub(r"\1n ", sentence)).strip()


def fill(sentence: str, text: str, marks: tuple[str, str], old: str = "") -> Caption:
    """Puts the texts in the places of {Q} and {O}, between quotation marks."""
    opening, closing = marks
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    for char in sentence:
        piece = char
        if char in (TEXT, OLD):
            word = text if char == TEXT else old
            piece = f"{opening}{word}{closing}"
            if char == TEXT:
                spans.append((at + len(opening), at + len(opening) + len(word)))
        parts.append(piece)
        at += len(piece)
    return Caption("".join(parts), tuple(spans))


def _grow(tree: Tree, rng: random.Random, slots: Mapping[str, str], parts: list[str]) -> None:
    for node in tree:
        match node:
            case str():
                parts.append(node)
            case Slot("Q"):
                parts.append(TEXT)
            case Slot("O"):
                parts.append(OLD)
            case Slot(name):
                _grow(parse(slots[name]), rng, slots, parts)
            case _:
                _grow(node[int(rng.random() * len(node))], rng, slots, parts)


def _without_slots(pattern: str) -> str:
    return re.sub(r"\{\w+\}", "\n", pattern)
