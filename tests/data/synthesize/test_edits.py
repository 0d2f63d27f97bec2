from __future__ import annotations

import random
from dataclasses import asdict

import pytest

from hanmo.data.synthesize.captions import MARKS
from hanmo.data.synthesize.cards import Card
from hanmo.data.synthesize.edits import KINDS, edit_pair, evaluation_edits, instruct
from hanmo.data.synthesize.grammar import OLD, TEXT
from hanmo.data.synthesize.held_out import held_out_skeletons, skeleton
from hanmo.data.synthesize.sample import CardConfig, held_out

CHANGED = {"text": {"text", "script"}, "color": {"color"}, "background": {"background"}}


def changes(source: Card, target: Card) -> set[str]:
    old, new = asdict(source), asdict(target)
    return {name for name in old if old[name] != new[name]}


def test_an_edit_changes_one_thing() -> None:
    rng = random.Random(0)
    seen = set()
    for _ in range(1500):
        pair = edit_pair(rng, CardConfig())
        found = changes(pair.source, pair.target)
        assert pair.kind in found
        assert found <= CHANGED[pair.kind]
        seen.add(pair.kind)
    assert seen == set(KINDS)


def test_quoted_characters_of_an_instruction_are_those_of_the_target() -> None:
    rng = random.Random(1)
    for _ in range(1500):
        pair = edit_pair(rng, CardConfig())
        text, spans = pair.instruction.text, pair.instruction.spans
        assert spans or pair.kind != "text"
        assert all(text[start:stop] == pair.target.text for start, stop in spans)


def test_training_never_produces_a_held_out_instruction() -> None:
    rng = random.Random(2)
    for _ in range(4000):
        pair = edit_pair(rng, CardConfig())
        text = pair.instruction.text
        for opening, closing in [marks for choices in MARKS.values() for marks, _ in choices]:
            text = text.replace(f"{opening}{pair.target.text}{closing}", TEXT)
            text = text.replace(f"{opening}{pair.source.text}{closing}", OLD)
        assert skeleton(text) not in held_out_skeletons(), text


def test_a_repaint_says_nothing_of_the_text() -> None:
    card = Card("HELLO", "en", "red", "white")
    for seed in range(50):
        said = instruct("repaint", card, card, random.Random(seed))
        assert "HELLO" not in said.text
        assert said.spans == ()


@pytest.mark.parametrize("seed", [11, 12])
def test_evaluation_edits_are_of_every_kind_and_carry_held_out_strings(seed: int) -> None:
    edits = evaluation_edits(120, seed)
    assert edits[:30] == evaluation_edits(30, seed), "a longer list begins with the shorter one"
    for place, edit in enumerate(edits):
        assert edit.kind == KINDS[place % 3]
        assert changes(edit.source, edit.target) == {edit.kind}
        assert held_out(edit.target.text) or len(edit.target.text) == 1
        if edit.kind == "text":
            assert edit.target.text in edit.instruction
    assert {(edit.kind, edit.source.script) for edit in edits} == {(k, s) for k in KINDS for s in ("en", "zh")}


def test_pairs_take_the_size_of_the_config() -> None:
    pair = edit_pair(random.Random(3), CardConfig(width=256, height=128))
    assert {(card.width, card.height) for card in (pair.source, pair.target)} == {(256, 128)}
