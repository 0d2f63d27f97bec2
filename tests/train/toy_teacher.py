"""A toy teacher: random weights all through, so that no block is the identity and no velocity is zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from hanmo.model.mmdit import MMDiT
from hanmo.train.data import FlowData
from hanmo.train.flow_run import begin, data_of
from hanmo.train.model import Model
from hanmo.train.recipe import FlowRecipe
from hanmo.weights.save import save_folder


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


def toy_teacher(recipe: FlowRecipe, folder: Path) -> Model:
    """A frozen model of the recipe's sizes."""
    model = begin(recipe, folder)
    randomise(model.transformer)
    parts: list[nn.Module] = [model.transformer, model.encoder.model, model.vae]
    for part in parts:
        part.eval().requires_grad_(False)
    return model


def saved_teacher(recipe: FlowRecipe, folder: Path) -> Path:
    """The same as a checkpoint folder."""
    model = toy_teacher(recipe, folder)
    home = folder / "teacher"
    parts = (model.transformer, model.vae, model.encoder, model.schedule)
    save_folder(home, *parts, "float32", replace(recipe.preferences, cfg_scale=2.0))
    return home


def taught(flow_recipe: Callable[..., FlowRecipe], folder: Path, edits: float) -> tuple[Model, FlowData]:
    """A teacher and batches for it; `edits` 1.0 makes all of them edits."""
    base = flow_recipe()
    recipe = replace(base, data=replace(base.data, cards=12, pairs=8, edits=edits, dropout=0.0))
    model = toy_teacher(recipe, folder)
    return model, data_of(recipe, model, folder)


def another(model: MMDiT, seed: int = 1) -> MMDiT:
    """A network of the same sizes with other weights, to train."""
    other = MMDiT(model.config)
    randomise(other, seed)
    return other
