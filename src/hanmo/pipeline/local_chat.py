"""A language model of the transformers library on this machine, for rewriting without any endpoint.

Any checkpoint of a causal model whose tokenizer has a chat template; code inside a checkpoint is not run. It
knows nothing of prompts.

Letters: L tokens of the conversation, V tokens of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
)

from hanmo.errors import WeightsError
from hanmo.pipeline.chat import Chat, ChatError, Endpoint, Message, Reply
from hanmo.pipeline.rewrite import RewriteConfig
from hanmo.weights.fill import parse_device
from hanmo.weights.hub import resolve

PATTERNS = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")
"""Files of a repository that are fetched."""

MAX_TOKENS = 1024


class LocalChat:
    """A model in memory; the same conversation has the same answer.

    Args:
        model: folder, or id on the hub.
        device: where it runs.
        dtype: of its weights; "auto" takes the checkpoint's.

    Raises:
        WeightsError: it cannot be loaded, or its tokenizer has no chat template.
    """

    def __init__(self, model: str, device: str = "cpu", dtype: str = "auto") -> None:
        place = parse_device(device)
        folder = resolve(model, patterns=PATTERNS)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            loaded: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, trust_remote_code=False)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise WeightsError(
                f"the language model {model} cannot be loaded ({' '.join(str(error).split())[:160]}): give a folder "
                "or id of a causal model of the transformers library"
            ) from None
        if not self._tokenizer.chat_template:
            raise WeightsError(f"the tokenizer of {model} has no chat template: give a model that is made for chat")
        self._model = loaded.to(place).eval()
        self.name = model

    def __call__(self, messages: Sequence[Message], seconds: float) -> str:
        """See `Chat`; greedy, and stopped after `seconds`."""
        template = {"add_generation_prompt": True, "enable_thinking": False}
        inputs = self._tokenizer.apply_chat_template(
            [dict(message) for message in messages], return_tensors="pt", return_dict=True, **template
        )
        return generate_reply(self._model, self._tokenizer, inputs, seconds).text


class GumbelNoise(LogitsProcessor):
    """Sampling from an explicit generator: the likeliest token after Gumbel noise is a draw from the softmax.

    transformers' own sampling draws from the process's one global generator, which other threads share.

    Args:
        temperature: above 0.
        seed: the same seed draws the same answer.
    """

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids: Int[Tensor, "1 L"], scores: Float[Tensor, "1 V"]) -> Float[Tensor, "1 V"]:
        """Scores whose largest is the draw."""
        uniform = torch.rand(scores.shape, generator=self._generator, dtype=torch.float64).clamp_min(1e-300)
        drawn: Float[Tensor, "1 V"] = scores.double() / self._temperature - (-uniform.log()).log().to(scores.device)
        return drawn


@torch.inference_mode()
def generate_reply(
    model: Any,
    tokenizer: Any,
    inputs: Mapping[str, Tensor],
    seconds: float,
    max_tokens: int = MAX_TOKENS,
    temperature: float = 0.0,
    seed: int = 0,
) -> Reply:
    """What a model of the transformers library says next.

    Args:
        model: with `generate`.
        tokenizer: its own.
        inputs: what its forward takes, `input_ids` [1, L] among them, on any device.
        seconds: after which it is stopped.
        max_tokens: of the answer.
        temperature: of sampling; 0 takes the likeliest token.
        seed: of sampling.

    Raises:
        ChatError: the answer did not end by itself.
    """
    length = inputs["input_ids"].shape[1]
    ends = model.generation_config.eos_token_id
    ends = ends if ends is not None else tokenizer.eos_token_id
    settings = GenerationConfig(
        do_sample=False, max_new_tokens=max_tokens, max_time=seconds, eos_token_id=ends, pad_token_id=0
    )
    placed = {name: value.to(model.device) for name, value in inputs.items()}
    noise = LogitsProcessorList([GumbelNoise(temperature, seed)] if temperature > 0 else [])
    answer = model.generate(**placed, generation_config=settings, logits_processor=noise)[0, length:].tolist()
    if not answer or answer[-1] not in (ends if isinstance(ends, list) else [ends]):
        raise ChatError(f"the answer did not end within {max_tokens} tokens and {seconds:g} s", again=True)
    return Reply(str(tokenizer.decode(answer, skip_special_tokens=True)), length + len(answer))


def open_chat(config: RewriteConfig, device: str = "cpu") -> Chat:
    """The language model that is configured: an endpoint when there is a URL, else a local one.

    Raises:
        RequestError: a setting that cannot be, or a local model that cannot be loaded.
    """
    if config.url is not None:
        return Endpoint(config.url, config.model, config.key)
    return LocalChat(config.model, device)
