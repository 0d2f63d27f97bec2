"""Qwen2.5-VL on this machine as a judge: a tiny random one against transformers' own generation in the same process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from PIL import Image
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer, Qwen2VLImageProcessorPil

from hanmo.errors import WeightsError
from hanmo.evaluate.judges.local_vlm import LocalVLM
from hanmo.evaluate.judges.protocols import VLM, Unjudged
from hanmo.model.tokens import IMAGE_PAD, PICTURE
from hanmo.train.tiny_encoder import tiny_encoder_config
from hanmo.train.tiny_tokenizer import build_tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PICTURES = [tiny.picture(84, 56, seed=1), tiny.picture(56, 112, seed=2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    ids = build_tokenizer(folder, "红", ["red", "color"])
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    model = Qwen2_5_VLForConditionalGeneration(tiny_encoder_config(ids, tiny.SIZES))
    tiny.randomise(model, 0)
    model.save_pretrained(folder)
    return folder


def end_with(folder: Path, ends: list[int]) -> None:
    """Make the model's answers end with these tokens."""
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"eos_token_id": ends}))


def theirs(folder: Path, images: list[Image.Image], words: str, system: str) -> list[int]:
    """The first tokens of transformers' own greedy answer, each frame of a still picture given twice."""
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    model: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder).eval()
    seen = Qwen2VLImageProcessorPil(size={"shortest_edge": 3136, "longest_edge": 12_845_056})(
        images=images, return_tensors="pt"
    )
    marks = "".join(PICTURE.replace(IMAGE_PAD, IMAGE_PAD * (int(grid.prod()) // 4)) for grid in seen["image_grid_thw"])
    said = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{marks}{words}<|im_end|>\n"
    ids = torch.tensor([tokenizer(said + "<|im_start|>assistant\n")["input_ids"]])
    kinds = (ids == tokenizer.convert_tokens_to_ids(IMAGE_PAD)).int()
    told = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": kinds, **seen}
    with torch.inference_mode():
        out = model.generate(**told, do_sample=False, max_new_tokens=12, eos_token_id=[len(tokenizer)], pad_token_id=0)
    return list(out[0, ids.shape[1] :].tolist())


def test_two_pictures_are_answered_as_transformers_does(folder: Path) -> None:
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    expected = theirs(folder, PICTURES, "which color?", "be red")
    assert len(set(expected)) > 1
    assert expected != theirs(folder, PICTURES[::-1], "which color?", "be red")
    end = next(token for token in reversed(expected) if token != expected[0])
    end_with(folder, [end])
    judge = LocalVLM(str(folder))
    assert isinstance(judge, VLM)
    said = judge.ask(PICTURES, "which color?", system="be red")
    kept = expected[: expected.index(end) + 1]
    assert said == tokenizer.decode(kept, skip_special_tokens=True)
    assert judge.ask(PICTURES, "which color?", system="be red") == said


def test_a_seed_draws_the_same_answer_again_and_another_seed_others(folder: Path) -> None:
    end_with(folder, list(range(len(Qwen2Tokenizer.from_pretrained(folder)))))  # one token is an answer
    judge = LocalVLM(str(folder))
    drawn = [judge.ask([], "color?", temperature=5.0, seed=seed) for seed in range(8)]
    assert drawn == [judge.ask([], "color?", temperature=5.0, seed=seed) for seed in range(8)]
    assert len(set(drawn)) > 2
    assert len({judge.ask([], "color?", seed=seed) for seed in range(3)}) == 1


def test_an_answer_that_does_not_end_in_time_is_unjudged(folder: Path) -> None:
    end_with(folder, [len(Qwen2Tokenizer.from_pretrained(folder)) + 5])
    with pytest.raises(Unjudged, match=r"did not end within 2048 tokens and 0\.2 s"):
        LocalVLM(str(folder), seconds=0.2).ask(PICTURES, "which color?")


def test_the_judge_is_checked_at_once_and_read_at_first_use(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    said = LocalVLM(str(folder)).describe()
    assert (said["kind"], said["name"]) == ("local VLM", str(folder))
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    torn = LocalVLM(str(tmp_path))
    assert torn.describe()["settings"]["weights"] != said["settings"]["weights"]
    with pytest.raises(WeightsError, match="cannot be loaded"):
        torn.ask([], "?")
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(WeightsError, match="is a llava; allowed here: qwen2_5_vl"):
        LocalVLM(str(tmp_path))
