"""Training the transformer on producers' samples, from a recipe to a checkpoint folder (report sections 4.1.1, 4.1.3).

The frozen networks speak before the first step, into a store that stays; then only the transformer is computed. The
loss is in `objectives/samples`, what is drawn in `mixture`, what comes when in `curriculum`. A validation loss with
fixed noise is measured with the averaged weights at every preview; a plateau of it may end a stage. What was
measured is kept in a file of the run, so that a resumed run knows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig
from hanmo.log import get_logger
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.model.vae import VAE
from hanmo.pipeline.pipeline import Pipeline
from hanmo.producer.config import ProducerConfig
from hanmo.producer.sample import Sample
from hanmo.train.attention import use_plain_attention
from hanmo.train.batches import Maker
from hanmo.train.checkpoint import snapshots
from hanmo.train.curriculum import Curriculum
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.filled import open_store
from hanmo.train.initialise import new_transformer
from hanmo.train.judge import Judge
from hanmo.train.metrics import Metrics
from hanmo.train.mixture import Mixture
from hanmo.train.objectives.samples import SampleObjective, predict
from hanmo.train.preview import look
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import SamplesRecipe
from hanmo.train.rows import row_positions
from hanmo.train.validation import validate, validation_set
from hanmo.weights.folder import load_encoder, load_transformer, load_vae, open_folder
from hanmo.weights.hub import resolve
from hanmo.weights.preferences import Preferences
from hanmo.weights.save import save_folder

log = get_logger(__name__)


@dataclass(frozen=True)
class Model:
    """What learns, and the frozen rest of its checkpoint."""

    transformer: MMDiT
    encoder: ConditionEncoder
    vae: VAE
    schedule: ScheduleConfig
    preferences: Preferences


def train_samples(
    recipe: SamplesRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE
) -> None:
    """Train as the recipe says; the result is `folder.export`.

    Raises:
        RequestError: a set is not finished, the store is stale or holds nothing.
        ConfigError: a stage of the curriculum takes no sample.
    """
    if recipe.run.processes > 1 and any(stage.until.plateau for stage in recipe.curriculum.stages):
        raise ConfigError("a plateau is measured by one process alone: give steps under until, or run.processes = 1")
    device = torch.device(recipe.run.device)
    model = begin(recipe)
    producers = ProducerConfig(recipe.encode, recipe.choose)
    with ranks.in_turn():  # the first process fills the store, the others find it full
        filled = open_store(recipe.data, producers, model.encoder, model.vae, model.preferences)
        source, empty = filled.source, filled.empty
    model.transformer.to(device)
    if device.type == "cpu":
        use_plain_attention(model.transformer, model.encoder)
    positions = row_positions(model.transformer)
    curriculum = Curriculum(recipe.curriculum)
    measured = Measured(folder.path / "validation.jsonl")
    newest = snapshots(folder.snapshots)[-1:] if resume else []
    for step, loss in measured.until(int(newest[0].stem.rpartition("-")[2]) if newest else 0):
        curriculum.measured(step, loss)
    maker = Maker(recipe.mix, model.vae.config, empty, model.schedule)
    mixture = Mixture(source, curriculum, recipe.seed, recipe.run.batch, recipe.run.accumulate, recipe.validation.share)
    objective = SampleObjective(positions, mixture, maker, recipe.seed, device)
    maker.check(source.entries())
    held = validation_set(source, recipe.validation)
    pipeline = Pipeline(model.transformer, model.vae, model.encoder, model.schedule, model.preferences, recipe.name)

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        positions.forget()  # the pipeline knows nothing of the last batch's rows
        path = folder.previews / f"step-{step:09d}.png"
        found = dict(look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics))
        return found | _validated(held, step)

    def _validated(samples: Sequence[Sample], step: int) -> dict[str, float]:
        if not samples or not recipe.validation.samples:
            return {}
        result = validate(samples, lambda batch, x: predict(positions, batch, x), maker, recipe.validation, device)
        measured.add(step, result.loss)
        if (event := curriculum.measured(step, result.loss)) is not None:
            log.info("the validation loss has stopped falling: the stage %s begins at step %d", event.name, event.step)
        return result.scalars()

    def export() -> None:
        save_folder(
            folder.export,
            model.transformer,
            model.vae,
            model.encoder,
            model.schedule,
            "bfloat16",
            model.preferences,
        )

    modules: dict[str, nn.Module] = {"transformer": model.transformer}
    drive(
        Job(recipe.name, recipe.seed, objective, modules, recipe.run, recipe.optim, preview, export, ranks),
        folder,
        resume,
    )


def begin(recipe: SamplesRecipe) -> Model:
    """The checkpoint with a transformer that learns; everything else is frozen. Float32."""
    place = resolve(recipe.model.init or None)
    known = open_folder(place)
    encoder = load_encoder(place, dtype=torch.float32)
    encoder.model.eval().requires_grad_(False)
    vae = load_vae(place, dtype=torch.float32).eval().requires_grad_(False)
    if recipe.model.new is None:
        transformer = load_transformer(place, dtype=torch.float32)
        with torch.no_grad():
            for parameter in transformer.parameters():
                parameter.data = parameter.data.clone()  # loaded weights may be mapped to their file
    else:
        transformer = new_transformer(recipe.model.new, known.transformer.joint_attention_dim, recipe.seed)
    transformer.train().requires_grad_(True)
    return Model(transformer, encoder, vae, known.schedule, known.preferences)


@dataclass(frozen=True)
class Measured:
    """Validation losses of a run, one a line, in the order in which they were measured."""

    path: Path

    def add(self, step: int, loss: float) -> None:
        """One more."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "loss": loss}) + "\n")

    def until(self, step: int) -> list[tuple[int, float]]:
        """Those up to a step that a run goes on from; later ones are dropped, and will be measured again."""
        if not self.path.exists():
            return []
        lines = [json.loads(line) for line in self.path.read_text("utf-8").splitlines() if line.endswith("}")]
        kept = {int(line["step"]): float(line["loss"]) for line in lines if int(line["step"]) <= step}
        text = "".join(json.dumps({"step": key, "loss": value}) + "\n" for key, value in kept.items())
        self.path.write_text(text, encoding="utf-8")
        return list(kept.items())
