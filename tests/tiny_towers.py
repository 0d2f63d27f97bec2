"""Random networks that see, saved as the published ones are: of two towers, of vision alone, a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    BitImageProcessorPil,
    ChineseCLIPConfig,
    ChineseCLIPImageProcessorPil,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Dinov2Config,
    Dinov2Model,
    GemmaTokenizer,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    Mask2FormerImageProcessorPil,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    SwinConfig,
)

SIDE = 16
_VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 8,
}
_TEXT = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
_LETTERS = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,"


def save_siglip(folder: Path, seed: int = 0) -> Path:
    """As SigLIP 2 is published: a SiglipModel with the tokenizer of Gemma, which leaves capitals as they are."""
    torch.manual_seed(seed)
    text = {**_TEXT, "vocab_size": _save_gemma(folder), "max_position_embeddings": 12, "projection_size": 16}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=_VISION))
    model.save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}, resample=2).save_pretrained(folder)
    return folder


def save_siglip2(folder: Path, seed: int = 0) -> Path:
    """SigLIP 2 for any aspect (NaFlex): a picture is eight patches at most."""
    torch.manual_seed(seed)
    text = {**_TEXT, "vocab_size": _save_gemma(folder), "max_position_embeddings": 12, "projection_size": 16}
    vision = {name: value for name, value in _VISION.items() if name != "image_size"}
    Siglip2Model(Siglip2Config(text_config=text, vision_config={**vision, "num_patches": 16})).save_pretrained(folder)
    Siglip2ImageProcessorPil(patch_size=8, max_num_patches=8).save_pretrained(folder)
    return folder


def _save_gemma(folder: Path) -> int:
    """A tokenizer of letters; return how many tokens it has."""
    letters = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *_LETTERS)
    tokenizer = GemmaTokenizer(vocab={letter: place for place, letter in enumerate(letters)}, merges=[])
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def save_chinese_clip(folder: Path, characters: str = "一二三红猫狗的车在雪地里", seed: int = 0) -> Path:
    """As Chinese-CLIP is published: with a vocabulary and without another file of the tokenizer."""
    torch.manual_seed(seed)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    text = {**_TEXT, "vocab_size": len(words), "max_position_embeddings": 40, "pad_token_id": 0}
    config = ChineseCLIPConfig(text_config=text, vision_config=_VISION, projection_dim=16)
    ChineseCLIPModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    processor = ChineseCLIPImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, crop_size={"height": SIDE, "width": SIDE}
    )
    processor.save_pretrained(folder)
    return folder


def save_clip(folder: Path, seed: int = 0) -> Path:
    """As OpenAI's CLIP is published: a tokenizer of letters, of which the last in a word carries a mark."""
    torch.manual_seed(seed)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,"
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={word: place for place, word in enumerate(words)}, merges=[])
    tokenizer.save_pretrained(folder)
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**_TEXT, "vocab_size": len(words), "max_position_embeddings": 12, **ends}
    CLIPModel(CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=16)).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size).save_pretrained(folder)
    return folder


def save_projected_vision(folder: Path, seed: int = 0) -> Path:
    """CLIP's vision tower with its projection, as a style network such as CSD would be saved."""
    torch.manual_seed(seed)
    CLIPVisionModelWithProjection(CLIPVisionConfig(**_VISION, projection_dim=6)).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size).save_pretrained(folder)
    return folder


def save_dinov2(folder: Path, seed: int = 0) -> Path:
    """As DINOv2 is published."""
    torch.manual_seed(seed)
    vision = {name: value for name, value in _VISION.items() if name != "intermediate_size"}
    Dinov2Model(Dinov2Config(**vision)).save_pretrained(folder)
    size, mean, scale = {"height": SIDE, "width": SIDE}, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    prepare = BitImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size, image_mean=mean, image_std=scale)
    prepare.save_pretrained(folder)
    return folder


def save_mask2former(folder: Path, names: dict[int, str], seed: int = 0, size: int = 384) -> Path:
    """As the detector is published, at toy size: six queries, random weights that draw something."""
    torch.manual_seed(seed)
    stages = ["stage1", "stage2", "stage3", "stage4"]
    swin = SwinConfig(embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=4, out_features=stages)
    config = Mask2FormerConfig(
        backbone_config=swin.to_dict(),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=16,
        dim_feedforward=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        num_queries=6,
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )
    model = Mask2FormerForUniversalSegmentation(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn(weight.shape))
    model.save_pretrained(folder)
    Mask2FormerImageProcessorPil(size={"height": size, "width": size}).save_pretrained(folder)
    return folder
