from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from transformers import Qwen2_5_VLForConditionalGeneration

from hanmo.errors import ConfigError
from hanmo.model.encoder import checkpoint_name
from hanmo.train.tiny_encoder import TinyEncoderConfig, tiny_encoder, tiny_encoder_config
from hanmo.train.tiny_tokenizer import build_tokenizer

SMALL = TinyEncoderConfig(
    hidden=64, layers=2, intermediate=96, vision_hidden=32, vision_layers=2, vision_intermediate=48
)


@pytest.fixture
def config(tmp_path):
    return tiny_encoder_config(build_tokenizer(tmp_path, "你好", ["red"]), SMALL)


def test_a_seed_decides_the_weights(config):
    one, same, other = (tiny_encoder(config, seed) for seed in (1, 1, 2))
    for (name, a), b, c in zip(one.named_parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.ndim < 2 or not torch.equal(a, c), name
    assert one.training


def test_the_config_comes_back_from_its_file(config, tmp_path):
    config.save_pretrained(tmp_path)
    again = type(config).from_pretrained(tmp_path)
    assert again.text_config.to_dict() == config.text_config.to_dict()
    assert again.vision_config.to_dict() == config.vision_config.to_dict()
    assert again.image_token_id == config.image_token_id


def test_transformers_loads_the_weights_under_the_names_of_a_checkpoint(config, tmp_path):
    model = tiny_encoder(config, 3)
    whole = Qwen2_5_VLForConditionalGeneration(config)
    whole.model.load_state_dict(model.state_dict())
    whole.save_pretrained(tmp_path)
    again = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    for name, weight in model.named_parameters():
        assert torch.equal(again.model.get_parameter(name), weight), name
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        keys = set(file.keys())
    assert keys == {checkpoint_name(name) for name, _ in model.named_parameters()} | {"lm_head.weight"}


def test_widths_that_do_not_divide_are_refused():
    with pytest.raises(ConfigError, match="multiple"):
        tiny_encoder_config({"<|endoftext|>": 0}, TinyEncoderConfig(hidden=250))
