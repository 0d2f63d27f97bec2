"""What a language must say about pages, and what it is told (report section 3.3: captions).

This module does not know any language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hanmo.data.synthesize.pages.document import Block, Document
from hanmo.data.synthesize.pages.theme import Pairing, Scheme


@dataclass(frozen=True)
class Fact:
    """What is known of a block besides its texts: the inks of its ground, the typefaces, what a picture shows."""

    scheme: Scheme
    pairing: Pairing
    art: str


@dataclass(frozen=True)
class Told:
    """A block as a phrase is made of it; all texts are quoted already.

    Attributes:
        block: The block.
        fact: What is known besides.
        lead: Its lead, part by part.
        rows: Its rows, part by part, without empty parts.
        column: 0 for English, 1 for Chinese.
    """

    block: Block
    fact: Fact
    lead: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    column: int

    @property
    def first(self) -> str:
        """The first text."""
        return self.rows[0][0]

    @property
    def firsts(self) -> list[str]:
        """The first text of each row."""
        return [row[0] for row in self.rows]

    @property
    def accent(self) -> str:
        """The name of the accent colour."""
        color = self.fact.scheme.accent
        return (color.en, color.zh)[self.column]

    @property
    def tone(self) -> str:
        """The name of the colour in which a title is set."""
        color = self.fact.scheme.accent if self.block.options.get("tone") == "accent" else self.fact.scheme.ink
        return (color.en, color.zh)[self.column]

    @property
    def face(self) -> str:
        """The kind of face of headings: a key of a language's own table."""
        return self.fact.pairing.heading.kind

    def style(self, usual: str) -> str:
        """The block's option "style"."""
        return self.block.options.get("style", usual)


def told(block: Block, fact: Fact, quote: Callable[[str], str], column: int) -> Told:
    """A block whose texts are quoted by `quote`."""
    rows = tuple(tuple(quote(cell) for cell in row if cell) for row in block.rows)
    return Told(block, fact, tuple(map(quote, block.lead)), rows, column)


@dataclass(frozen=True)
class Language:
    """How a language tells pages.

    Attributes:
        column: 0 for English, 1 for Chinese, in tables that hold both.
        intro: The kind of page, its format, colours and typefaces.
        leaf: A block that holds no others, with its texts quoted; empty for what is not worth telling.
        below: Blocks one under another.
        beside: Blocks side by side.
        panel: What stands on a ground of its own.
        sentences: The whole caption, from the intro and what the parts of the page are.
        outline: A block in a few words, for the short caption; empty where it is left out.
        summary: The short caption.
        graded: That the ground of the page is a gradient, a sentence.
    """

    column: int
    intro: Callable[[Document, Scheme], str]
    leaf: Callable[[Block, Fact], str]
    below: Callable[[list[str]], str]
    beside: Callable[[list[str]], str]
    panel: Callable[..., str]
    sentences: Callable[..., str]
    outline: Callable[[Block], str]
    summary: Callable[[Document, Scheme, str, list[str]], str]
    graded: str


def format_of(document: Document) -> int:
    """0 for a wide page, 1 for a tall one, 2 for a square one."""
    ratio = document.width / document.height
    return 0 if ratio > 8 / 7 else 1 if ratio < 7 / 8 else 2


def side_by_side(block: Block) -> bool:
    """Whether the parts of a block stand beside one another."""
    style = block.options.get("style", "")
    if block.kind == "numbered":
        return style == "row"
    return block.kind in ("features", "stats", "goods", "details") and style not in ("list", "spread")
