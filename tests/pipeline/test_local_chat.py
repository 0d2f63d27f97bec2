"""A language model of transformers on this machine: a tiny random Qwen2, and the same taught one answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from hanmo.errors import RequestError, WeightsError
from hanmo.pipeline.chat import Chat, ChatError, Endpoint
from hanmo.pipeline.instructions import instruction
from hanmo.pipeline.local_chat import GumbelNoise, LocalChat, open_chat
from hanmo.pipeline.rewrite import RewriteConfig, rewrite
from hanmo.train.tiny_tokenizer import build_tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PROMPT = 'a card "HI"'
BETTER = 'a red card with "HI" on it'


def save(folder: Path, template: str | None = TEMPLATE, taught: bool = False) -> Path:
    """A checkpoint; a taught one has learned one conversation by heart."""
    build_tokenizer(folder, "你好", ["red", "card"])
    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    torch.manual_seed(0)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, eos_token_id=end, bos_token_id=None, max_position_embeddings=4096,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    if taught:
        asked = [{"role": "system", "content": instruction("generate", "en")}, {"role": "user", "content": PROMPT}]
        start = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
        answer = [*tokenizer(BETTER)["input_ids"], end]
        ids = torch.tensor([start + answer])
        labels = torch.tensor([[-100] * len(start) + answer])
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
        for _ in range(60):
            optimizer.zero_grad()
            model(input_ids=ids, labels=labels).loss.backward()
            optimizer.step()
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("random"))


def test_a_model_that_has_learned_the_answer_gives_it(tmp_path: Path) -> None:
    chat = LocalChat(str(save(tmp_path / "taught", taught=True)))
    found = rewrite(PROMPT, "generate", chat)
    assert (found.prompt, found.kept) == (BETTER, None)
    assert rewrite(PROMPT, "generate", chat) == found


def test_a_random_model_leaves_the_original_and_ends_in_time(random: Path) -> None:
    chat = open_chat(RewriteConfig(str(random)))
    assert isinstance(chat, LocalChat)
    assert isinstance(chat, Chat)
    found = rewrite(PROMPT, "generate", chat, timeout=1.0)
    assert (found.prompt, found.model) == (PROMPT, str(random))
    assert found.kept is not None


def test_an_answer_without_an_end_is_none(random: Path) -> None:
    with pytest.raises(ChatError, match="did not end within"):
        LocalChat(str(random))([{"role": "user", "content": "a"}], 1e-6)


def test_a_url_means_an_endpoint() -> None:
    assert isinstance(open_chat(RewriteConfig("m", "http://host/v1")), Endpoint)


def test_what_is_no_chat_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no chat template"):
        LocalChat(str(save(tmp_path / "plain", template=None)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="cannot be loaded") as caught:
        LocalChat(str(tmp_path / "empty"))
    assert "\n" not in str(caught.value)
    with pytest.raises(RequestError):
        LocalChat("no/such/folder/at-all")
    with pytest.raises(RequestError, match="abacus"):
        LocalChat(str(tmp_path / "plain"), "abacus")


def test_noise_draws_each_token_as_often_as_the_softmax_says_and_the_same_for_the_same_seed() -> None:
    likely = torch.tensor([[0.1, 0.3, 0.6]])
    scores = likely.log() * 2.0  # a temperature of 2 undoes the factor
    ids = torch.zeros(1, 1, dtype=torch.int64)
    draws = [GumbelNoise(2.0, seed) for seed in (5, 5, 6)]
    drawn = [[int(noise(ids, scores).argmax()) for _ in range(3000)] for noise in draws]
    assert drawn[0] == drawn[1] != drawn[2]
    shares = torch.bincount(torch.tensor(drawn[0])) / 3000
    assert torch.allclose(shares, likely[0], atol=0.04)
