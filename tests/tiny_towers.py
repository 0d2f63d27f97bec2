"""Random models of two towers, saved as the published ones are, for the tests of the image-text score."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    ChineseCLIPConfig,
    ChineseCLIPImageProcessorPil,
    ChineseCLIPModel,
    GemmaTokenizer,
    Siglip2Config,
    Siglip2ImageProcessorPil,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
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
