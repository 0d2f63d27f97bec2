"""Captions of pages in English and Chinese (report sections 3.3 and 3.4: the layout, and every text verbatim).

The long caption tells what kind of page it is, its colours and typefaces, then every block in reading order with
each text in quotation marks; the short one quotes the title and names the blocks. Both languages tell the same;
texts are never translated. What is told of containers is here; the words are those of a `Language`.
This module does not know pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hanmo.data.synthesize.pages.art import PICTURES
from hanmo.data.synthesize.pages.blocks_screen import art_name
from hanmo.data.synthesize.pages.captions_en import ENGLISH
from hanmo.data.synthesize.pages.captions_zh import CHINESE
from hanmo.data.synthesize.pages.compose import shaded
from hanmo.data.synthesize.pages.document import Block, Document
from hanmo.data.synthesize.pages.document import blocks as all_blocks
from hanmo.data.synthesize.pages.template import CONTAINERS
from hanmo.data.synthesize.pages.theme import scheme
from hanmo.data.synthesize.pages.words import Fact, Language


@dataclass(frozen=True)
class Captions:
    """What is on a page, in both languages, at length and in one sentence."""

    long_en: str
    short_en: str
    long_zh: str
    short_zh: str


def captions(document: Document) -> Captions:
    """The four captions of `document`."""
    return Captions(
        _long(document, ENGLISH), _short(document, ENGLISH), _long(document, CHINESE), _short(document, CHINESE)
    )


def _long(document: Document, language: Language) -> str:
    root = document.root
    fill = root.options.get("fill", "page")
    walk = _Walk(document, language)
    told = [
        text
        for index, child in enumerate(root.children)
        if (text := walk.tell(child, _fill(child, fill), f"{document.seed}.0.{index}"))
    ]
    scheme_ = scheme(document.theme, fill)
    intro = language.intro(document, scheme_)
    if shaded(root, scheme_, graded=document.graded):
        intro += language.graded
    return language.sentences(intro, told, across=root.kind == "row")


def _short(document: Document, language: Language) -> str:
    fill = document.root.options.get("fill", "page")
    found = list(all_blocks(document.root))
    title = next((block.rows[0][0] for kind in ("title", "heading") for block in found if block.kind == kind), "")
    parts: list[str] = []
    for block in found:
        words = language.outline(block)
        if words and words not in parts:
            parts.append(words)
    return language.summary(document, scheme(document.theme, fill), title, parts)


class _Walk:
    """Tells the blocks of one document; seeds follow the same path as in `compose`."""

    def __init__(self, document: Document, language: Language) -> None:
        self.document = document
        self.language = language

    def tell(self, block: Block, fill: str, seed: str) -> str:
        if block.kind not in CONTAINERS:
            return self._leaf(block, fill, seed)
        told = [
            text
            for index, child in enumerate(block.children)
            if (text := self.tell(child, _fill(child, fill), f"{seed}.{index}"))
        ]
        join: Callable[[list[str]], str] = self.language.beside if block.kind == "row" else self.language.below
        inner = join(told)
        if block.kind == "card" or "fill" in block.options:
            colors = scheme(self.document.theme, fill)
            graded = shaded(block, colors, graded=self.document.graded)
            return self.language.panel(inner, colors.ground, card=block.kind == "card", graded=graded)
        return inner

    def _leaf(self, block: Block, fill: str, seed: str) -> str:
        colors = scheme(self.document.theme, fill)
        art = ""
        if block.kind == "picture":
            art = PICTURES[block.options.get("art") or art_name(seed)][self.language.column]
        return self.language.leaf(block, Fact(colors, self.document.pairing, art))


def _fill(block: Block, around: str) -> str:
    return block.options.get("fill", "card" if block.kind == "card" else around)
