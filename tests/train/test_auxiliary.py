from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.cards import Card
from hanmo.data.synthesize.characters import vocabulary
from hanmo.data.synthesize.grammar import Caption
from hanmo.errors import ConfigError
from hanmo.train.attention import plain_attention
from hanmo.train.data import NOBODY, UNKNOWN, labels_of
from hanmo.train.flow_run import begin
from hanmo.train.objectives.auxiliary import AuxiliaryConfig, IdentityHead, Labels, alignment, identity, losses, watch
from hanmo.train.recipe import FlowRecipe


def test_labels_name_the_token_and_the_character_of_each_half_patch(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    card = Card("永Ab"[:1], "zh", "red", "white")  # one 32-px cell, centred: pixels 48-80, rows 16-48
    prompt = "红色卡片，写着“永”。"
    start = prompt.index("永")
    token, glyph = labels_of(encoder, card, Caption(prompt, ((start, start + 1),)), "t2i")
    grid = token.reshape(4, 8, 2)
    ids = encoder.text_ids(prompt)
    inside = grid[1:3, 3:5]
    assert bool((inside >= 0).all())
    assert {encoder.tokenizer.decode([ids[index]]) for index in inside.flatten().tolist()} == {"永"}
    assert int((grid >= 0).sum()) == inside.numel()
    assert set(glyph.flatten().tolist()) == {NOBODY, vocabulary().index("永")}


def test_labels_follow_the_order_of_letters_across_the_picture(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    card = Card("HANMO", "en", "blue", "white")
    said = caption(card, random.Random(1))
    token, glyph = labels_of(encoder, card, said, "t2i")
    row = glyph.reshape(4, 8, 2)[1].flatten().tolist()
    letters = [vocabulary()[number] for number in row if number >= 0]
    assert list(dict.fromkeys(letters)) == list("HANMO")
    ids = encoder.text_ids(said.text)
    read = [encoder.tokenizer.decode([ids[i]]) for i in token.reshape(4, 8, 2)[1].flatten().tolist() if i >= 0]
    assert read == letters


def test_a_dropped_prompt_asks_nothing(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    token, glyph = labels_of(encoder, Card("AB", "en", "blue", "white"), None, "t2i")
    assert set(token.flatten().tolist()) == {NOBODY}
    assert set(glyph.flatten().tolist()) == {UNKNOWN}


def test_an_edit_that_quotes_nothing_still_names_the_targets_characters(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    card = Card("AB", "en", "blue", "white")
    token, glyph = labels_of(encoder, card, Caption("make it blue", ()), "edit", [10])
    assert set(token.flatten().tolist()) == {NOBODY}
    assert int((glyph >= 0).sum()) > 0


def test_tokens_of_an_edit_are_counted_behind_its_picture(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    encoder = begin(flow_recipe(), tmp_path).encoder
    said = Caption('say "AB"', ((5, 7),))
    token, _ = labels_of(encoder, Card("AB", "en", "blue", "white"), said, "edit", [10])
    ids = encoder.text_ids(said.text, "edit", 1)
    picture = ids.index(encoder.tokenizer.convert_tokens_to_ids("<|image_pad|>"))
    expanded = ids[:picture] + [ids[picture]] * 10 + ids[picture + 1 :]
    found = sorted({index for index in token.flatten().tolist() if index >= 0})
    assert [encoder.tokenizer.decode([expanded[index]]) for index in found] == ["A", "B"]


def test_the_alignment_loss_is_that_of_the_blocks_own_attention(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    model = begin(flow_recipe(), tmp_path).transformer
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0.0, 0.2, generator=generator)
    kept: list[tuple[Tensor, Tensor]] = []

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        kept.append((q, k))
        return plain_attention(q, k, v, mask)

    model.transformer_blocks[1].attn.attend = attend
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    tokens, states = torch.randn(2, 12, 64, generator=generator), torch.randn(2, 5, 32, generator=generator)
    with watch(model, AuxiliaryConfig(blocks=(1,), after=2), True) as seen:
        model(tokens, states, mask, torch.tensor([0.3, 0.8]), [(1, 2, 3), (1, 2, 3)], 6)
    label = torch.full((2, 6, 2), NOBODY)
    label[0, 1, 0], label[0, 4, 1], label[1, 0, 1] = 3, 4, 2
    q, k = kept[0]
    scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    scores = scores.masked_fill(~torch.cat([mask, torch.ones(2, 12, dtype=torch.bool)], 1)[:, None, None], -torch.inf)
    log = scores.log_softmax(-1)[:, :, 5:]  # [B, heads, image rows, keys]
    wanted = (-(log[0, 0, 1, 3] + log[0, 1, 4, 4]) / 2 - log[1, 1, 0, 2]) / 2
    torch.testing.assert_close(alignment(model.transformer_blocks[1], seen[1], label), wanted)


def test_identity_counts_nothing_a_little_and_unknown_not_at_all() -> None:
    scores = torch.zeros(1, 2, 2, 4)
    scores[0, 0, 0, 1] = 5.0
    glyph = torch.tensor([[[1, NOBODY], [UNKNOWN, UNKNOWN]]])
    right, none = -scores[0, 0, 0].log_softmax(-1)[1], torch.tensor(4.0).log()
    wanted = (right + 0.05 * none) / 1.05
    torch.testing.assert_close(identity(scores, glyph, 0.05), wanted)


def test_both_losses_reach_the_encoders_weights(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    model = begin(flow_recipe(), tmp_path)
    transformer = model.transformer
    with torch.no_grad():  # the gates begin at zero, where the image stream would not see the text
        for weight in transformer.parameters():
            weight.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(1))
    config = AuxiliaryConfig(after=2)
    head = IdentityHead(transformer.config.inner_dim, 7)
    torch.nn.init.normal_(head.linear.weight, generator=torch.Generator().manual_seed(2))
    text = model.encoder.encode_ids(model.encoder.tokenize(['a red card "AB"', "b"]))
    with watch(transformer, config, True) as seen:
        transformer(torch.randn(2, 4, 64), text.states, text.mask, torch.rand(2), [(1, 2, 2)])
    label = torch.zeros(2, 4, 2, dtype=torch.long)
    found = losses(transformer, head, seen, Labels(label, label), config)
    for name in ("alignment", "identity"):
        table = model.encoder.model.language_model.embed_tokens.weight
        (gradient,) = torch.autograd.grad(found[name], table, retain_graph=True)
        assert float(gradient.abs().max()) > 0, name


def test_hooks_are_gone_after_the_pass(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    model = begin(flow_recipe(), tmp_path).transformer
    with watch(model, AuxiliaryConfig(after=2), True):
        assert any(block._forward_pre_hooks for block in model.transformer_blocks)
    assert not any(block._forward_pre_hooks for block in model.transformer_blocks)


def test_blocks_that_the_model_lacks_are_named(flow_recipe: Callable[..., FlowRecipe], tmp_path: Path) -> None:
    model = begin(flow_recipe(), tmp_path).transformer
    with pytest.raises(ConfigError, match="do not fit 4 blocks"), watch(model, AuxiliaryConfig(after=3), True):
        pass


def test_weights_fade_to_zero_where_the_recipe_says() -> None:
    config = AuxiliaryConfig(until=0.7)
    assert [config.fade(done) for done in (0.0, 0.35, 0.7, 0.9)] == pytest.approx([1.0, 0.5, 0.0, 0.0])
