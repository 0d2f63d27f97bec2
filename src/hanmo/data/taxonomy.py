"""The tree of categories and the place of a caption in it (report sections 3.1 and 3.2, stage 7).

Three levels as in a dictionary of meanings: a domain (nature, design, people, synthetic), a branch, a leaf. The tree
is a text file of our own, `taxonomy.txt`, with names in English and Chinese and the words that speak for each leaf; a
user may give another file of the same form. A leaf's evidence is the characters of its words that the captions hold,
so that "ice cream" says more than "ice"; a longer word hides the shorter ones inside it. A word behind "~" says a
quarter as much: a "dog face" is a dog.

It does not know records, pictures or shares. What it can say of a picture without words is nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hanmo.errors import ConfigError

DOMAINS = ("nature", "design", "people", "synthetic")
OWN = Path(__file__).with_name("taxonomy.txt")

_INDENT = 2
_WEAK = "~"
_CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class Leaf:
    """A category without inner ones.

    Args:
        path: names from the domain down, such as ("nature", "animals", "dogs").
        chinese: the same in Chinese.
        words: what speaks for it, lower case, English and Chinese.
        weak: those of them that say little.
    """

    path: tuple[str, ...]
    chinese: tuple[str, ...]
    words: tuple[str, ...]
    weak: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        """Its first name."""
        return self.path[0]

    @property
    def name(self) -> str:
        """Its path as one word for tables: nature/animals/dogs."""
        return "/".join(self.path)


@dataclass(frozen=True)
class Place:
    """Where something belongs.

    Args:
        leaf: the category.
        confidence: 0-1, its share of all the evidence.
        words: the words that spoke for it.
    """

    leaf: Leaf
    confidence: float
    words: tuple[str, ...]


@cache
def leaves(file: Path = OWN) -> tuple[Leaf, ...]:
    """All leaves of a tree, in the order of its file.

    Raises:
        ConfigError: the file cannot be read, or a line of it has not the form that `taxonomy.txt` describes.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the taxonomy {file} cannot be read ({error}); give a text file like taxonomy.txt") from None
    found: list[Leaf] = []
    above: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        depth, rest = divmod(len(line) - len(line.lstrip()), _INDENT)
        names, *words = (part.strip() for part in line.split("|"))
        english, sign, chinese = (part.strip() for part in names.partition("="))
        if rest or depth > len(above) or not (english and sign and chinese) or (words and depth == 0):
            raise ConfigError(
                f"{file.name}, line {number}: {line.strip()[:60]!r} is no category; write 'name = 中文 | words | 词', "
                f"{_INDENT} spaces further in than the category around it"
            )
        above[depth:] = [(english, chinese)]
        if depth == 0 and english not in DOMAINS:
            raise ConfigError(f"{file.name}, line {number}: the domain {english!r} is none of {', '.join(DOMAINS)}")
        if depth > 0 and not _has_inner(lines, number, depth):
            spoken = [*_split(english, _singular(english), *words), *chinese.split("与")]
            known = tuple(dict.fromkeys(word.removeprefix(_WEAK) for word in spoken))
            weak = frozenset(word.removeprefix(_WEAK) for word in spoken if word.startswith(_WEAK))
            found.append(Leaf(tuple(name for name, _ in above), tuple(name for _, name in above), known, weak))
    _check_unique(found, file)
    return tuple(found)


def leaf_called(name: str, file: Path = OWN) -> Leaf | None:
    """The leaf of a path such as nature/animals/dogs, or of its last part; None where there is none."""
    for leaf in leaves(file):
        if name in (leaf.name, leaf.path[-1]):
            return leaf
    return None


def place(captions: Sequence[str], file: Path = OWN) -> Place | None:
    """The leaf that captions speak for most, or None where no word of the tree is in them.

    Words between quotation marks do not count: they stand in the picture and say nothing of what it shows.
    Of leaves with the same evidence the first of the file is taken, so the answer is the same on every machine.
    """
    evidence: dict[Leaf, float] = defaultdict(float)
    spoken: dict[Leaf, list[str]] = defaultdict(list)
    for caption in captions:
        for word in _words_in(_QUOTED.sub(" ", caption.lower()), file):
            for leaf in _speakers(file)[word]:
                # A Chinese character says about as much as three letters.
                weight = (3.0 if _CHINESE.search(word) else 1.0) * (0.25 if word in leaf.weak else 1.0)
                evidence[leaf] += weight * len(word)
                if word not in spoken[leaf]:
                    spoken[leaf].append(word)
    if not evidence:
        return None
    order = {leaf: at for at, leaf in enumerate(leaves(file))}
    best = max(evidence, key=lambda leaf: (evidence[leaf], -order[leaf]))
    return Place(best, evidence[best] / sum(evidence.values()), tuple(spoken[best]))


_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|「[^」]*」|『[^』]*』')


@cache
def _speakers(file: Path) -> dict[str, tuple[Leaf, ...]]:
    """Which leaves each word speaks for."""
    found: dict[str, list[Leaf]] = defaultdict(list)
    for leaf in leaves(file):
        for word in leaf.words:
            found[word].append(leaf)
    return {word: tuple(names) for word, names in found.items()}


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Any of the words, the first that fits; English ones whole, in singular or plural."""
    return re.compile("|".join(f"({re.escape(word) if _CHINESE.search(word) else _english(word)})" for word in words))


def _stem(word: str) -> str:
    """What stands in a text in any form of the word."""
    return word[:-1] if re.search("[^aeiou]y$", word) else word


def _english(word: str) -> str:
    stem = _stem(word)
    return rf"\b{re.escape(stem)}{'(?:e?s)?' if stem == word else '(?:y|ies)'}\b"


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


@cache
def _ordered(file: Path) -> tuple[tuple[str, str], ...]:
    """All words with their stems, the longest first."""
    return tuple((word, _stem(word)) for word in sorted(_speakers(file), key=lambda word: (-len(word), word)))


def _words_in(text: str, file: Path) -> list[str]:
    """The words that a text holds; a longer one hides the shorter ones in it."""
    there = [word for word, stem in _ordered(file) if stem in text]  # few, and a pattern of all of them is slow
    return [there[(match.lastindex or 1) - 1] for match in _pattern(there).finditer(text)] if there else []


def _split(*lists: str) -> list[str]:
    return [word.strip().lower() for words in lists for word in words.split(",") if word.strip()]


def _has_inner(lines: list[str], number: int, depth: int) -> bool:
    following = (line for line in lines[number:] if line.strip() and not line.lstrip().startswith("#"))
    line = next(following, "")
    return len(line) - len(line.lstrip()) > depth * _INDENT


def _check_unique(found: list[Leaf], file: Path) -> None:
    names = [leaf.name for leaf in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or not found:
        raise ConfigError(f"{file.name}: {f'{twice} stands there twice' if twice else 'there is no category in it'}")
