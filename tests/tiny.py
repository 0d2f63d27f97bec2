"""A random checkpoint of the published layout at toy size, written by diffusers and transformers.

Every test that needs a checkpoint but no picture worth looking at takes one from here. It knows nothing of
our loaders: that they read what these classes write is what the tests show.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AutoencoderKLQwenImage,
    FlowMatchEulerDiscreteScheduler,
    QwenImageControlNetModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
)
from PIL import Image
from torch import nn
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

from hanmo.flow import ScheduleConfig
from hanmo.model.picture import PictureConfig
from hanmo.train.tiny_encoder import TinyEncoderConfig, tiny_encoder_config
from hanmo.train.tiny_tokenizer import build_tokenizer
from hanmo.weights.preferences import Preferences, write_preferences

SIZES = TinyEncoderConfig(
    hidden=64,
    layers=2,
    heads=4,
    kv_heads=2,
    intermediate=128,
    vision_hidden=32,
    vision_layers=2,
    vision_heads=2,
    vision_intermediate=64,
)
PREFERENCES = Preferences(
    default_size=(96, 64),
    edit_area=96 * 64,
    vlm_area=96 * 64,
    edit_plus_vlm_area=56 * 56,
    steps=3,
    max_text=40,
    smallest=16,
    largest=512,
)


def randomise(model: nn.Module, seed: int) -> None:
    """Weights of about unit gain, and gains and biases that are not their neutral values."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim < 2:
                weight.add_(0.1 * noise)
            elif max(weight.shape[1:]) > 1:
                weight.copy_(noise / weight[0].numel() ** 0.5)


def components(tokenizer: Path, seed: int = 0, zero_cond_t: bool = False) -> QwenImagePipeline:
    """The independent implementation, with random weights; `tokenizer` is a folder to write to."""
    ids = build_tokenizer(tokenizer, "你好一张红色的卡片写着", ["red", "card", "text"])
    encoder = Qwen2_5_VLForConditionalGeneration(tiny_encoder_config(ids, SIZES))
    transformer = QwenImageTransformer2DModel(
        num_layers=2,
        attention_head_dim=32,
        num_attention_heads=2,
        joint_attention_dim=SIZES.hidden,
        axes_dims_rope=(8, 12, 12),
        zero_cond_t=zero_cond_t,
    )
    vae = AutoencoderKLQwenImage(base_dim=8, num_res_blocks=1)
    for number, model in enumerate((encoder, transformer, vae)):
        randomise(model.eval(), seed + number)
    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler.from_config(ScheduleConfig().to_dict()),
        vae=vae,
        text_encoder=encoder,
        tokenizer=Qwen2Tokenizer.from_pretrained(tokenizer),
        transformer=transformer,
    )


def save_checkpoint(folder: Path, seed: int = 0, preferences: Preferences | None = PREFERENCES) -> QwenImagePipeline:
    """Write a checkpoint to `folder` (made when missing) and return the pipeline that wrote it.

    Args:
        folder: of the published layout afterwards, float32, each component in one file.
        seed: of the weights.
        preferences: content of `hanmo.json`; None writes none.
    """
    pipeline = components(folder / "tokenizer", seed)
    pipeline.save_pretrained(folder)
    (folder / "processor").mkdir(exist_ok=True)
    processor = json.dumps(PictureConfig().to_dict(), indent=1)
    (folder / "processor" / "preprocessor_config.json").write_text(processor, encoding="utf-8")
    if preferences is not None:
        write_preferences(folder, preferences)
    return pipeline


def controlnet(folder: Path, seed: int = 0, masked: bool = False, layers: int = 2) -> QwenImageControlNetModel:
    """Write a ControlNet that fits `save_checkpoint`'s transformer to `folder`, and return it.

    Args:
        folder: config.json and one safetensors file afterwards.
        seed: of the weights.
        masked: of the Inpainting kind.
        layers: its blocks.
    """
    net = QwenImageControlNetModel(
        num_layers=layers,
        attention_head_dim=32,
        num_attention_heads=2,
        joint_attention_dim=SIZES.hidden,
        axes_dims_rope=(8, 12, 12),
        extra_condition_channels=4 if masked else 0,
    ).eval()
    randomise(net, seed)
    net.save_pretrained(folder)
    return net


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth random picture."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
