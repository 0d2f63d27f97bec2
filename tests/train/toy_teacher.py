"""Toy teachers: random weights all through, so that no block is the identity and no velocity is zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tiny
import torch
from torch import Tensor, nn
from toy_samples import NOTHING, WIDTH

from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.producer.sample import Sample
from hanmo.train.samples import EmptyPrompts
from hanmo.weights.folder import load_encoder, load_schedule, load_vae
from hanmo.weights.save import save_folder


class Always:
    """The same samples at every step."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.given = samples

    def samples(self, step: int, part: int) -> Sequence[Sample]:
        return self.given


def randomise(model: nn.Module, seed: int = 0, scale: float = 0.5) -> None:
    """Matrices of gain `scale`, and gains and biases that are not their neutral values."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim < 2:
                weight.add_(0.1 * noise)
            else:
                weight.copy_(scale * noise / weight.shape[1] ** 0.5)


def random_transformer(layers: int = 2, seed: int = 0, width: int = WIDTH) -> MMDiT:
    """A transformer that takes toy samples, or states of another width."""
    config = TransformerConfig(
        num_layers=layers,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=width,
        axes_dims_rope=(4, 6, 6),
    )
    torch.manual_seed(seed)  # of the biases, to which noise is added
    model = MMDiT(config)
    randomise(model, seed)
    return model


def empty_states(samples: Sequence[Sample]) -> dict[str, Tensor]:
    """States of the empty prompt of every sample: of its own for an edit, the same for all text-to-image."""
    found = {}
    for number, each in enumerate(samples):
        generator = torch.Generator().manual_seed(900 + number)
        found[each.id] = NOTHING if each.task == "t2i" else torch.randn(2 + number, WIDTH, generator=generator)
    return found


def with_empty(samples: Sequence[Sample]) -> tuple[list[Sample], EmptyPrompts]:
    """Samples whose empty prompts a producer has encoded (`empty_states`)."""
    states = empty_states(samples)
    given = [each if each.task == "t2i" else replace(each, empty=states[each.id]) for each in samples]
    return given, EmptyPrompts(NOTHING)


def saved_teacher(folder: Path) -> Path:
    """A checkpoint folder of four random blocks that prefers guidance 2."""
    tiny.save_checkpoint(folder / "tiny")
    transformer = random_transformer(layers=4, width=tiny.SIZES.hidden)
    encoder, vae = load_encoder(folder / "tiny", dtype=torch.float32), load_vae(folder / "tiny", dtype=torch.float32)
    preferences = replace(tiny.PREFERENCES, cfg_scale=2.0, max_text=256)
    home = folder / "teacher"
    save_folder(home, transformer, vae, encoder, load_schedule(folder / "tiny"), "float32", preferences)
    return home
