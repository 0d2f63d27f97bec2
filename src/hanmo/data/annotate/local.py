"""Qwen2.5-VL of the transformers library on this machine: a model that sees, without any endpoint.

The network and its generation are transformers'; the picture is prepared as for the condition encoder
(`model.picture`), so no further package is needed. Code inside a checkpoint is not run. It knows no prompt.

Letters: L tokens of the conversation.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from hanmo.data.annotate.picture import Shown
from hanmo.errors import RequestError, WeightsError
from hanmo.model.picture import PictureConfig, patches
from hanmo.model.qwen_vl import PatchEmbed
from hanmo.model.tokens import IMAGE_PAD, PICTURE
from hanmo.pipeline.chat import ChatError, Message, Reply
from hanmo.pipeline.local_chat import PATTERNS, generate_reply
from hanmo.weights.fill import parse_device
from hanmo.weights.hub import resolve

MAX_TOKENS = 2048
"""Of an answer."""


class LocalVision:
    """A model in memory; the same conversation about the same picture has the same answer. It answers one at a time.

    Args:
        model: folder, or id on the hub, of a Qwen2.5-VL.
        device: where it runs.
        dtype: of its weights; "auto" takes the checkpoint's.

    Raises:
        WeightsError: it cannot be loaded, is another model, or its tokenizer has no chat template.
    """

    def __init__(self, model: str, device: str = "cpu", dtype: str = "auto") -> None:
        place = parse_device(device)
        folder = resolve(model, patterns=PATTERNS)
        try:
            kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
            if kind != "qwen2_5_vl":
                raise WeightsError(f"{model} is a {kind}, not a qwen2_5_vl: give a Qwen2.5-VL, or use an endpoint")
            self._config = _picture_config(folder)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            loaded: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=dtype)
        except WeightsError:
            raise
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise WeightsError(
                f"the model {model} cannot be loaded ({' '.join(str(error).split())[:160]}): give a folder or id of a "
                "Qwen2.5-VL"
            ) from None
        if not self._tokenizer.chat_template:
            raise WeightsError(f"the tokenizer of {model} has no chat template: give a model that is made for chat")
        visual = loaded.model.visual
        visual.patch_embed = PatchEmbed(visual.patch_embed.proj)  # a still picture: one frame stands for both
        self._model = loaded.to(place).eval()
        self._image = self._tokenizer.get_vocab()[IMAGE_PAD]
        self._turn = threading.Lock()
        self.name = model

    def ask(self, shown: Shown, messages: Sequence[Message], seconds: float) -> Reply:
        """See `Vision`; greedy, and stopped after `seconds`, which begin with its turn."""
        return self.answer([shown.image], messages, seconds)

    def answer(
        self,
        images: Sequence[Image.Image],
        messages: Sequence[Message],
        seconds: float,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """The answer to a conversation about any number of pictures, which stand at the head of its first question.

        Args:
            images: in the order in which the model sees them; may be none.
            messages: contents are texts; roles system (at most the first), then user and assistant in turn.
            seconds: of its turn.
            temperature: of sampling; 0 takes the likeliest token.
            seed: of sampling.

        Raises:
            ChatError: there is no answer, or not in time.
        """
        try:
            cuts = [patches(image, self._config) for image in images]
        except RequestError as error:
            raise ChatError(str(error), again=False) from None
        ids = self._ids(messages, [cut.tokens(self._config.merge_size) for cut in cuts])
        inputs = {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": (ids == self._image).int(),
        }
        if cuts:
            inputs["pixel_values"] = torch.cat([cut.pixels for cut in cuts])
            inputs["image_grid_thw"] = torch.tensor([(1, *cut.grid) for cut in cuts])
        with self._turn:
            return generate_reply(self._model, self._tokenizer, inputs, seconds, MAX_TOKENS, temperature, seed)

    def _ids(self, messages: Sequence[Message], places: Sequence[int]) -> Int[Tensor, "1 L"]:
        """The templated conversation, with as many image tokens as each picture takes."""
        said = [dict(message) for message in messages]
        first = next(message for message in said if message["role"] == "user")
        first["content"] = PICTURE * len(places) + first["content"]
        text = self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        found: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if found.count(self._image) != len(places):
            raise ChatError("the conversation holds control tokens", again=False)
        left = iter(places)
        full = [token for one in found for token in ([one] * next(left) if one == self._image else [one])]
        return torch.tensor([full])


def _picture_config(folder: Path) -> PictureConfig:
    """The checkpoint's own settings; the released ones when it has none."""
    path = folder / "preprocessor_config.json"
    return PictureConfig.from_dict(json.loads(path.read_text("utf-8"))) if path.is_file() else PictureConfig()
