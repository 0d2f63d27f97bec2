"""A small model before its first step: tokenizer, condition encoder and transformer of the sizes in a recipe.

Three choices: gates, modulations and the output begin at zero (AdaLN-zero), so that every block begins as
the identity; the tokenizer's words are those of the training sentences, all else is spelled; and the
embeddings of drawable characters begin at the principal components of their bitmaps, so that what looks
alike lies near. The report starts from a pretrained Qwen2.5-VL, which needs none of this.

It does not know data, losses or runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, Qwen2_5_VLModel

from hanmo.data.synthesize.cards import glyph_bitmap
from hanmo.data.synthesize.characters import chinese_characters, vocabulary
from hanmo.data.synthesize.lexicon import prompt_characters, prompt_words
from hanmo.model.config import TransformerConfig
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.train.randomness import generator_for, number_for
from hanmo.train.recipe import NewTransformer
from hanmo.train.tiny_encoder import TinyEncoderConfig, tiny_encoder, tiny_encoder_config
from hanmo.train.tiny_tokenizer import SPLIT, build_tokenizer
from hanmo.weights.folder import load_tokenizer


def new_encoder(
    folder: Path, sizes: TinyEncoderConfig, glyphs: bool, seed: int, resume: bool = False
) -> ConditionEncoder:
    """A condition encoder with random weights and its tokenizer.

    Args:
        folder: where the tokenizer's files are written.
        sizes: widths and depths.
        glyphs: begin the embeddings of drawable characters at their bitmaps' principal components.
        seed: of the weights.
        resume: take the tokenizer that the run began with, whatever today's sentences are.
    """
    if not resume:
        build_tokenizer(folder, tokens_of_characters(), [word for word in prompt_words() if _whole(word)])
    tokenizer = load_tokenizer(folder)
    model = tiny_encoder(tiny_encoder_config(tokenizer.get_vocab(), sizes), number_for(seed, 1))
    if glyphs:
        set_glyph_embeddings(model, tokenizer)
    return ConditionEncoder(model, tokenizer)


def new_config(sizes: NewTransformer, condition: int) -> TransformerConfig:
    """The architecture of a new transformer for states of width `condition`."""
    return TransformerConfig(
        num_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        attention_head_dim=sizes.head_dim,
        axes_dims_rope=sizes.axes,
        joint_attention_dim=condition,
    )


def new_transformer(sizes: NewTransformer, condition: int, seed: int) -> MMDiT:
    """A transformer for states of width `condition`: random weights, and zeros as AdaLN-zero has them."""
    model = MMDiT(new_config(sizes, condition))
    with torch.no_grad():
        for weight, values in zip(model.parameters(), new_weights(model, seed), strict=True):
            weight.copy_(values)
    return model.train()


def new_weights(model: MMDiT, seed: int) -> Iterator[Tensor]:
    """First values for each parameter of a transformer, one at a time; the model itself may be on the meta device."""
    generator = generator_for(seed, 2)
    for name, weight in model.named_parameters():
        values = torch.empty(weight.shape)
        if weight.ndim < 2:
            yield values.fill_(0.0 if name.endswith("bias") else 1.0)
        elif "_mod." in name or name.startswith(("norm_out", "proj_out")):
            yield values.zero_()
        elif name.startswith("time_text_embed"):
            yield values.normal_(0.0, 0.02, generator=generator)
        else:
            yield values.normal_(0.0, weight.shape[1] ** -0.5, generator=generator)


def tokens_of_characters() -> list[str]:
    """The drawable Chinese characters, then the others of all training sentences."""
    drawable = list(chinese_characters())
    return drawable + [char for char in prompt_characters() if char not in set(drawable)]


def _whole(word: str) -> bool:
    """Whether a word may be a token: one letter is one already, and some are always split."""
    return len(word) > 1 and not word.startswith(SPLIT)


@torch.no_grad()
def set_glyph_embeddings(model: Qwen2_5_VLModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give every drawable character's embedding the leading principal components of its bitmap.

    The components keep their lengths relative to one another; the whole is scaled to the embeddings' own
    spread.
    """
    characters = vocabulary()
    bitmaps = torch.from_numpy(np.stack([glyph_bitmap(char).ravel() for char in characters])).double()
    centred = bitmaps - bitmaps.mean(0)
    table = model.language_model.embed_tokens.weight
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    components = centred @ vectors.flip(1)[:, : table.shape[1]]
    ids = [tokenizer.encode(char, add_special_tokens=False)[0] for char in characters]
    spread = float(table.std())
    table[ids] *= 0.1
    scaled = components * (spread / components.std())
    table[ids, : scaled.shape[1]] += scaled.to(table.dtype)
