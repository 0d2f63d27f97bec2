"""Captions of cards in English and Chinese, for training and for evaluation (report section 3.3).

A caption says what the text is and which colour the ground has, and everything else that is not the default:
the letters' colour, their size, font and place; sometimes the default too. Its language is mostly that of the
text. Evaluation prompts are phrased in ways, and carry strings, that training captions never do.
This module does not know pictures or edits. All randomness comes from the generator that is given.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from hanmo.data.synthesize import phrases_en, phrases_zh
from hanmo.data.synthesize.cards import Card
from hanmo.data.synthesize.characters import is_chinese
from hanmo.data.synthesize.colors import default_color, letter_colors
from hanmo.data.synthesize.grammar import TEXT, Caption, english, expand, fill
from hanmo.data.synthesize.held_out import PROMPTS_EN, PROMPTS_ZH, Wish, held_out_skeletons, skeleton
from hanmo.data.synthesize.sample import CardConfig, sample_card

Marks = tuple[str, str]

# Quotation marks by language, and how often each is typed.
MARKS: dict[str, tuple[tuple[Marks, int], ...]] = {
    "en": ((('"', '"'), 62), (("“", "”"), 18), (("'", "'"), 15), (("‘", "’"), 5)),
    "zh": (
        (("“", "”"), 42), (('"', '"'), 22), (("「", "」"), 12), (("『", "』"), 6), (("《", "》"), 6),
        (("'", "'"), 5), (("‘", "’"), 4), (("【", "】"), 3),
    ),
}  # fmt: skip
_OTHER_LANGUAGE = 0.2
# How often a caption mentions what it need not, because it is the default.
_NEEDLESS = {"color": 0.15, "size": 0.03, "font": 0.04, "place": 0.05}


@dataclass(frozen=True)
class EvaluationPrompt:
    """A prompt in a phrasing that training never used, and the card that it asks for."""

    text: str
    card: Card


def caption(card: Card, rng: random.Random) -> Caption:
    """A training caption of `card`, with the place of its text in it."""
    language = other(card.script) if rng.random() < _OTHER_LANGUAGE else card.script
    wishes = _mentions(card, rng)
    while True:
        sentence = _english(card, wishes, rng) if language == "en" else _chinese(card, wishes, rng)
        if skeleton(sentence) not in held_out_skeletons():
            marks = choose_marks(sentence, card.text, language, rng)
            return fill(finish(sentence, language, rng), card.text, marks)


def evaluation_prompts(
    count: int, seed: int, width: int = 128, height: int = 64, config: CardConfig | None = None
) -> list[EvaluationPrompt]:
    """`count` prompts with held-out phrasings and strings, English and Chinese cards in turn.

    Args:
        count: how many.
        seed: the same seed, the same prompts; a longer list begins with the shorter one.
        width: of the cards, in pixels.
        height: of the cards, in pixels.
        config: limits of length and of characters; width and height in it are not used.
    """
    rng = random.Random(f"evaluation prompts {seed}")
    sized = replace(config or CardConfig(), width=width, height=height)
    return [_evaluation_prompt(("en", "zh")[i % 2], sized, rng) for i in range(count)]


def other(language: str) -> str:
    """The other one of "en" and "zh"."""
    return "zh" if language == "en" else "en"


def finish(sentence: str, language: str, rng: random.Random) -> str:
    """Article, capital, full stop: as careful or careless people write them."""
    if language == "zh":
        return sentence + ("。" if rng.random() < 0.2 else "")
    sentence = english(sentence)
    if rng.random() < 0.4:
        sentence = sentence[0].upper() + sentence[1:]
    return sentence + ("." if rng.random() < 0.25 and sentence[-1] not in ".?!" else "")


def choose_marks(sentence: str, text: str, language: str, rng: random.Random) -> Marks:
    """Quotation marks around the text, or none where it stands out by itself."""
    chinese = any(map(is_chinese, text))
    if language == "zh" and chinese:
        alone = 0.3 if sentence.endswith((f"：{TEXT}", f"着{TEXT}", f"上{TEXT}")) else 0.0
    elif language == "en" and not chinese:
        alone = 0.05 if len(text) > 2 and text.isupper() else 0.0
    else:
        # A small word after a blank would look like a word of the prompt.
        alone = 0.0 if text.islower() else 0.08
    if rng.random() < alone:
        return "", ""
    choices = MARKS[language]
    return rng.choices([marks for marks, _ in choices], [share for _, share in choices])[0]


def color_slots(name: str, slot: str) -> dict[str, str]:
    """A colour's words in both languages, for slots `slot`, `slot`1 (one Chinese character) and `slot`en."""
    return {
        slot: phrases_zh.COLOR[name],
        f"{slot}1": phrases_zh.COLOR1[name],
        f"{slot}en": phrases_en.COLOR.get(name, name),
    }


def _mentions(card: Card, rng: random.Random) -> set[str]:
    """Which of the letters' properties the caption speaks of."""
    unusual = {
        "color": card.color != default_color(card.background),
        "size": card.size != "normal",
        "font": card.font != "sans",
        "place": card.place != "centre",
    }
    return {name for name, is_so in unusual.items() if is_so or rng.random() < _NEEDLESS[name]}


def _english(card: Card, mentions: Set[str], rng: random.Random) -> str:
    wishes = set(mentions)
    pattern = _pattern(phrases_en.PATTERNS, phrases_en.COLORED, wishes, rng)
    words = {
        "color": phrases_en.COLOR.get(card.color, card.color),
        "size": phrases_en.SIZE[card.size],
        "font": phrases_en.FONT[card.font],
    }
    slots = {
        "bg": phrases_en.COLOR.get(card.background, card.background),
        "color": words["color"],
        "obj": rng.choice(phrases_en.RARE_OBJECTS) if rng.random() < 0.06 else phrases_en.OBJECT,
        "says": phrases_en.SAYS,
        "lead": phrases_en.LEAD,
        "kind": phrases_en.KIND,
        "look": "",
    }
    if "{look}" in pattern and rng.random() < 0.6:
        slots["look"] = "".join(f"{words[name]} " for name in ("size", "color", "font") if name in wishes)
        wishes &= {"place"}
    adjectives = " ".join(words[name] for name in ("size", "color", "font") if name in wishes)
    slots["tail"] = _english_tail(adjectives, phrases_en.PLACE[card.place] if "place" in wishes else "", rng)
    return expand(pattern, rng, slots)


def _english_tail(adjectives: str, place: str, rng: random.Random) -> str:
    """What is said after the main clause, as a pattern."""
    extra = phrases_en.EXTRA if rng.random() < 0.08 else ""
    nouns = phrases_en.NOUNS
    if adjectives:
        first = f"{phrases_en.LOOK['before']} {adjectives} {nouns}"
        return f"{first}[,|] {place}{extra}" if place else first + extra
    return f"{phrases_en.LOOK['place']}{place}{extra}" if place else extra


def _chinese(card: Card, mentions: Set[str], rng: random.Random) -> str:
    wishes = set(mentions)
    pattern = _pattern(phrases_zh.PATTERNS, phrases_zh.COLORED, wishes, rng)
    slots = {
        **color_slots(card.background, "bg"),
        **color_slots(card.color, "color"),
        "obj": rng.choice(phrases_zh.RARE_OBJECTS) if rng.random() < 0.06 else phrases_zh.OBJECT,
        "one": phrases_zh.ONE,
        "says": phrases_zh.SAYS,
        "lead": phrases_zh.LEAD,
        "kind": phrases_zh.KIND,
        "noun": phrases_zh.NOUNS,
        "look": "",
    }
    if "{look}" in pattern and rng.random() < 0.6:
        slots["look"] = _chinese_look(card, wishes)
        wishes &= {"place"}
    values = {"color": "color", "size": card.size, "font": card.font, "place": card.place}
    clauses = [phrases_zh.CLAUSES[values[name]] for name in values if name in wishes]
    rng.shuffle(clauses)
    extra = phrases_zh.EXTRA if rng.random() < 0.08 else ""
    slots["tail"] = "".join(f"，{clause}" for clause in clauses) + extra
    return expand(pattern, rng, slots)


def _chinese_look(card: Card, wishes: Set[str]) -> str:
    values = {"color": "color", "size": card.size, "font": card.font}
    return "".join(phrases_zh.LOOK[values[name]] for name in values if name in wishes)


def _pattern(plain: tuple[str, ...], colored: tuple[str, ...], wishes: set[str], rng: random.Random) -> str:
    """A pattern; one that names the letters' colour takes it out of `wishes`."""
    if "color" in wishes and rng.random() < 0.6:
        wishes.discard("color")
        return rng.choice(colored)
    return rng.choice(plain)


def _evaluation_prompt(script: str, config: CardConfig, rng: random.Random) -> EvaluationPrompt:
    language = other(script) if rng.random() < 0.15 else script
    wishes: tuple[Wish, ...] = PROMPTS_EN if language == "en" else PROMPTS_ZH
    pattern, fields = rng.choice(wishes)
    plain = replace(config, chinese=float(script == "zh"), color=0.0, serif=0.0, small=0.0, placed=0.0)
    card = sample_card(rng, plain, "evaluation")
    if "{color" in pattern:
        card = replace(card, color=rng.choice([c for c in letter_colors(card.background) if c != card.color]))
    card = replace(
        card,
        font=fields.get("font", card.font),
        size=fields.get("size", card.size),
        place=fields.get("place", card.place),
    )
    sentence = expand(pattern, rng, evaluation_slots(language, bg=card.background, color=card.color))
    filled = fill(tidy(sentence, language), card.text, evaluation_marks(language, rng))
    return EvaluationPrompt(filled.text, card)


def evaluation_slots(language: str, **colors: str) -> Mapping[str, str]:
    """The slots of a held-out pattern: colours by the plainest word of the language."""
    if language == "en":
        return colors
    chars = {f"{name}1": phrases_zh.COLOR1[color] for name, color in colors.items()}
    return chars | {name: chars[f"{name}1"] + "色" for name in colors}


def evaluation_marks(language: str, rng: random.Random) -> Marks:
    """Quotation marks of an evaluation prompt."""
    if language == "en":
        return rng.choices([('"', '"'), ("“", "”"), ("'", "'")], (75, 15, 10))[0]
    return rng.choices([("“", "”"), ('"', '"'), ("「", "」")], (60, 25, 15))[0]


def tidy(sentence: str, language: str) -> str:
    """Right articles in English; Chinese stays as it is."""
    return english(sentence) if language == "en" else sentence
