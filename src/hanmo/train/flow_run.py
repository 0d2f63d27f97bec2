"""Training the transformer with its condition encoder, from a recipe to a checkpoint folder.

It puts together what the other files of this package make; the loss is in `objectives/flow_matching`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from hanmo.data.synthesize.characters import vocabulary
from hanmo.errors import ConfigError
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.pipeline.geometry import size_for
from hanmo.pipeline.pipeline import Pipeline
from hanmo.train.attention import use_plain_attention
from hanmo.train.cache import kept_cards, kept_pairs
from hanmo.train.data import FlowData
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.initialise import new_encoder, new_transformer
from hanmo.train.judge import Judge
from hanmo.train.metrics import Metrics
from hanmo.train.model import Model, own_weights, save_model
from hanmo.train.objectives.auxiliary import IdentityHead
from hanmo.train.objectives.flow_matching import FlowObjective
from hanmo.train.preview import look
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import FlowRecipe
from hanmo.train.vae_files import load_vae
from hanmo.weights.folder import load_encoder, load_schedule, load_transformer


def train_flow(recipe: FlowRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE) -> None:
    """Train as the recipe says; the result is `folder.export`."""
    _check_sizes(recipe)
    device = torch.device(recipe.run.device)
    with ranks.in_turn():
        model = begin(recipe, folder.path, resume or not ranks.first)
    model.vae.to(device).requires_grad_(False)
    model.transformer.to(device)
    model.encoder.to(device)
    if device.type == "cpu":
        use_plain_attention(model.transformer, model.encoder)
    modules: dict[str, nn.Module] = {"transformer": model.transformer, "encoder": model.encoder.model}
    head = _head(recipe, model.transformer, device)
    if head is not None:
        modules["head"] = head
    with ranks.in_turn():  # the first process makes the tokenizer and the latents, the others find them
        data = data_of(recipe, model, folder.path)
    objective = FlowObjective(
        model.transformer,
        model.encoder,
        head,
        data,
        recipe.loss,
        recipe.auxiliary,
        device,
    )
    if recipe.run.compile:
        for block in (*model.transformer.transformer_blocks, *model.encoder.model.language_model.layers):
            block.compile(dynamic=True)
    pipeline = Pipeline(model.transformer, model.vae, model.encoder, model.schedule, model.preferences, recipe.name)

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        path = folder.previews / f"step-{step:09d}.png"
        return look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics)

    def export() -> None:
        save_model(folder.export, model)

    drive(
        Job(recipe.name, recipe.seed, objective, modules, recipe.run, recipe.optim, preview, export, ranks),
        folder,
        resume,
    )


def begin(recipe: FlowRecipe, folder: Path, resume: bool = False) -> Model:
    """A new model of the recipe's sizes, or the checkpoint it continues; float32, in training mode."""
    given = recipe.model
    if given.init is not None:
        transformer = load_transformer(given.init, dtype=torch.float32)
        encoder = load_encoder(given.init, dtype=torch.float32)
        model = Model(transformer, encoder, load_vae(given.init), load_schedule(given.init), recipe.preferences)
        own_weights(transformer)
        own_weights(encoder.model)
    else:
        assert given.vae is not None, "NewModel checks that one of init and vae is given"
        encoder = new_encoder(folder / "tokenizer", given.encoder, given.glyphs, recipe.seed, resume)
        transformer = new_transformer(given.transformer, given.encoder.hidden, recipe.seed)
        model = Model(transformer, encoder, load_vae(given.vae), recipe.schedule, recipe.preferences)
    model.transformer.train().requires_grad_(True)
    model.encoder.model.train().requires_grad_(True)
    return model


def data_of(recipe: FlowRecipe, model: Model, folder: Path) -> FlowData:
    """Batches of the recipe, with an encoder whose tokenizer is the second thread's own."""
    encoder = ConditionEncoder(
        model.encoder.model, copy.deepcopy(model.encoder.tokenizer), model.encoder.picture_config
    )
    kept = (recipe.cards, recipe.seed, model.vae, folder / "latents")
    size = (recipe.cards.width, recipe.cards.height)
    return FlowData(
        config=recipe.data,
        seed=recipe.seed,
        size=recipe.run.batch,
        parts=recipe.run.accumulate,
        encoder=encoder,
        view=size_for(recipe.preferences.vlm_area, size) if recipe.preferences.vlm_area != size[0] * size[1] else size,
        plain=kept_cards(recipe.data.cards, *kept) if recipe.data.edits < 1 else None,
        edits=kept_pairs(recipe.data.pairs, *kept) if recipe.data.edits > 0 else None,
    )


def _head(recipe: FlowRecipe, transformer: MMDiT, device: torch.device) -> IdentityHead | None:
    if not recipe.auxiliary.identity:
        return None
    return IdentityHead(transformer.config.inner_dim, len(vocabulary())).to(device)


def _check_sizes(recipe: FlowRecipe) -> None:
    size = (recipe.cards.width, recipe.cards.height)
    if recipe.data.edits and size_for(recipe.preferences.edit_area, size) != size:
        raise ConfigError(
            f"preferences.edit_area is {recipe.preferences.edit_area}, so a source of "
            f"{size[0]}x{size[1]} would be resized before an edit; cards of this size need {size[0] * size[1]}"
        )
