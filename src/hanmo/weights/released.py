"""The published checkpoints by name: their configs, as far as `hanmo info` needs them without a download.

The transformer's and the VAE's are the defaults of `TransformerConfig` and `VAEConfig`; the text encoder is
Qwen2.5-VL-7B-Instruct (report section 2.2). This module knows no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hanmo.model.config import TransformerConfig, VAEConfig

QWEN25_VL_7B: Mapping[str, Any] = MappingProxyType(
    {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "model_type": "qwen2_5_vl",
        "image_token_id": 151655,
        "video_token_id": 151656,
        "vision_start_token_id": 151652,
        "vision_end_token_id": 151653,
        "tie_word_embeddings": False,
        "text_config": {
            "model_type": "qwen2_5_vl_text",
            "hidden_size": 3584,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "intermediate_size": 18944,
            "vocab_size": 152064,
            "hidden_act": "silu",
            "max_position_embeddings": 128000,
            "rms_norm_eps": 1e-6,
            "use_sliding_window": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        "vision_config": {
            "model_type": "qwen2_5_vl_vision",
            "depth": 32,
            "hidden_size": 1280,
            "num_heads": 16,
            "intermediate_size": 3420,
            "out_hidden_size": 3584,
            "hidden_act": "silu",
            "patch_size": 14,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [7, 15, 23, 31],
        },
    }
)
"""`text_encoder/config.json` of the published checkpoints, less what changes no shape."""


@dataclass(frozen=True)
class Released:
    """One published checkpoint, which stores bfloat16 throughout."""

    hub_id: str
    pipeline: str
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    vae: VAEConfig = field(default_factory=VAEConfig)
    dtype: str = "bfloat16"


RELEASED: Mapping[str, Released] = MappingProxyType(
    {
        "qwen-image": Released("Qwen/Qwen-Image", "QwenImagePipeline"),
        "qwen-image-edit": Released("Qwen/Qwen-Image-Edit", "QwenImageEditPipeline"),
        "qwen-image-edit-2509": Released("Qwen/Qwen-Image-Edit-2509", "QwenImageEditPlusPipeline"),
        "qwen-image-edit-2511": Released(
            "Qwen/Qwen-Image-Edit-2511", "QwenImageEditPlusPipeline", TransformerConfig(zero_cond_t=True)
        ),
    }
)
"""Names that `hanmo info` knows without a network."""
