"""Whether captions quote what was read: scores that can be worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.data.annotate.quoting import Quoting, compare, units


def test_units_are_words_and_chinese_characters() -> None:
    assert units("OPEN 24h，营业中! don’t") == ["OPEN", "24h", "营", "业", "中", "don't"]
    assert units("ＡＢＣ５折") == ["ABC5", "折"]
    assert units("𠮷野家 Café") == ["𠮷", "野", "家", "Café"]
    assert units(" -- ！…") == []


@pytest.mark.parametrize(
    ("read", "caption", "score"),
    [
        (["OPEN 24h"], 'a sign with "OPEN 24h"', 1.0),
        (["OPEN 24h"], "a sign with OPEN 24h", 0.0),  # not between quotation marks
        (["OPEN 24h"], 'a sign with "Open 24h"', 0.5),
        (["GRAND OPENING", "SALE"], 'a banner with "Grand SALE" and "OPENING"', 2 / 3),
        (["SALE", "GRAND OPENING"], "a banner, “GRAND OPENING SALE!”", 1.0),
        (["Menu   Price"], 'two columns, "Price" and "Menu"', 1.0),
        (["SALE", "SALE", "SALE"], 'labels that read "SALE"', 1.0),
        (["no no no"], 'a note, "no"', 1 / 3),
        (["GRANDOPENING"], 'a banner, "GRAND OPENING"', 1.0),
        (["营业中"], "一块招牌，写着“营业中”", 1.0),
        (["营业中"], "一块招牌，写着「營業中」", 0.0),  # 中 alone is chance
        (["今日大减价"], "海报上写着“今日大减”", 0.8),
        (["今日大减价"], "海报上写着“价减大日今”", 0.0),
        (["福"], "门上贴着“福”字", 1.0),
        (["出口 EXIT"], 'a sign, "出口"', 2 / 3),
        ([], 'a sign, "EXIT"', 1.0),
        (["---"], "a ruler", 1.0),
    ],
)
def test_the_score_is_the_share_of_what_was_read_that_is_quoted(read: list[str], caption: str, score: float) -> None:
    assert compare(read, caption).score == pytest.approx(score)


@pytest.mark.parametrize(
    ("read", "caption", "translated"),
    [
        (["出口"], 'a sign that says "Exit"', ("Exit",)),
        (["EXIT"], "写着“出口”的牌子", ("出口",)),
        (["出口", "24"], 'a sign that says "Exit" and "24"', ("Exit",)),
        (["出口"], 'a sign that says "出口" ("Exit")', ()),  # nothing is missing
        (["出口 EXIT"], 'a sign that says "EXIT"', ()),  # it stands there
        (["出口"], 'a sign with "7"', ()),  # a number is in every language
        (["SORTIE"], 'a sign that says "EXIT"', ()),  # cannot be told from a misreading
        (["出口"], "a sign", ()),
    ],
)
def test_a_quote_in_another_script_than_a_missing_line_is_a_translation(
    read: list[str], caption: str, translated: tuple[str, ...]
) -> None:
    assert compare(read, caption).translated == translated


def test_units_count_equal_lines_once() -> None:
    assert compare(["SALE", "SALE", "50 % off"], 'a shop, "SALE"') == Quoting(1 / 3, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab 中文'\".,", max_size=8), max_size=5), st.text("ab 中文'\"“”.", max_size=30))
def test_a_score_lies_between_0_and_1_and_does_not_depend_on_the_order(read: list[str], caption: str) -> None:
    found = compare(read, caption)
    assert 0.0 <= found.score <= 1.0
    assert compare([*read, *read], caption) == found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("abc 中文字", min_size=1, max_size=8), max_size=5))
def test_a_caption_that_quotes_all_lines_has_score_1(read: list[str]) -> None:
    caption = "a page: " + " ".join(f'"{line}"' for line in dict.fromkeys(read))
    assert compare(read, caption).score == 1.0
