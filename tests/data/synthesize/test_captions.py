from __future__ import annotations

import random

import pytest

from hanmo.data.synthesize.captions import MARKS, caption, evaluation_prompts
from hanmo.data.synthesize.cards import Card
from hanmo.data.synthesize.colors import COLORS, default_color
from hanmo.data.synthesize.grammar import TEXT
from hanmo.data.synthesize.held_out import (
    EDITS_EN,
    EDITS_ZH,
    PROMPTS_EN,
    PROMPTS_ZH,
    held_out_skeletons,
    skeleton,
)
from hanmo.data.synthesize.lexicon import prompt_characters, prompt_words
from hanmo.data.synthesize.phrases_zh import COLOR1
from hanmo.data.synthesize.sample import CardConfig, held_out, sample_card


def pairs(count: int, seed: int = 0, config: CardConfig | None = None) -> list[tuple[Card, str]]:
    rng = random.Random(seed)
    cards = [sample_card(rng, config or CardConfig()) for _ in range(count)]
    return [(card, caption(card, rng).text) for card in cards]


def names(color: str, text: str) -> bool:
    """Whether a caption speaks of a colour, in either language."""
    small = text.lower()
    chinese = {"orange": "橘", "brown": "褐咖"}.get(color, "") + COLOR1[color]
    return color.replace("grey", "gray") in small.replace("grey", "gray") or any(c in text for c in chinese)


def test_the_spans_are_the_characters_of_the_card() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        card = sample_card(rng, CardConfig())
        said = caption(card, rng)
        assert said.spans
        assert all(said.text[start:stop] == card.text for start, stop in said.spans)


def test_the_same_seed_gives_the_same_captions() -> None:
    assert pairs(50, seed=4) == pairs(50, seed=4)


def test_captions_hardly_ever_repeat() -> None:
    found = {skeleton(text.replace(card.text, TEXT)) for card, text in pairs(3000)}
    assert len(found) > 2300


def test_a_caption_says_all_that_is_not_the_default() -> None:
    spoken = {
        "small": ("small", "tiny", "little", "小"),
        "serif": ("serif", "宋体", "衬线"),
        "top": ("top", "upper", "上", "顶"),
        "bottom": ("bottom", "lower", "下", "底"),
        "left": ("left", "左"),
        "right": ("right", "右"),
    }
    config = CardConfig(serif=0.5, small=0.5, placed=0.7)
    for card, text in pairs(1500, config=config):
        assert names(card.background, text)
        if card.color != default_color(card.background):
            assert names(card.color, text)
        for value in (card.size, card.font, card.place):
            assert any(word in text.lower() for word in spoken.get(value, ("",))), (value, text)


def test_a_plain_card_is_never_called_small_or_serif() -> None:
    config = CardConfig(serif=0.0, small=0.0, placed=0.0, chinese=0.0)
    for card, text in pairs(1500, config=config):
        rest = text.replace(card.text, "").lower().replace("sans serif", "")
        assert not any(word in rest for word in ("small", "tiny", "little", " serif", "小", "宋体", "左", "右"))


def test_training_never_produces_a_held_out_phrasing() -> None:
    for card, text in pairs(4000, seed=9):
        for opening, closing in [marks for choices in MARKS.values() for marks, _ in choices]:
            text = text.replace(f"{opening}{card.text}{closing}", TEXT)
        assert skeleton(text) not in held_out_skeletons(), text


def test_there_are_enough_held_out_phrasings_and_all_differ() -> None:
    count = len(PROMPTS_EN) + len(PROMPTS_ZH) + sum(map(len, (*EDITS_EN.values(), *EDITS_ZH.values())))
    assert len(held_out_skeletons()) == count
    assert min(len(PROMPTS_EN), len(PROMPTS_ZH)) >= 40
    assert min(sum(map(len, edits.values())) for edits in (EDITS_EN, EDITS_ZH)) >= 40


@pytest.mark.parametrize("seed", [11, 12])
def test_evaluation_prompts_ask_for_held_out_strings(seed: int) -> None:
    prompts = evaluation_prompts(200, seed)
    assert prompts[:50] == evaluation_prompts(50, seed), "a longer list begins with the shorter one"
    assert [prompt.card.script for prompt in prompts[:4]] == ["en", "zh", "en", "zh"]
    for prompt in prompts:
        assert prompt.text.count(prompt.card.text) == 1
        assert held_out(prompt.card.text) or len(prompt.card.text) == 1
        assert names(prompt.card.background, prompt.text)
        assert names(prompt.card.color, prompt.text) or prompt.card.color == default_color(prompt.card.background)


def test_evaluation_cards_take_the_size_that_is_asked_for() -> None:
    assert {(p.card.width, p.card.height) for p in evaluation_prompts(9, 1, 256, 128)} == {(256, 128)}


def test_a_skeleton_forgets_colors_capitals_and_punctuation() -> None:
    assert skeleton("An orange card: \ue000.") == skeleton("a RED card, \ue000") != skeleton("a card \ue000")
    assert skeleton("蓝色背景，\ue000。") == skeleton("粉红色背景\ue000")


def test_the_lexicon_knows_the_words_of_prompts() -> None:
    assert {"card", "background", "letters", "instead", *COLORS} <= set(prompt_words())
    assert not {"bookmark", "coaster"} & set(prompt_words()), "some words are met spelled out"
    assert all(word.isascii() and word.isalpha() and word.islower() for word in prompt_words())
    assert set("红色卡片，。“”「」写背景改成") <= set(prompt_characters())
    assert all(ord(char) > 127 for char in prompt_characters())
    assert not any("\ue000" <= char <= "\uf8ff" for char in prompt_characters())
