from __future__ import annotations

import pytest

from hanmo.data.synthesize.lines import CLOSING, OPENING, break_lines, joined, tokens
from hanmo.data.synthesize.passages import builtin


def wide(text: str) -> float:
    """Chinese characters are 1 wide, others half."""
    return sum(1.0 if ord(char) > 0x2000 else 0.5 for char in text)


@pytest.mark.parametrize("limit", [5.0, 7.0, 8.0, 11.0, 13.0])
def test_no_chinese_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(limit: float) -> None:
    for passage in builtin("zh"):
        text = "".join(passage.sentences)
        lines = break_lines(tokens(text, "zh"), wide, limit, 1.0)
        assert lines is not None
        drawn = [joined(line) for line in lines]
        assert "".join(drawn) == text
        assert all(line[0] not in CLOSING and line[-1] not in OPENING for line in drawn)
        assert all(wide(line) <= limit + 0.4 for line in drawn), "only the blank half of a mark hangs over"


@pytest.mark.parametrize("limit", [8.0, 12.0, 20.0])
def test_english_never_breaks_inside_a_word(limit: float) -> None:
    for passage in builtin("en"):
        text = " ".join(passage.sentences)
        lines = break_lines(tokens(text, "en"), wide, limit, 0.0)
        assert lines is not None
        assert [word for line in lines for word in joined(line).split(" ")] == text.split()
        assert all(wide(joined(line)) <= limit for line in lines)


def test_latin_runs_in_chinese_stay_whole_with_their_spaces() -> None:
    pieces = tokens("列车 G8015 次（夜班），22:40发车。", "zh")
    assert [piece.text for piece in pieces] == [*"列车", "G8015", "次", "（夜", "班），", "22:40", "发", "车。"]
    assert joined(pieces) == "列车 G8015 次（夜班），22:40发车。"


def test_a_piece_wider_than_the_line_fits_nowhere() -> None:
    assert break_lines(tokens("an unbreakableword", "en"), wide, 5.0, 0.0) is None


def test_centred_lines_are_about_equally_long_and_a_last_word_is_not_left_alone() -> None:
    text = "one two three four five six seven eight nine ten"
    balanced = break_lines(tokens(text, "en"), wide, 17.0, 0.0, balanced=True)
    assert balanced is not None
    lengths = [wide(joined(line)) for line in balanced]
    assert max(lengths) - min(lengths) <= 3
    flowing = break_lines(tokens("aaa bbb ccc ddd eee f", "en"), wide, 9.5, 0.0)
    assert flowing is not None
    assert joined(flowing[-1]) != "f"


def test_the_first_line_leaves_its_indent_free() -> None:
    lines = break_lines(tokens("春夏秋冬东南西北", "zh"), wide, 4.0, 1.0, indent=2.0)
    assert lines is not None
    assert [joined(line) for line in lines] == ["春夏", "秋冬东南", "西北"]
