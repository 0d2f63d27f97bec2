"""Pairs of cards as the data engine stores them: before, after, the wish, and what each shows (report section 3.4).

The edits and their words are those of `edits`, which the trainer of cards draws from, too: another text, another colour
of the letters, another ground, or nothing at all. Both pictures are drawn, so the target is exact to the pixel. There
is no mask, since it is wherever the two differ. It does not know how cards or sentences are chosen.
"""

from __future__ import annotations

import random
from dataclasses import asdict

from hanmo.data import record
from hanmo.data.pairs import Pair
from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.cards import draw_array
from hanmo.data.synthesize.characters import is_chinese
from hanmo.data.synthesize.edits import edit_pair, instruct
from hanmo.data.synthesize.grammar import Caption
from hanmo.data.synthesize.sample import CardConfig, sample_card


def card_pair(rng: random.Random, config: CardConfig, repaint: float = 0.05, licence: str = "unknown") -> Pair:
    """A random card before and after an edit; of the training split alone.

    Args:
        rng: the same state, the same pair.
        config: which cards.
        repaint: share of pairs whose picture comes back as it is (the report's I2I).
        licence: of the pictures.

    Raises:
        RequestError: a font is not installed.
    """
    if rng.random() < repaint:
        kind, source = "repaint", sample_card(rng, config)
        target, wish = source, instruct("repaint", source, source, rng)
    else:
        drawn = edit_pair(rng, config)
        kind, source, target, wish = drawn.kind, drawn.source, drawn.target, drawn.instruction
    before, after = draw_array(source), draw_array(target)
    said = [in_its_language(caption(card, rng)) for card in (source, target)]
    return Pair(
        kind,
        (before,),
        after,
        (in_its_language(wish, source.text),),
        (said[1],),
        ((said[0],),),
        licence=licence,
        details={"cards": [asdict(source), asdict(target)]},
    )


def in_its_language(said: Caption, also: str = "") -> record.Caption:
    """A sentence about cards as records hold it: its language is that of the words around what it quotes.

    Args:
        said: with the places of the text that it quotes.
        also: another text that it may quote.
    """
    rest = said.text
    for start, stop in reversed(said.spans):
        rest = rest[:start] + rest[stop:]
    rest = rest.replace(also, "") if also else rest
    return record.Caption(said.text, "synthetic", "zh" if any(map(is_chinese, rest)) else "en")
