from __future__ import annotations

import random

import pytest

from hanmo.data.synthesize.edit_scenes import LAYOUTS, Thing
from hanmo.data.synthesize.scene_looks import shape_look
from hanmo.data.synthesize.scene_words import COLORS_ZH, PLACES, instruct, named, reference


def things(*looks: tuple[str, str]) -> tuple[Thing, ...]:
    slots = LAYOUTS["six"].slots
    return tuple(
        Thing(shape_look(kind, color, "flat"), slots[n], 1.0, (0.0, 0.0)) for n, (kind, color) in enumerate(looks)
    )


def means(words: str, all_things: tuple[Thing, ...]) -> list[Thing]:
    """Which things an English name could mean: every word of it must be true of them."""
    found = []
    for thing in all_things:
        said = words.removeprefix("the ")
        where = PLACES[thing.slot.name][0]
        placed = any(place[0] in said for place in PLACES.values())
        if placed and not said.endswith(where):
            continue
        said = said.removesuffix(f" {where}")
        if said in (thing.look.en, f"{thing.look.color} {thing.look.en}"):
            found.append(thing)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_name_means_one_thing_and_no_other(seed: int) -> None:
    scene = things(("star", "red"), ("star", "red"), ("star", "blue"), ("moon", "red"), ("ring", "green"))
    for thing in scene:
        en, zh = reference(thing, scene, random.Random(seed))
        assert means(en, scene) == [thing]
        assert thing.look.zh in zh
        assert (PLACES[thing.slot.name][2] in zh) == (PLACES[thing.slot.name][0] in en)
        assert (COLORS_ZH[thing.look.color] in zh) == (thing.look.color in en.split())


def test_a_place_is_named_where_colour_does_not_tell() -> None:
    pair = things(("star", "red"), ("star", "red"))
    assert reference(pair[0], pair, random.Random(3))[0].endswith("at the top left")


def test_new_things_have_an_article_and_a_counting_word() -> None:
    assert named(shape_look("star", "orange", "flat")) == ("an orange star", "一颗橙色的星星")
    assert named(shape_look("flower", "pink", "flat")) == ("a pink flower", "一朵粉色的花")


def test_instructions_are_varied_and_say_what_is_asked_for() -> None:
    rng, slots = random.Random(0), {"ref": ("the red star", "红色的星星"), "new": ("blue", "蓝色")}
    said = [instruct("color", slots, rng) for _ in range(200)]
    for en, zh in said:
        assert "red star" in en.text
        assert "blue" in en.text
        assert "红色的星星" in zh.text
        assert "蓝色" in zh.text
        assert not any(mark in en.text + zh.text for mark in "{}[]|")
    assert len({en.text for en, _ in said}) > 60
    assert len({zh.text for _, zh in said}) > 60


def test_texts_are_quoted_as_they_are() -> None:
    rng = random.Random(1)
    for _ in range(50):
        en, zh = instruct("text", {}, rng, "你好", "OPEN sale")
        assert '"你好"' in en.text
        assert "“你好”" in zh.text
