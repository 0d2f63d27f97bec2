"""The condition encoder on one short prompt, against diffusers' pipeline, same random weights, fp32.

A scaled-down Qwen2.5-VL: 8 layers 512 wide, a vocabulary whose language head costs the same share of the work
as in the 7B model (7.7 %). Hanmo has no language head and keeps the keys and values of the template's system
part between calls; the row "nothing kept" is the first prompt of a process.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from diffusers import QwenImagePipeline
from transformers import (
    PreTrainedTokenizerBase,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
)

from benchmarks.compare import Row, compare, relative, show
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.qwen_vl import build_encoder_model
from hanmo.train.tiny_tokenizer import build_tokenizer

TARGET = 1.4
PROMPT = "a coffee shop entrance with a chalkboard sign beside the door and a neon light above it"


def tokenizer_for(prompt: str, folder: Path) -> PreTrainedTokenizerBase:
    """A tokenizer that splits the template into 34 tokens and the prompt into words."""
    build_tokenizer(folder, "", sorted({word for word in prompt.split() if len(word) > 1}))
    tokenizer: PreTrainedTokenizerBase = Qwen2Tokenizer.from_pretrained(folder)
    return tokenizer


def config_of(tokenizer: PreTrainedTokenizerBase, layers: int, width: int, vocabulary: int) -> Qwen2_5_VLConfig:
    """Qwen2.5-VL with the released proportions, except for a vision tower that this benchmark never runs."""
    ids = tokenizer.get_vocab()
    return Qwen2_5_VLConfig(
        text_config={
            "hidden_size": width,
            "intermediate_size": int(width * 5.28) // 16 * 16,
            "num_hidden_layers": layers,
            "num_attention_heads": width // 128,
            "num_key_value_heads": 1,
            "vocab_size": max(vocabulary, len(tokenizer)),
            "max_position_embeddings": 4096,
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        vision_config={
            "depth": 1,
            "hidden_size": 64,
            "num_heads": 2,
            "intermediate_size": 64,
            "out_hidden_size": width,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


@torch.no_grad()
def measure(runs: int = 15, layers: int = 8, width: int = 512, vocabulary: int = 6272) -> list[Row]:
    """Two rows: the system part kept from an earlier call, and nothing kept."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tokenizer_for(PROMPT, Path(folder))
    config = config_of(tokenizer, layers, width, vocabulary)
    torch.manual_seed(0)
    reference = Qwen2_5_VLForConditionalGeneration._from_config(config, dtype=torch.float32).eval()
    network = build_encoder_model(config.to_dict(), "meta")
    network.load_state_dict(reference.model.state_dict(), strict=True, assign=True)
    ours = ConditionEncoder(network, tokenizer)
    pipeline = QwenImagePipeline(
        scheduler=None, vae=None, text_encoder=reference, tokenizer=tokenizer, transformer=None
    )

    def theirs() -> torch.Tensor:
        states: torch.Tensor = pipeline.encode_prompt(PROMPT, device=torch.device("cpu"))[0]
        return states

    unused = [ConditionEncoder(network, tokenizer) for _ in range(runs + 2)]

    def fresh() -> torch.Tensor:
        return unused.pop().encode([PROMPT]).states

    difference = relative(ours.encode([PROMPT]).states, theirs())
    name = f"text encode, {layers} layers {width} wide, 34+{len(ours.text_ids(PROMPT))} tokens"
    return [
        compare(name, lambda: ours.encode([PROMPT]), theirs, runs, TARGET, difference),
        compare(f"{name}, nothing kept", fresh, theirs, runs, None, relative(fresh(), theirs())),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show(measure(options.runs))


if __name__ == "__main__":
    main()
