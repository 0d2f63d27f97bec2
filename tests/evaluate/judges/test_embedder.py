"""Rows of random networks against transformers' own, with pictures prepared by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from procedural import scene
from tiny_towers import SIDE, save_chinese_clip, save_clip, save_dinov2, save_projected_vision, save_siglip
from transformers import AutoTokenizer, ChineseCLIPModel, CLIPModel, CLIPVisionModelWithProjection, Dinov2Model

from hanmo.errors import RequestError, WeightsError
from hanmo.evaluate.judges.embedder import TowersEmbedder, VisionEmbedder, open_embedder
from hanmo.evaluate.judges.protocols import Embedder

PICTURES = [scene(3, 24, 24), scene(4, 20, 20)]
CLIP_MEAN, CLIP_SCALE = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
IMAGENET_MEAN, IMAGENET_SCALE = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def by_hand(picture: Image.Image, mean: list[float], scale: list[float]) -> torch.Tensor:
    """A square picture resized, 0-1, normalised."""
    small = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    values = (small - np.float32(mean)) / np.float32(scale)
    return torch.from_numpy(values.transpose(2, 0, 1)[None].astype(np.float32))


def unit(rows: list[torch.Tensor]) -> np.ndarray:
    return F.normalize(torch.cat(rows), dim=-1).numpy()


@torch.no_grad()
def test_clip_rows_are_transformers_own(tmp_path: Path) -> None:
    judge = open_embedder(str(save_clip(tmp_path)))
    assert isinstance(judge, TowersEmbedder)
    assert isinstance(judge, Embedder)
    model, tokenizer = CLIPModel.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)
    seen = [model.get_image_features(by_hand(each, CLIP_MEAN, CLIP_SCALE)).pooler_output for each in PICTURES]
    np.testing.assert_allclose(judge.image(PICTURES), unit(seen), atol=1e-5)
    texts = ["a red cat", "Two"]
    read = [model.get_text_features(**tokenizer(text, return_tensors="pt")).pooler_output for text in texts]
    rows = judge.text(texts)
    np.testing.assert_allclose(rows, unit(read), atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3
    np.testing.assert_array_equal(judge.text(["abcdefghijkl"]), judge.text(["abcdefghijklmnop"]))


@torch.no_grad()
def test_chinese_clip_and_siglip_are_read_too(tmp_path: Path) -> None:
    chinese = open_embedder(str(save_chinese_clip(tmp_path / "chinese")))
    model = ChineseCLIPModel.from_pretrained(tmp_path / "chinese").eval()
    words = torch.tensor([[2, 8, 9, 10, 3]])  # [CLS] 红 猫 狗 [SEP]
    expected = model.get_text_features(input_ids=words, attention_mask=torch.ones_like(words)).pooler_output
    np.testing.assert_allclose(chinese.text(["红猫狗"]), unit([expected]), atol=1e-5)
    siglip = open_embedder(str(save_siglip(tmp_path / "siglip")))
    np.testing.assert_array_equal(siglip.text(["A CAT"]), siglip.text(["a cat"]))
    for judge in (chinese, siglip):
        np.testing.assert_allclose(np.linalg.norm(judge.image(PICTURES), axis=1), 1.0, atol=1e-5)


@torch.no_grad()
def test_a_vision_network_gives_the_row_that_it_is_made_for(tmp_path: Path) -> None:
    dino = open_embedder(str(save_dinov2(tmp_path / "dino")))
    model = Dinov2Model.from_pretrained(tmp_path / "dino").eval()
    seen = [model(by_hand(each, IMAGENET_MEAN, IMAGENET_SCALE)).last_hidden_state[:, 0] for each in PICTURES]
    np.testing.assert_allclose(dino.image(PICTURES), unit(seen), atol=1e-5)
    style = open_embedder(str(save_projected_vision(tmp_path / "style")))
    projected = CLIPVisionModelWithProjection.from_pretrained(tmp_path / "style").eval()
    seen = [projected(by_hand(each, CLIP_MEAN, CLIP_SCALE)).image_embeds for each in PICTURES]
    np.testing.assert_allclose(style.image(PICTURES), unit(seen), atol=1e-5)
    assert isinstance(dino, VisionEmbedder)
    assert (dino.describe()["settings"]["row"], style.describe()["settings"]["row"]) == ("cls", "projection")
    with pytest.raises(RequestError, match="reads no texts"):
        dino.text(["a"])


def test_no_row_depends_on_its_neighbours(tmp_path: Path) -> None:
    judge = open_embedder(str(save_clip(tmp_path)))
    np.testing.assert_array_equal(judge.image(PICTURES)[1:], judge.image(PICTURES[1:]))
    np.testing.assert_array_equal(judge.text(["a cat in the snow", "a"])[1:], judge.text(["a"]))
    assert judge.image([]).shape[0] == 0


def test_which_weights_judged_is_recorded(tmp_path: Path) -> None:
    first, second = save_clip(tmp_path / "a", seed=0), save_clip(tmp_path / "b", seed=1)
    said = [open_embedder(str(folder)).describe()["settings"]["weights"] for folder in (first, first, second)]
    assert said[0] == said[1] != said[2]
    snapshot = tmp_path / "snapshots" / "0123abcd"
    save_clip(snapshot)
    assert open_embedder(str(snapshot)).describe()["settings"]["weights"] == "commit 0123abcd"


def test_a_head_that_was_never_trained_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_projected_vision(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 'visual_projection.weight'"):
        VisionEmbedder(str(tmp_path)).image(PICTURES)


def test_a_folder_without_weights_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    save_clip(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="has no safetensors here"):
        open_embedder(str(tmp_path))
    with pytest.raises(WeightsError, match="not cached here"):
        open_embedder("openai/clip-vit-large-patch14@main")
