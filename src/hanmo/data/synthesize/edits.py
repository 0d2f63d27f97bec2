"""Pairs of cards before and after an edit, with the instruction (report section 3.4).

One thing changes: the text, the letters' colour, or the ground. Everything else stays, but for the width of
the cells, which follows the length of the text. "repaint" changes nothing (the report's image-to-image task).
This module does not know pictures. All randomness comes from the generator that is given.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from hanmo.data.synthesize.captions import (
    choose_marks,
    color_slots,
    evaluation_marks,
    evaluation_slots,
    finish,
    other,
    tidy,
)
from hanmo.data.synthesize.cards import Card
from hanmo.data.synthesize.colors import backgrounds, letter_colors
from hanmo.data.synthesize.grammar import OLD, Caption, expand, fill
from hanmo.data.synthesize.held_out import EDITS_EN, EDITS_ZH, held_out_skeletons, skeleton
from hanmo.data.synthesize.phrases_edit import CHINESE, ENGLISH, LEAD_EN, LEAD_ZH, TAIL_EN, TAIL_ZH
from hanmo.data.synthesize.phrases_en import COLOR
from hanmo.data.synthesize.sample import CardConfig, Split, sample_card, sample_text

EditKind = Literal["text", "color", "background", "repaint"]

KINDS: tuple[EditKind, ...] = ("text", "color", "background")
_SHARES = (50, 25, 25)
_OTHER_LANGUAGE = 0.2
_OTHER_SCRIPT = 0.1


@dataclass(frozen=True)
class EditPair:
    """A card, what it shall become, and the words for it; the spans, if any, are the target's text."""

    source: Card
    target: Card
    instruction: Caption
    kind: EditKind


@dataclass(frozen=True)
class EvaluationEdit:
    """An instruction in a phrasing that training never used, and the cards before and after."""

    instruction: str
    source: Card
    target: Card
    kind: EditKind


def edit_pair(rng: random.Random, config: CardConfig) -> EditPair:
    """A random edit of a random card, worded for training."""
    kind = rng.choices(KINDS, _SHARES)[0]
    source, target = _cards(kind, rng, config, "train")
    return EditPair(source, target, instruct(kind, source, target, rng), kind)


def evaluation_edits(
    count: int, seed: int, width: int = 128, height: int = 64, config: CardConfig | None = None
) -> list[EvaluationEdit]:
    """`count` edits with held-out phrasings and strings: each kind in turn, on English and Chinese cards.

    Args:
        count: how many.
        seed: the same seed, the same edits; a longer list begins with the shorter one.
        width: of the cards, in pixels.
        height: of the cards, in pixels.
        config: limits of length and of characters; width and height in it are not used.
    """
    rng = random.Random(f"evaluation edits {seed}")
    chosen = replace(config or CardConfig(), width=width, height=height, serif=0.0, small=0.0, placed=0.0)
    edits = []
    for i in range(count):
        script = ("en", "zh")[i // len(KINDS) % 2]
        edits.append(_evaluation_edit(KINDS[i % len(KINDS)], script, chosen, rng))
    return edits


def _cards(kind: EditKind, rng: random.Random, config: CardConfig, split: Split) -> tuple[Card, Card]:
    while True:
        source = sample_card(rng, config, split)
        match kind:
            case "text":
                switch = 0 < config.chinese < 1 and rng.random() < _OTHER_SCRIPT
                script = other(source.script) if switch else source.script
                target = replace(source, text=sample_text(rng, config, script, split), script=script)
            case "color":
                target = replace(source, color=rng.choice(letter_colors(source.background)))
            case _:
                target = replace(source, background=rng.choice(backgrounds(source.color)))
        if target != source:
            return source, target


def instruct(kind: EditKind, source: Card, target: Card, rng: random.Random) -> Caption:
    """Words for an edit, for training; the spans are those of the target's text, if it is quoted."""
    language = other(target.script) if rng.random() < _OTHER_LANGUAGE else target.script
    patterns, lead, tails = (ENGLISH, LEAD_EN, TAIL_EN) if language == "en" else (CHINESE, LEAD_ZH, TAIL_ZH)
    slots = {"lead": lead, "tail": tails.get(kind, "")}
    if kind in ("color", "background"):
        new, old = getattr(target, kind), getattr(source, kind)
        if language == "en":
            slots |= {"new": COLOR.get(new, new), "old": COLOR.get(old, old)}
        else:
            slots |= color_slots(new, "new") | color_slots(old, "old")
    while True:
        sentence = expand(rng.choice(patterns[kind]), rng, slots)
        if skeleton(sentence) not in held_out_skeletons():
            marks = choose_marks(sentence, target.text, language, rng)
            if OLD in sentence and marks == ("", ""):
                marks = ('"', '"')  # two texts without marks run into each other
            return fill(finish(sentence, language, rng), target.text, marks, source.text)


def _evaluation_edit(kind: EditKind, script: str, config: CardConfig, rng: random.Random) -> EvaluationEdit:
    share = float(script == "zh")
    source, target = _cards(kind, rng, replace(config, chinese=share), "evaluation")
    language = other(script) if rng.random() < 0.15 else script
    lines = (EDITS_EN if language == "en" else EDITS_ZH)[kind]
    colors = {} if kind == "text" else {"new": getattr(target, kind), "old": getattr(source, kind)}
    sentence = expand(rng.choice(lines), rng, evaluation_slots(language, **colors))
    filled = fill(tidy(sentence, language), target.text, evaluation_marks(language, rng), source.text)
    return EvaluationEdit(filled.text, source, target, kind)
