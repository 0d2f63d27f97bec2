from __future__ import annotations

import pytest

from hanmo.data.filters.scripts import Units, script_of, units_of
from hanmo.data.synthesize.hanzi import hanzi


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Open every day", "english"),
        ("A café at night, with a red door and a wooden bench outside", "english"),
        ("ＨＥＬＬＯ", "english"),
        ("今日特价", "chinese"),
        ("書法與繪畫", "chinese"),
        ("咖啡馆 Coffee", "chinese"),
        ("我爱 New York 的秋天", "chinese"),
        ("Добро пожаловать", "other"),
        ("مرحبا بكم", "other"),
        ("환영합니다", "other"),
        ("日本語を勉強しています", "other"),
        ("Wir öffnen um acht Uhr früh", "other"),
        ("Đường phố Hà Nội vào buổi sáng", "other"),
        ("2024", "other"),
        ("!? — ★", "none"),
        ("", "none"),
    ],
)
def test_the_script_tells_the_language(text: str, language: str) -> None:
    assert units_of(text).language == language


def test_a_chinese_character_is_a_unit_and_elsewhere_a_word_is() -> None:
    assert units_of("Don't re-read 三只猫 in 2024!") == Units(english=3, chinese=3, numbers=1)
    assert units_of("naïve") == Units(other=1)
    assert units_of("हिन्दी में") == Units(other=2)


def test_all_8105_characters_are_chinese_also_beyond_the_basic_plane() -> None:
    characters = hanzi()
    assert sum(ord(character) > 0xFFFF for character in characters) == 196
    assert units_of(characters) == Units(chinese=8105)
    assert script_of("\U00030000") == "han"


def test_shares_are_of_what_belongs_to_a_language() -> None:
    units = units_of("一二三 four, 5")
    assert (units.share("chinese"), units.share("english"), units.share("other")) == (0.75, 0.25, 0.0)
    assert units_of("7").share("english") == 0.0
