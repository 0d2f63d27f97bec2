"""The condition encoder against transformers' Qwen2.5-VL and diffusers' pipelines, on random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from hanmo.model.encoder import ConditionEncoder, build_encoder_model, checkpoint_name
from hanmo.model.picture import PictureConfig, patches
from hanmo.model.tokens import DROP, IMAGE_PAD
from hanmo.train.tiny_encoder import TinyEncoderConfig, tiny_encoder, tiny_encoder_config
from hanmo.train.tiny_tokenizer import build_tokenizer

SIZES = TinyEncoderConfig(hidden=96, layers=3, heads=3, kv_heads=1, intermediate=128, vision_hidden=32, vision_layers=3)
PROMPTS = ['a red card with the text "HELLO"', " ", "一张红色的卡片，写着“你好”"]


def painted(width: int, height: int, seed: int) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def furthest(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max() / b.abs().max())


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Our encoder and transformers' model with the same weights."""
    folder = tmp_path_factory.mktemp("tokenizer")
    config = tiny_encoder_config(build_tokenizer(folder, "你好一张红色的卡片写着", ["red", "card"]), SIZES)
    model = tiny_encoder(config, 5, std=1.0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 1:
                weight.add_(0.2 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(name))))
    theirs = Qwen2_5_VLForConditionalGeneration(config).eval()
    theirs.model.load_state_dict(model.state_dict())
    return ConditionEncoder(model.eval(), Qwen2Tokenizer.from_pretrained(folder)), theirs


@torch.no_grad()
def test_text_states_equal_those_of_diffusers(pair):
    pipelines = pytest.importorskip("diffusers.pipelines.qwenimage")
    ours, theirs = pair
    empty = {"vae": None, "transformer": None, "scheduler": None}
    pipe = pipelines.QwenImagePipeline(text_encoder=theirs, tokenizer=ours.tokenizer, **empty)
    states, mask = pipe._get_qwen_prompt_embeds(PROMPTS, torch.device("cpu"))
    got = ours.encode(PROMPTS)
    assert got.mask is not None
    assert torch.equal(got.mask, mask.bool())
    assert furthest(got.states, states) <= 1e-5


@torch.no_grad()
@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("edit", [(112, 56)]),
        ("edit", [(308, 196)]),
        ("edit_plus", [(140, 84)]),
        ("edit_plus", [(84, 196), (56, 56), (224, 112)]),
    ],
)
def test_states_with_pictures_equal_those_of_transformers_with_3d_positions(pair, kind, sizes):
    ours, theirs = pair
    shown = [painted(*size, seed) for seed, size in enumerate(sizes)]
    cut = [patches(picture, PictureConfig()) for picture in shown]
    frames = torch.cat([one.pixels.unflatten(1, (3, 1, 196)).repeat(1, 1, 2, 1).flatten(1) for one in cut])
    pad = ours.tokenizer.get_vocab()[IMAGE_PAD]
    batch = ours.encode(PROMPTS, [shown] * len(PROMPTS), kind)
    for number, prompt in enumerate(PROMPTS):
        left = [one.tokens() for one in cut]
        ids = []
        for token in ours.tokenize([prompt], kind, len(shown))[0]:
            ids += [pad] * left.pop(0) if token == pad else [token]
        tokens = torch.tensor([ids])
        states = theirs.model(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            mm_token_type_ids=(tokens == pad).int(),
            pixel_values=frames,
            image_grid_thw=torch.tensor([(1, *one.grid) for one in cut]),
        ).last_hidden_state[:, DROP[kind] :]
        assert furthest(ours.encode([prompt], [shown], kind).states, states) <= 1e-5
        assert furthest(batch.rows(number, number + 1).states, states) <= 1e-5


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "golden" / "tiny-qwen-image"
    config = json.loads((folder / "text_encoder" / "config.json").read_text("utf-8"))
    model = build_encoder_model(config)
    file = load_file(folder / "text_encoder" / "model.safetensors")
    weights = {name: file[checkpoint_name(name)].float() for name in model.state_dict()}
    model.load_state_dict(weights)
    settings = json.loads((folder / "processor" / "preprocessor_config.json").read_text("utf-8"))
    tokenizer = Qwen2Tokenizer.from_pretrained(folder / "tokenizer")
    encoder = ConditionEncoder(model, tokenizer, PictureConfig.from_dict(settings))
    arguments = json.loads((folder / "golden" / "golden.json").read_text("utf-8"))
    return encoder, folder / "golden", arguments


@torch.no_grad()
def test_every_hidden_state_equals_the_golden_one(golden):
    encoder, folder, _ = golden
    expected = load_file(folder / "text_encoder.safetensors")
    mask = expected["attention_mask"].bool()
    model = encoder.model.language_model
    states = model(input_ids=expected["input_ids"], attention_mask=expected["attention_mask"])
    assert furthest(states.last_hidden_state[mask], expected["last"][mask]) <= 1e-5
    rows = [ids[own].tolist() for ids, own in zip(expected["input_ids"], mask, strict=True)]
    got = encoder.encode_ids(rows)
    for number, row in enumerate(rows):
        own = expected["last"][number : number + 1, DROP["t2i"] : len(row)]
        assert furthest(got.rows(number, number + 1).states, own) <= 1e-5


@torch.no_grad()
def test_prompts_are_encoded_as_the_golden_pipeline_did(golden):
    encoder, folder, arguments = golden
    expected = load_file(folder / "t2i.safetensors")
    assert furthest(encoder.encode([arguments["prompt"]]).states, expected["prompt_embeds"]) <= 1e-5
    assert furthest(encoder.encode([arguments["negative"]]).states, expected["negative_embeds"]) <= 1e-5


def area(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """The size that the published pipelines show the encoder: of an area, sides multiples of 32."""
    width = (pixels * size[0] / size[1]) ** 0.5
    return round(width / 32) * 32, round(width * size[1] / size[0] / 32) * 32


@torch.no_grad()
@pytest.mark.parametrize(("case", "kind", "pixels"), [("edit", "edit", 1024**2), ("editplus", "edit_plus", 384**2)])
def test_edits_are_encoded_with_the_golden_3d_positions(golden, case, kind, pixels):
    encoder, folder, arguments = golden
    given = arguments["cases"][f"{case}_mrope3d"]["args"]
    expected = load_file(folder / f"{case}_mrope3d.safetensors")
    pictures = [Image.open(folder / name).convert("RGB") for name in given["images"]]
    shown = [one.resize(area(one.size, pixels), Image.Resampling.LANCZOS) for one in pictures]
    states = encoder.encode([given["prompt"]], [shown], kind).states
    assert states.shape[1] == given["prompt_embeds_len"]
    assert furthest(states[:, :16], expected["prompt_embeds_head"]) <= 1e-5
    assert furthest(states[:, -24:], expected["prompt_embeds_tail"]) <= 1e-5
