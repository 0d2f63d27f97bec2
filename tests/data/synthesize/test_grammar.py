from __future__ import annotations

import random

from hanmo.data.synthesize.grammar import characters_of, english, expand, fill, words_of


def test_choices_nest_and_slots_are_patterns_too() -> None:
    rng = random.Random(0)
    found = {expand("[a [b|c]|{slot}] {Q}", rng, {"slot": "[x|]"}) for _ in range(200)}
    assert found == {f"{start} \ue000" for start in ("a b", "a c", "x", "")}


def test_the_spans_hold_the_text_and_nothing_else() -> None:
    caption = fill("write \ue000 for \ue001, \ue000", "AB", ("“", "”"), "OLD")
    assert caption.text == "write “AB” for “OLD”, “AB”"
    assert [caption.text[start:stop] for start, stop in caption.spans] == ["AB", "AB"]


def test_articles_fit_what_follows() -> None:
    assert english("A orange sign  on a umbrella, a card") == "An orange sign on an umbrella, a card"


def test_the_words_and_characters_of_a_pattern_are_found_in_all_choices() -> None:
    assert words_of("Draw [a|the] {obj}, don't [sans-serif|{Q}]") == {"draw", "a", "the", "don", "sans"}
    assert characters_of("[写|画]{Q}，ok") == set("写画，")
