"""Qwen2.5-VL on this machine: a tiny random one, and the same taught to name the colour that it sees.

It is taught through transformers' own forward, with both frames of each patch, and asked through ours.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from annotations import file_of, items
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from hanmo.data.annotate.budget import Budget, BudgetConfig
from hanmo.data.annotate.local import LocalVision
from hanmo.data.annotate.one import AskConfig, annotate
from hanmo.data.annotate.picture import PictureLimits, Shown, show
from hanmo.data.annotate.vision import Vision
from hanmo.errors import WeightsError
from hanmo.model.picture import PictureConfig, patches
from hanmo.model.tokens import IMAGE_PAD, PICTURE
from hanmo.pipeline.chat import ChatError, Message
from hanmo.train.tiny_encoder import TinyEncoderConfig, tiny_encoder_config
from hanmo.train.tiny_tokenizer import build_tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ASKED: list[Message] = [{"role": "user", "content": "which color?"}]
SIZES = TinyEncoderConfig(
    hidden=64, layers=1, heads=2, kv_heads=1, intermediate=128,
    vision_hidden=32, vision_layers=1, vision_heads=2, vision_intermediate=64,
)  # fmt: skip


def shown(color: str) -> Shown:
    found = show(file_of(color, (56, 84)), PictureLimits())
    assert isinstance(found, Shown)
    return found


def save(folder: Path, template: str | None = TEMPLATE, taught: dict[str, str] | None = None) -> Path:
    """A checkpoint; a taught one has learned what to say about pictures of each colour."""
    ids = build_tokenizer(folder, "红", ["red", "color"])
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(tiny_encoder_config(ids, SIZES))
    tiny.randomise(model, 0)
    rows = [_lesson(tokenizer, color, said) for color, said in (taught or {}).items()]
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(40):
        for inputs in rows:
            optimizer.zero_grad()
            model(**inputs).loss.backward()
            optimizer.step()
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def _lesson(tokenizer: Qwen2Tokenizer, color: str, said: str) -> dict[str, torch.Tensor]:
    cut = patches(shown(color).image, PictureConfig())
    text = TEMPLATE_START.replace(PICTURE, PICTURE.replace(IMAGE_PAD, IMAGE_PAD * cut.tokens()))
    start = tokenizer(text)["input_ids"]
    told = [*tokenizer(said)["input_ids"], tokenizer.convert_tokens_to_ids("<|im_end|>")]
    ids = torch.tensor([start + told])
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.tensor([[-100] * len(start) + told]),
        "mm_token_type_ids": (ids == tokenizer.convert_tokens_to_ids(IMAGE_PAD)).int(),
        "pixel_values": cut.pixels.unflatten(1, (3, 1, 196)).repeat(1, 1, 2, 1).flatten(1),
        "image_grid_thw": torch.tensor([(1, *cut.grid)]),
    }


TEMPLATE_START = f"<|im_start|>user\n{PICTURE}which color?<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("random"))


def test_a_model_says_what_it_sees_and_what_that_cost(tmp_path: Path) -> None:
    vision = LocalVision(str(save(tmp_path, taught={"red": "a red 红", "blue": "blue"})))
    assert isinstance(vision, Vision)
    for color, said in (("red", "a red 红"), ("blue", "blue"), ("red", "a red 红")):
        reply = vision.ask(shown(color), ASKED, 30.0)
        assert reply.text == said
        lesson = _lesson(Qwen2Tokenizer.from_pretrained(tmp_path), color, said)
        assert reply.tokens == lesson["input_ids"].shape[1]


def test_a_random_model_is_never_believed_and_ends_in_time(random: Path) -> None:
    config = AskConfig(tries=2, timeout=0.3, pause=0.0)
    found = annotate(items("red")[0], LocalVision(str(random)), config, Budget(BudgetConfig()))
    assert found is not None
    assert found.status in ("silent", "refused")
    assert found.fault is not None


def test_control_tokens_in_the_conversation_and_thin_pictures_are_no_crash(random: Path) -> None:
    vision = LocalVision(str(random))
    said: list[Message] = [*ASKED, {"role": "assistant", "content": IMAGE_PAD}, {"role": "user", "content": "again"}]
    with pytest.raises(ChatError, match="control tokens") as caught:
        vision.ask(shown("red"), said, 1.0)
    assert not caught.value.again
    thin = replace(shown("red"), image=shown("red").image.resize((1, 300)))
    with pytest.raises(ChatError, match="too thin"):
        vision.ask(thin, ASKED, 1.0)


def test_what_is_no_qwen_vl_for_chat_is_refused_in_one_line(tmp_path: Path, random: Path) -> None:
    with pytest.raises(WeightsError, match="no chat template"):
        LocalVision(str(save(tmp_path / "plain", template=None)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="cannot be loaded") as caught:
        LocalVision(str(tmp_path / "empty"))
    assert "\n" not in str(caught.value)
    (tmp_path / "empty" / "config.json").write_text('{"model_type": "llava"}', encoding="utf-8")
    with pytest.raises(WeightsError, match="is a llava, not a qwen2_5_vl"):
        LocalVision(str(tmp_path / "empty"))
    with pytest.raises(WeightsError, match="abacus"):
        LocalVision(str(random), "abacus")
