"""The words and characters of which prompts are made: what a small tokenizer should know whole.

Only what training captions and instructions use counts: a token that training never shows would mean nothing
to a model. This module does not know tokenizers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from hanmo.data.synthesize import phrases_edit, phrases_en, phrases_zh
from hanmo.data.synthesize.captions import MARKS
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.grammar import characters_of, words_of


@cache
def prompt_words() -> tuple[str, ...]:
    """The English words of prompts, in lower case and in order; without those that are met spelled out."""
    words = set(COLORS).union(*(words_of(pattern) for pattern in _patterns(spelled_out=False)))
    return tuple(sorted(words))


@cache
def prompt_characters() -> str:
    """The characters of prompts outside ASCII, in order, with punctuation and quotation marks."""
    marks = "".join(opening + closing for choices in MARKS.values() for (opening, closing), _ in choices)
    chars = characters_of(marks + "。").union(*(characters_of(pattern) for pattern in _patterns(spelled_out=True)))
    return "".join(sorted(chars))


def _patterns(spelled_out: bool) -> Iterator[str]:
    """Every pattern of training, and every pattern that fills one of its slots."""
    for phrases in (phrases_en, phrases_zh):
        yield from (phrases.OBJECT, phrases.SAYS, phrases.LEAD, phrases.KIND, phrases.EXTRA, phrases.NOUNS)
        yield from (*phrases.PATTERNS, *phrases.COLORED)
        if spelled_out:
            yield from phrases.RARE_OBJECTS
    for table in (phrases_en.PLACE, phrases_en.SIZE, phrases_en.FONT, phrases_en.COLOR, phrases_en.LOOK):
        yield from table.values()
    yield from (phrases_zh.ONE, *phrases_zh.CLAUSES.values(), *phrases_zh.LOOK.values())
    yield from (*phrases_zh.COLOR.values(), *phrases_zh.COLOR1.values())
    yield from (phrases_edit.LEAD_EN, phrases_edit.LEAD_ZH)
    yield from (*phrases_edit.TAIL_EN.values(), *phrases_edit.TAIL_ZH.values())
    for edits in (phrases_edit.ENGLISH, phrases_edit.CHINESE):
        for patterns in edits.values():
            yield from patterns
