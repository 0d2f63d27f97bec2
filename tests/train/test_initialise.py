from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.lexicon import prompt_words
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.train.flow_run import begin
from hanmo.train.initialise import tokens_of_characters
from hanmo.train.randomness import random_for
from hanmo.train.recipe import FlowRecipe


def test_a_new_transformer_says_that_nothing_moves(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    model = begin(flow_recipe(), tmp_path).transformer
    with torch.no_grad():
        made = model(torch.randn(1, 4, 64), torch.randn(1, 3, 32), None, torch.tensor([0.5]), [(1, 2, 2)])
    assert float(made.abs().max()) == 0.0


def test_the_same_seed_gives_the_same_model(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    first, second = begin(flow_recipe(), tmp_path / "a"), begin(flow_recipe(), tmp_path / "b")
    other = begin(replace(flow_recipe(), seed=4), tmp_path / "c")
    key = "transformer_blocks.0.attn.to_q.weight"
    assert torch.equal(first.transformer.state_dict()[key], second.transformer.state_dict()[key])
    assert not torch.equal(first.transformer.state_dict()[key], other.transformer.state_dict()[key])


def test_characters_that_look_alike_begin_near_each_other(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    table = encoder.model.language_model.embed_tokens.weight.detach()

    def row(char: str) -> torch.Tensor:
        (number,) = encoder.tokenizer.encode(char, add_special_tokens=False)
        return table[number]

    def distance(a: str, b: str) -> float:
        return float((row(a) - row(b)).norm())

    assert distance("人", "入") < distance("人", "国")
    assert distance("O", "Q") < distance("O", "I")


def test_every_word_of_a_training_caption_is_one_token_after_a_space(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    for word in ("card", "background", "letters", "red", "poster", "with"):
        assert word in prompt_words()
        assert len(encoder.tokenizer.encode(f" {word}", add_special_tokens=False)) == 1
    assert {"张", "色", "写"} <= set(tokens_of_characters())


def test_each_quoted_character_has_a_token_of_its_own(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    rng = random_for(11)
    for _ in range(200):
        card = sample_card(rng, CardConfig())
        said = caption(card, rng)
        start, stop = said.spans[0]
        ids = encoder.text_ids(said.text)
        places = encoder.token_offsets(said.text)[start:stop]
        read = [encoder.tokenizer.decode([ids[place]]).strip() for place in places]
        assert read == list(card.text), said.text
