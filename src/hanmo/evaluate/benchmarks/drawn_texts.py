"""Pictures that are full of letters, drawn anew on every machine: paragraphs, pages and cards (report Table 2, Text).

The report's own text-rich pictures (PDFs, slides, posters) are not published; these are of the same kinds, in English
and Chinese. All are set in the fonts of cards, so the same number and size is the same picture wherever those fonts are
the same. A text that does not fit, or that a font cannot write, gives way to the next one. Cards are strings that
training never sees; of paragraphs and pages only the seeds are other ones. This module does not know who judges.
"""

from __future__ import annotations

import random
from functools import lru_cache

from PIL import Image

from hanmo.data.sources.lettering import card_faces
from hanmo.data.synthesize import passages
from hanmo.data.synthesize.cards import UNIT, draw
from hanmo.data.synthesize.pages import corpus
from hanmo.data.synthesize.pages.page import Page, PageConfig, sample_page
from hanmo.data.synthesize.paragraph import Paragraph, sample_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.errors import RequestError

_LEAST_PAGE = 384
_TRIES = 100


def looks(size: int) -> tuple[str, ...]:
    """What there is at a size: cards only where their cells fit."""
    return ("paragraph", "page", "card") if size % UNIT[0] == 0 else ("paragraph", "page")


@lru_cache(maxsize=16)
def drawn_text(number: int, size: int) -> tuple[str, Image.Image]:
    """What text picture `number` is (one of `looks`), and the picture, RGB, `size` pixels square.

    A page is drawn at 384 pixels at least and cut in the middle, so that its letters keep their size.

    Raises:
        RequestError: a font is missing on this machine.
    """
    choices = looks(size)
    look = choices[number % len(choices)]
    for attempt in range(_TRIES):
        rng = random.Random(f"evaluation of texts {number} {attempt}")
        script = ("en", "zh")[number // len(choices) % 2]
        picture = _picture(look, rng, script, size)
        if picture is not None:
            return look, picture
    raise RequestError(f"no {look} could be drawn at {size} pixels in {_TRIES} tries; take a larger size")


def _picture(look: str, rng: random.Random, script: str, size: int) -> Image.Image | None:
    match look:
        case "paragraph":
            config = ParagraphConfig(size, size)
            outcome = sample_paragraph(rng, passages.builtin(script), card_faces(), config)
            return outcome.picture if isinstance(outcome, Paragraph) else None
        case "page":
            side = max(size, _LEAST_PAGE)
            page = sample_page(rng, corpus.builtin(script), card_faces(), PageConfig(side, side))
            off = (side - size) // 2
            return page.picture.crop((off, off, off + size, off + size)) if isinstance(page, Page) else None
        case _:
            share = 1.0 if script == "zh" else 0.0
            return draw(sample_card(rng, CardConfig(size, size, chinese=share), "evaluation"))
