from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

from hanmo.errors import RequestError, WeightsError
from hanmo.model.encoder import ConditionEncoder, TextStates, build_encoder_model, checkpoint_name
from hanmo.model.picture import PictureConfig, patches
from hanmo.model.qwen_vl import rope_positions
from hanmo.model.tokens import DROP
from hanmo.train.tiny_encoder import TinyEncoderConfig, tiny_encoder, tiny_encoder_config
from hanmo.train.tiny_tokenizer import build_tokenizer

SIZES = TinyEncoderConfig(
    hidden=64, layers=2, intermediate=96, vision_hidden=32, vision_layers=2, vision_intermediate=48
)
PROMPTS = ['a red card with "HELLO"', "你好", 'a card with the text "hi" in blue letters']


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    return path, build_tokenizer(path, "你好红蓝", ["red", "blue", "card", "letters"])


@pytest.fixture
def encoder(folder):
    path, ids = folder
    config = tiny_encoder_config(ids, SIZES)
    return ConditionEncoder(tiny_encoder(config, 1, std=0.5), Qwen2Tokenizer.from_pretrained(path))


def painted(width: int, height: int, seed: int) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() <= 1e-5 * b.abs().max())


def alone(encoder: ConditionEncoder, prompt: str, pictures=(), kind="t2i") -> torch.Tensor:
    return encoder.encode([prompt], [list(pictures)], kind).states[0]


def test_a_prompt_in_a_batch_has_the_states_it_has_alone(encoder):
    batch = encoder.encode(PROMPTS)
    for number, prompt in enumerate(PROMPTS):
        own = alone(encoder, prompt)
        assert batch.mask is not None
        assert int(batch.mask[number].sum()) == len(own)
        assert close(batch.states[number, : len(own)], own)
        assert not batch.states[number, len(own) :].any()
        row = batch.rows(number, number + 1)
        assert row.mask is None
        assert torch.equal(row.states[0], batch.states[number, : len(own)])


def test_prompts_of_one_length_have_no_mask(encoder):
    states = encoder.encode(["a red card", "a red card"])
    assert states.mask is None
    assert states.rows(1, 2).mask is None


def test_gradients_reach_every_weight_and_equal_those_of_a_run_without_savings(encoder):
    picture = painted(112, 56, 1)
    model = encoder.model
    shown = [[picture], [painted(56, 84, 2)]]
    direction = torch.randn(64, generator=torch.Generator().manual_seed(1))
    (encoder.encode(PROMPTS[:2], shown, "edit").states @ direction).sum().backward()
    saved = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    for prompt, own in zip(PROMPTS, shown, strict=False):
        (plain_states(encoder, prompt, own, "edit") @ direction).sum().backward()
    for name, weight in model.named_parameters():
        if name.endswith("k_proj.bias"):  # a constant along the keys: its gradient is rounding
            continue
        assert saved[name].abs().max() > 0, name
        assert (saved[name] - weight.grad).abs().max() <= 1e-4 * weight.grad.abs().max(), name


def plain_states(encoder, prompt, pictures, kind):
    """The whole template through the network at once, nothing reused."""
    cut = [patches(picture, encoder.picture_config) for picture in pictures]
    ids = []
    left = list(cut)
    pad = encoder.tokenizer.get_vocab()["<|image_pad|>"]
    for token in encoder.tokenize([prompt], kind, len(pictures))[0]:
        ids += [pad] * left.pop(0).tokens() if token == pad else [token]
    ids = torch.tensor(ids)
    embeds = encoder.model.language_model.embed_tokens(ids)[None]
    if cut:
        grid = torch.tensor([(1, *one.grid) for one in cut])
        seen = encoder.model.visual(torch.cat([one.pixels for one in cut]), grid_thw=grid).pooler_output
        embeds = embeds.masked_scatter((ids == pad)[None, :, None], seen)
    positions = rope_positions(ids, pad, [(one.grid[0] // 2, one.grid[1] // 2) for one in cut])
    output = encoder.model.language_model(inputs_embeds=embeds, position_ids=positions[:, None])
    return output.last_hidden_state[0, DROP[kind] :]


@pytest.mark.parametrize("grad", [True, False])
def test_the_kept_system_part_changes_nothing(encoder, grad):
    picture = painted(112, 56, 1)
    with torch.set_grad_enabled(grad):
        for _ in range(2):
            for prompt in PROMPTS:
                assert close(alone(encoder, prompt), plain_states(encoder, prompt, [], "t2i"))
                for kind in ("edit", "edit_plus"):
                    expected = plain_states(encoder, prompt, [picture], kind)
                    assert close(alone(encoder, prompt, [picture], kind), expected)


@torch.no_grad()
def test_a_changed_weight_is_noticed(encoder):
    before = alone(encoder, "red")
    for weight in encoder.model.language_model.layers[0].parameters():
        weight.mul_(1.5)
    after = alone(encoder, "red")
    assert not close(before, after)
    assert close(after, plain_states(encoder, "red", [], "t2i"))
    assert encoder.to(dtype=torch.bfloat16).encode(["red"]).states.dtype == torch.bfloat16
    assert encoder.model.language_model.rotary_emb.inv_freq.dtype == torch.float32


@torch.inference_mode()
def test_inference_mode_may_come_before_training(encoder):
    inference = alone(encoder, "red")
    with torch.inference_mode(False):
        states = encoder.encode(["red"]).states
        states.sum().backward()
    assert close(states[0], inference)


def test_prompts_with_the_same_pictures_see_them_once(encoder):
    one, other = painted(112, 56, 1), painted(84, 84, 2)
    seen: list[int] = []
    handle = encoder.model.visual.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    prompts = ["make it red", " ", "change the text", " "]
    shown = [[one, other], [one, other], [other], [other]]
    batch = encoder.encode(prompts, shown, "edit_plus")
    assert seen == [4 * 8 + 6 * 6]
    handle.remove()
    for number, (prompt, own) in enumerate(zip(prompts, shown, strict=True)):
        expected = plain_states(encoder, prompt, own, "edit_plus")
        assert close(batch.rows(number, number + 1).states[0], expected)


def test_pictures_of_a_batch_do_not_mix(encoder):
    shown = [[painted(112, 56, 1)], [painted(56, 112, 2)], [painted(140, 84, 3)]]
    batch = encoder.encode(PROMPTS, shown, "edit")
    for number, prompt in enumerate(PROMPTS):
        expected = plain_states(encoder, prompt, shown[number], "edit")
        assert close(batch.rows(number, number + 1).states[0], expected)


def test_positions_of_a_picture_span_rows_and_columns():
    ids = torch.tensor([5, 5, 9, 9, 9, 9, 9, 9, 5, 9, 5])
    expected = [
        [0, 1, 2, 2, 2, 2, 2, 2, 5, 6, 7],
        [0, 1, 2, 2, 2, 3, 3, 3, 5, 6, 7],
        [0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 7],
    ]
    assert rope_positions(ids, 9, [(2, 3), (1, 1)]).tolist() == expected
    with pytest.raises(RequestError, match="image tokens"):
        rope_positions(ids, 9, [(2, 3)])


def test_offsets_find_each_character_among_the_states(encoder):
    prompt = 'a red card "HI" 你好龘'
    names = encoder.tokenizer.convert_ids_to_tokens(encoder.text_ids(prompt))
    places = encoder.token_offsets(prompt)
    assert len(places) == len(prompt)
    assert [names[places[prompt.index(letter)]] for letter in "aHI"] == ["a", "H", "I"]
    assert places[prompt.index("好")] == places[prompt.index("你")] + 1
    assert places[prompt.index("red")] == names.index("Ġred")
    counts = [patches(painted(112, 56, 1), encoder.picture_config).tokens(), 9]
    shown = [[painted(112, 56, 1), painted(84, 84, 2)]]
    moved = encoder.token_offsets(prompt, "edit_plus", counts)
    after = encoder.encode([prompt], shown, "edit_plus").states.shape[1] - moved[-1]
    assert after == encoder.encode([prompt]).states.shape[1] - places[-1]


def test_ids_may_be_made_beforehand(encoder):
    states = encoder.encode_ids(encoder.tokenize(PROMPTS))
    assert torch.equal(states.states, encoder.encode(PROMPTS).states)
    with pytest.raises(RequestError, match="do not begin with the edit template"):
        encoder.encode_ids(encoder.tokenize(["red"]), kind="edit")


def test_requests_that_do_not_fit_are_refused(encoder):
    with pytest.raises(RequestError, match="no prompt"):
        encoder.encode([])
    with pytest.raises(RequestError, match="13 tokens; at most 12"):
        encoder.encode(["abcdefghi"], max_tokens=12)
    with pytest.raises(RequestError, match="1 lists of pictures"):
        encoder.encode(["a", "b"], [[painted(56, 56, 1)]], "edit")
    with pytest.raises(RequestError, match="exactly one"):
        encoder.encode(["a"], None, "edit")


def test_a_tokenizer_of_another_checkpoint_is_refused(encoder, tmp_path):
    vocabulary = {"<|image_pad|>": 0, "<|vision_end|>": 1, "?": 2}
    other = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="?")), unk_token="?"
    )
    with pytest.raises(WeightsError, match="not 34"):
        ConditionEncoder(encoder.model, other)


def test_a_model_without_weights_is_allocated_nowhere_and_can_be_filled(folder, encoder):
    config = tiny_encoder_config(folder[1], SIZES).to_dict()
    model = build_encoder_model(config, "meta")
    assert all(weight.is_meta for weight in model.parameters())
    assert not any(buffer.is_meta for buffer in model.buffers())
    model.load_state_dict(encoder.model.state_dict(), assign=True)
    filled = ConditionEncoder(model, encoder.tokenizer, PictureConfig())
    assert torch.equal(filled.encode(PROMPTS).states, encoder.encode(PROMPTS).states)


def test_names_map_to_those_of_a_checkpoint():
    assert checkpoint_name("language_model.layers.3.mlp.up_proj.weight") == "model.layers.3.mlp.up_proj.weight"
    assert checkpoint_name("language_model.norm.weight") == "model.norm.weight"
    assert checkpoint_name("visual.merger.mlp.0.bias") == "visual.merger.mlp.0.bias"


def test_rows_keep_the_padding_that_they_need():
    mask = torch.tensor([[True, True, False, False], [True, False, False, False], [True, True, True, True]])
    rows = TextStates(torch.ones(3, 4, 2), mask).rows(0, 2)
    assert rows.states.shape == (2, 2, 2)
    assert rows.mask is not None
    assert rows.mask.tolist() == [[True, True], [True, False]]


def test_the_released_configuration_has_its_parameters_without_being_allocated():
    text = {
        "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28, "num_hidden_layers": 28,
        "num_key_value_heads": 4, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "vocab_size": 152064,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "torch_dtype": "bfloat16",
    }  # fmt: skip
    vision = {
        "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "in_chans": 3,
        "out_hidden_size": 3584, "fullatt_block_indexes": [7, 15, 23, 31],
    }  # fmt: skip
    model = build_encoder_model({**text, "vision_config": vision, "model_type": "qwen2_5_vl"}, "meta")
    head = 152064 * 3584
    assert sum(weight.numel() for weight in model.parameters()) + head == 8_292_166_656
    assert model.language_model.rotary_emb.mrope_section == [16, 24, 24]
