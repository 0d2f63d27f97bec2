from __future__ import annotations

from hanmo.data.synthesize.characters import (
    chinese_characters,
    chinese_words,
    english_words,
    is_chinese,
    vocabulary,
)


def test_there_are_a_thousand_frequent_characters_and_a_few_for_signs() -> None:
    characters = chinese_characters()
    assert len(characters) == len(set(characters)) == 1024
    assert all(map(is_chinese, characters))
    assert set("的一是了人") <= set(characters[:30])


def test_every_chinese_word_can_be_drawn() -> None:
    assert all(2 <= len(word) <= 4 and set(word) <= set(chinese_characters()) for word in chinese_words())
    assert len(set(chinese_words())) == len(chinese_words()) > 2000


def test_every_english_word_is_small_letters_and_fits_a_card() -> None:
    assert all(word.isascii() and word.islower() and 2 <= len(word) <= 8 for word in english_words())
    assert len(set(english_words())) == len(english_words()) > 1500


def test_the_vocabulary_names_each_character_once() -> None:
    assert len(set(vocabulary())) == len(vocabulary()) == 62 + 1024
