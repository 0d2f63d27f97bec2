"""The scores of two-tower models against a forward pass through plain transformers, with random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from procedural import pixels, scene
from tiny_towers import SIDE, save_chinese_clip, save_siglip, save_siglip2
from transformers import AutoTokenizer, BertTokenizer, ChineseCLIPModel, Siglip2Model, SiglipModel

from hanmo.data.filters.image_text import Towers, TowersConfig, towers
from hanmo.errors import ConfigError, WeightsError

PICTURE = pixels(scene(3, 40, 30))


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_chinese_clip(tmp_path_factory.mktemp("chinese"))


def by_hand(resample: Image.Resampling, mean: list[float], deviation: list[float]) -> torch.Tensor:
    small = np.asarray(Image.fromarray(PICTURE).resize((SIDE, SIDE), resample), dtype=np.float32)
    values = (small / 255 - np.float32(mean)) / np.float32(deviation)
    return torch.from_numpy(values.transpose(2, 0, 1)[None].astype(np.float32))


def test_siglip_scores_as_its_own_forward_pass_does(siglip: Path) -> None:
    texts = ["a red cat", "two dogs in the snow, one of them asleep"]
    ids = [AutoTokenizer.from_pretrained(siglip)(text)["input_ids"][:12] for text in texts]
    padded = torch.tensor([row + [0] * (12 - len(row)) for row in ids])
    model = SiglipModel.from_pretrained(siglip).eval()
    seen = by_hand(Image.Resampling.BILINEAR, [0.5] * 3, [0.5] * 3)
    with torch.no_grad():
        logits = model(input_ids=padded, pixel_values=seen).logits_per_text[:, 0]
        expected = ((logits - model.logit_bias) / model.logit_scale.exp()).tolist()
    assert Towers(TowersConfig(str(siglip))).cosines(PICTURE, texts) == pytest.approx(expected, abs=1e-5)
    assert expected[0] != pytest.approx(expected[1], abs=1e-4)


def test_siglip_2_of_any_aspect_scores_as_its_own_forward_pass_does(tmp_path: Path) -> None:
    folder = save_siglip2(tmp_path)
    wide = pixels(scene(4, 32, 16))
    model = Siglip2Model.from_pretrained(folder).eval()
    patches = (wide.astype(np.float32) / 255 - 0.5) / 0.5
    rows = patches.reshape(2, 8, 4, 8, 3).transpose(0, 2, 1, 3, 4).reshape(1, 8, 192)
    ids = AutoTokenizer.from_pretrained(folder)("a cat")["input_ids"]
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor([ids + [0] * (12 - len(ids))]),
            pixel_values=torch.from_numpy(rows.copy()),
            pixel_attention_mask=torch.ones(1, 8, dtype=torch.int64),
            spatial_shapes=torch.tensor([[2, 4]]),
        ).logits_per_text[0, 0]
        expected = float((logits - model.logit_bias) / model.logit_scale.exp())
    assert Towers(TowersConfig(str(folder))).cosines(wide, ["a cat"]) == pytest.approx([expected], abs=1e-5)


def test_chinese_clip_scores_as_its_own_forward_pass_does(chinese: Path) -> None:
    texts = ["一二三", "红猫的车在雪地里"]
    tokenizer = BertTokenizer(str(chinese / "vocab.txt"))
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    assert inputs["input_ids"][0].tolist() == [2, 5, 6, 7, 3, 0, 0, 0, 0, 0]
    model = ChineseCLIPModel.from_pretrained(chinese).eval()
    mean, deviation = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    with torch.no_grad():
        logits = model(**inputs, pixel_values=by_hand(Image.Resampling.BICUBIC, mean, deviation)).logits_per_text[:, 0]
        expected = (logits / model.logit_scale.exp()).tolist()
    assert Towers(TowersConfig(str(chinese))).cosines(PICTURE, texts) == pytest.approx(expected, abs=1e-5)
    assert expected[0] != pytest.approx(expected[1], abs=1e-4)


def test_siglip_reads_capitals_as_small_letters(siglip: Path) -> None:
    small, capital, other = Towers(TowersConfig(str(siglip))).cosines(PICTURE, ["a cat", "A CAT", "a car"])
    assert small == capital != other


@pytest.mark.parametrize("family", ["siglip", "chinese"])
def test_no_score_depends_on_the_other_texts(family: str, request: pytest.FixtureRequest) -> None:
    model = Towers(TowersConfig(str(request.getfixturevalue(family))))
    texts = ["猫", "a cat", "红狗在雪地里的车"]
    assert model.cosines(PICTURE, texts) == [model.cosines(PICTURE, [text])[0] for text in texts]


def test_what_lies_beyond_the_longest_text_is_not_read(siglip: Path, chinese: Path) -> None:
    long = Towers(TowersConfig(str(siglip))).cosines(PICTURE, ["abcdefghijklmnopq", "abcdefghijklmnopq" + "z" * 5000])
    assert long[0] == long[1]
    short = Towers(TowersConfig(str(chinese), tokens=4)).cosines(PICTURE, ["红猫", "红猫的车", "红狗"])
    assert short[0] == short[1] != short[2]


def test_a_model_is_loaded_once(siglip: Path) -> None:
    assert towers(TowersConfig(str(siglip))) is towers(TowersConfig(str(siglip)))


def test_weights_that_are_not_there_are_one_clear_line(tmp_path: Path, siglip: Path) -> None:
    with pytest.raises(WeightsError, match="has no config"):
        Towers(TowersConfig(str(tmp_path)))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(WeightsError, match="'bert'; known are siglip, siglip2, chinese_clip"):
        Towers(TowersConfig(str(tmp_path)))
    shutil.copytree(siglip, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="no safetensors, and pickles are not read"):
        Towers(TowersConfig(str(tmp_path)))
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        Towers(TowersConfig(str(tmp_path)))
    with pytest.raises(ConfigError, match="give a model"):
        TowersConfig("")
