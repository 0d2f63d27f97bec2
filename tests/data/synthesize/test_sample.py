from __future__ import annotations

import random
from collections import Counter

import pytest

from hanmo.data.synthesize.cards import Card
from hanmo.data.synthesize.characters import chinese_characters, is_chinese
from hanmo.data.synthesize.sample import CardConfig, held_out, sample_card, sample_text
from hanmo.errors import ConfigError


def test_the_same_seed_gives_the_same_cards() -> None:
    one, two = ([sample_card(random.Random(5), CardConfig())] for _ in range(2))
    assert one == two


@pytest.mark.parametrize("script", ["en", "zh"])
def test_strings_of_training_and_of_evaluation_never_meet(script: str) -> None:
    rng = random.Random(0)
    training = {sample_text(rng, CardConfig(), script) for _ in range(5000)}
    evaluation = {sample_text(rng, CardConfig(), script, "evaluation") for _ in range(500)}
    assert all(len(text) == 1 for text in training & evaluation)
    assert not any(map(held_out, training))
    assert all(held_out(text) or len(text) == 1 for text in evaluation)


def test_one_string_in_twenty_is_held_out_whatever_its_case() -> None:
    texts = [f"{number:05}" for number in range(4000)]
    assert 0.03 < sum(map(held_out, texts)) / 4000 < 0.07
    assert all(held_out(word.upper()) == held_out(word) for word in ("hello", "world", "summer", "tea"))
    assert not any(map(held_out, "ABC你好"))


def test_every_chinese_character_is_drawn_sooner_or_later() -> None:
    rng = random.Random(1)
    seen = Counter("".join(sample_text(rng, CardConfig(), "zh") for _ in range(20000)))
    assert set(seen) == set(chinese_characters())


def test_a_config_limits_lengths_and_characters() -> None:
    rng = random.Random(2)
    config = CardConfig(longest_english=3, longest_chinese=2, characters=100)
    for _ in range(500):
        card = sample_card(rng, config)
        assert len(card.text) <= {"en": 3, "zh": 2}[card.script]
        assert all(char in chinese_characters()[:100] for char in card.text if is_chinese(char))


def test_plain_cards_are_plain() -> None:
    rng = random.Random(3)
    config = CardConfig(color=0.0, serif=0.0, small=0.0, placed=0.0)
    cards: list[Card] = [sample_card(rng, config) for _ in range(300)]
    assert all(card.defaults for card in cards)


@pytest.mark.parametrize("change", [{"chinese": 1.5}, {"characters": 0}, {"width": 200}, {"longest_chinese": 5}])
def test_a_config_out_of_range_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="cards"):
        CardConfig(**change)  # type: ignore[arg-type]
