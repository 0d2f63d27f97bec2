"""What a component consists of according to its config: every tensor's name and shape, none allocated.

`stored` is what the published files hold, `live` the part that a picture needs, as it lies in memory. This
module knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.mmdit import MMDiT
from hanmo.model.qwen_vl import build_encoder_model, checkpoint_name
from hanmo.model.vae import VAE
from hanmo.model.vae_layout import published_shape, temporal_shapes

HEAD = "lm_head.weight"
"""The language head of the text encoder: known, and never read for a picture."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Blueprint:
    """Shapes by published name: all that the files hold, and what is kept in memory for pictures."""

    stored: Shapes
    live: Shapes

    @property
    def optional(self) -> frozenset[str]:
        """Published tensors that no picture needs: files may lack them."""
        return frozenset(self.stored) - frozenset(self.live)


def parameters(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Numbers in all these tensors."""
    return sum(prod(shape) for shape in shapes.values())


def transformer_blueprint(config: TransformerConfig) -> Blueprint:
    """Every tensor of the MMDiT; all are needed."""
    with torch.device("meta"):
        shapes = _shapes(MMDiT(config))
    return Blueprint(shapes, shapes)


def vae_blueprint(config: VAEConfig) -> Blueprint:
    """Every tensor of the VAE: published kernels have a time axis, and video has layers of its own."""
    with torch.device("meta"):
        live = _shapes(VAE(config))
    stored = {name: published_shape(name, shape) for name, shape in live.items()}
    return Blueprint(stored | temporal_shapes(config), live)


def encoder_blueprint(config: Mapping[str, Any]) -> Blueprint:
    """Every tensor of the text encoder; the language head, where the checkpoint has one, is not needed."""
    model = build_encoder_model(config, "meta")
    live = {checkpoint_name(name): shape for name, shape in _shapes(model).items()}
    if model.config.tie_word_embeddings:
        return Blueprint(live, live)
    return Blueprint(live | {HEAD: live["model.embed_tokens.weight"]}, live)


def _shapes(module: torch.nn.Module) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
