"""The bundled model's condition encoder before training: Qwen2.5-VL, small (report, section 2.2).

The published classes at a size that learns on a CPU. The encoder is trained together with the transformer,
so it starts from small random weights. This file does not know how it is trained, and reads no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel

from hanmo.errors import ConfigError
from hanmo.model.encoder import build_encoder_model
from hanmo.model.tokens import END, IMAGE_PAD, PAD, VIDEO_PAD, VISION_END, VISION_START


@dataclass(frozen=True)
class TinyEncoderConfig:
    """Sizes of the small encoder. `hidden` is what the transformer's `joint_attention_dim` must be."""

    hidden: int = 256
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    intermediate: int = 704
    vision_hidden: int = 64
    vision_layers: int = 2
    vision_heads: int = 2
    vision_intermediate: int = 176
    rope_theta: float = 10_000.0


def tiny_encoder_config(ids: Mapping[str, int], sizes: TinyEncoderConfig | None = None) -> Qwen2_5_VLConfig:
    """The `text_encoder/config.json` of a small encoder.

    Args:
        ids: every token's id, as `build_tokenizer` returns them.
        sizes: widths and depths; none means the defaults.

    Returns:
        A config whose vocabulary is rounded up to a multiple of 64.

    Raises:
        ConfigError: the widths do not divide into heads with an even number of rotary pairs.
    """
    sizes = sizes or TinyEncoderConfig()
    if sizes.hidden % sizes.heads or sizes.heads % sizes.kv_heads:
        raise ConfigError(
            f"hidden {sizes.hidden}, heads {sizes.heads}, kv_heads {sizes.kv_heads}: "
            "each must be a multiple of the next"
        )
    if sizes.vision_hidden % (4 * sizes.vision_heads) or (sizes.hidden // sizes.heads) % 16:
        raise ConfigError("head widths must be multiples of 16 (text) and 4 (vision)")
    pairs = sizes.hidden // sizes.heads // 2
    frame = pairs // 4
    rows = (pairs - frame) // 2
    text = {
        "vocab_size": -(-(max(ids.values()) + 1) // 64) * 64,
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.intermediate,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.kv_heads,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "use_sliding_window": False,
        "bos_token_id": ids[PAD],
        "eos_token_id": ids[END],
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": sizes.rope_theta,
            "mrope_section": [frame, rows, pairs - frame - rows],
        },
    }
    vision = {
        "depth": sizes.vision_layers,
        "hidden_size": sizes.vision_hidden,
        "intermediate_size": sizes.vision_intermediate,
        "num_heads": sizes.vision_heads,
        "out_hidden_size": sizes.hidden,
        "fullatt_block_indexes": [sizes.vision_layers - 1],
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids[IMAGE_PAD],
        video_token_id=ids[VIDEO_PAD],
        vision_start_token_id=ids[VISION_START],
        vision_end_token_id=ids[VISION_END],
        tie_word_embeddings=False,
        architectures=["Qwen2_5_VLForConditionalGeneration"],
    )


def tiny_encoder(config: Qwen2_5_VLConfig, seed: int, std: float = 0.02) -> Qwen2_5_VLModel:
    """A freshly initialised small encoder.

    Args:
        config: from `tiny_encoder_config`.
        seed: of the weights; the same seed gives the same weights.
        std: of the embedding; matrices get 1/sqrt(fan-in), those that write to the residual stream less.

    Returns:
        The model without a language head, float32, on the CPU, in training mode.
    """
    model = build_encoder_model(config.to_dict(), device="cpu")
    generator = torch.Generator().manual_seed(seed)
    depth = {"language_model": len(model.language_model.layers), "visual": len(model.visual.blocks)}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim < 2:
                weight.fill_(0.0 if name.endswith("bias") else 1.0)
                continue
            scale = weight[0].numel() ** -0.5
            if name.endswith("embed_tokens.weight"):
                scale = std
            elif name.endswith(("o_proj.weight", "down_proj.weight", "attn.proj.weight")):
                scale /= (2 * depth[name.split(".", 1)[0]]) ** 0.5
            weight.normal_(0.0, scale, generator=generator)
    model.train()
    return model
