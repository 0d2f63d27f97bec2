from __future__ import annotations

import time

import pytest
from captions_of import captions_of

from hanmo.data.filters.caption_rules import RULES, broken_rules


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("table", ["", "later "])
def test_invalid_captions_are_told_from_valid_ones(language: str, table: str) -> None:
    valid, invalid = (captions_of(f"{language} {table}{what}") for what in ("valid", "invalid"))
    assert min(len(valid), len(invalid)) >= (30 if table else 60)
    wrong = [text for text in valid if broken_rules(text, language)]
    found = [text for text in invalid if broken_rules(text, language)]
    assert len(found) / (len(found) + len(wrong)) >= 0.95, wrong
    assert len(found) / len(invalid) >= 0.95, set(invalid) - set(found)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("作为一个人工智能语言模型，我无法看到图片。", "refusal"),
        ("Image not available", "unavailable"),
        ("暂无图片", "unavailable"),
        ("https://www.example.com/a.jpg", "address"),
        ("IMG_20210305_101530", "file_name"),
        ("微信图片_20210305101530.jpg", "file_name"),
        ("a man and a man and a man and a man and a man", "repetition"),
        ("一只猫一只猫一只猫一只猫", "repetition"),
        ("锟斤拷", "gibberish"),
        ("xkcjqz vbnmrt plkjhg", "gibberish"),
        ("<br> A dog", "markup"),
        ("Describe this image in detail.", "echo"),
        ("请描述这张图片。", "echo"),
        ("Click here to enlarge", "boilerplate"),
        ("扫码关注我们", "boilerplate"),
    ],
)
def test_the_rule_that_is_broken_is_named(text: str, rule: str) -> None:
    assert rule in broken_rules(text)
    assert rule in RULES


def test_what_a_picture_says_is_not_what_its_caption_says() -> None:
    assert broken_rules("Sorry, I cannot come.") == ("refusal",)
    assert broken_rules('A card with the words "Sorry, I cannot come."') == ()
    assert broken_rules("卡片上写着“抱歉，我无法参加”") == ()


def test_a_caption_in_another_language_than_it_says_is_found() -> None:
    english = "A woman in a yellow raincoat walks past a bakery at dusk on a cold evening."
    assert broken_rules(english, "zh") == ("wrong_language",)
    assert broken_rules(english, "en") == broken_rules(english, "und") == broken_rules(english, "fr") == ()
    assert broken_rules("一位穿黄色雨衣的女士在黄昏时走过面包店。", "en-GB") == ("wrong_language",)
    assert broken_rules("BMW M3 CSL", "zh") == ()
    assert (
        broken_rules(
            "The word “一位穿黄色雨衣的女士在黄昏时走过” is written in red ink on a long paper scroll here", "en"
        )
        == ()
    )


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "sorry I " * 9_000, "<" * 30_000, '"' * 30_001, "我无" * 20_000, "." * 9_999]
)
def test_no_text_takes_long(text: str) -> None:
    begin = time.perf_counter()
    assert broken_rules(text)
    assert time.perf_counter() - begin < 2
