"""Training the transformer on producers' samples, from a recipe to a checkpoint folder (report sections 4.1.1, 4.1.3).

The frozen networks speak before the first step, into a store that stays; then only the transformer is computed. The
loss is in `objectives/samples`, what is drawn in `mixture`, what comes when in `curriculum`. A validation loss with
fixed noise is measured with the averaged weights at every preview, on samples that the stage would draw; a plateau of
it may end the stage. What was measured is kept in a file of the run, so that a resumed run knows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from hanmo.errors import ConfigError
from hanmo.log import get_logger
from hanmo.pipeline.pipeline import Pipeline
from hanmo.producer.config import ProducerConfig
from hanmo.producer.sample import Sample
from hanmo.train.batches import Maker
from hanmo.train.curriculum import Curriculum, CurriculumConfig
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.divided import begin, collected, device_of, shown_of
from hanmo.train.drive import Job, drive
from hanmo.train.encode_folder import Networks
from hanmo.train.files import RunFolder
from hanmo.train.filled import Spoken, let_speak, opened
from hanmo.train.judge import Judge
from hanmo.train.metrics import Metrics
from hanmo.train.mixture import Mixture
from hanmo.train.model import Model, save_model
from hanmo.train.objectives.samples import SampleObjective, predict
from hanmo.train.pair_preview import show_pairs
from hanmo.train.preview import look
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import SamplesRecipe
from hanmo.train.rows import row_positions
from hanmo.train.samples import SampleSource
from hanmo.train.selection import table
from hanmo.train.snapshots import newest_snapshot
from hanmo.train.validation import validate, validation_set
from hanmo.weights.folder import Folder, load_encoder, load_vae, open_folder
from hanmo.weights.hub import resolve
from hanmo.weights.preferences import Preferences

log = get_logger(__name__)


def train_samples(
    recipe: SamplesRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE
) -> None:
    """Train as the recipe says; the result is `folder.export`.

    Raises:
        RequestError: a set is not finished, the store is stale or holds nothing.
        ConfigError: a stage of the curriculum takes no sample, or `shard` does not fit the model or the run.
    """
    device = device_of(ranks, recipe.run)
    checkpoint = open_folder(resolve(recipe.model.init or None))
    home = torch.device("cpu") if ranks.divided else device  # where the whole transformer is, to paint with
    frozen = load_frozen(checkpoint, home) if ranks.first else None
    spoken = ranks.told(None if frozen is None else speak(recipe, frozen, checkpoint.preferences))
    assert spoken is not None, "the first process has said it"
    filled = opened(recipe.data, spoken)
    transformer = begin(checkpoint, ranks, recipe.run, recipe.shard, recipe.seed, recipe.model.new)
    positions = row_positions(transformer)
    curriculum = Curriculum(recipe.curriculum)
    measured = Measured(folder.path / "validation.jsonl")
    newest = newest_snapshot(folder.snapshots) if resume else None
    for step, loss in ranks.told(measured.until(newest[0] if newest else 0) if ranks.first else []):
        curriculum.measured(step, loss)
    maker = Maker(recipe.mix, checkpoint.vae, filled.empty, checkpoint.schedule)
    mixture = Mixture(
        filled.source, curriculum, recipe.seed, recipe.run.batch, recipe.run.accumulate, recipe.validation.share
    )
    objective = SampleObjective(positions, mixture, maker, recipe.seed, device)
    maker.check(filled.source.entries())
    held = validation_set(filled.source, recipe.validation)
    asked = by_stage(held, filled.source, recipe.curriculum)
    shown = shown_of(transformer, ranks)

    def measure(step: int) -> Mapping[str, float]:
        here = asked[curriculum.stage(max(step - 1, 0))]
        if not here:
            return {}
        halves = recipe.shard.gather == "bfloat16"  # what is collected in halves is computed in them
        with torch.autocast(device.type, torch.bfloat16, enabled=halves):
            found = validate(here, lambda batch, x: predict(positions, batch, x), maker, recipe.validation, device)
        return found.scalars()

    def heard(step: int, values: Mapping[str, float]) -> None:
        loss = values.get("val/loss")
        if loss is None or not measured.add(step, loss, ranks):
            return
        if (event := curriculum.measured(step, loss)) is not None:
            log.info("the validation loss has stopped falling: the stage %s begins at step %d", event.name, event.step)

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        assert frozen is not None, "the first process paints"
        positions.forget()  # of the last batch's rows
        pipeline = Pipeline(
            shown, frozen.vae, frozen.encoder, checkpoint.schedule, checkpoint.preferences, recipe.name
        )  # fmt: skip
        path = folder.previews / f"step-{step:09d}.png"
        found = look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics)
        show_pairs(pipeline, held, maker, recipe.preview, path.with_name(f"pairs-{step:09d}.png"), step, metrics)
        return found

    def export() -> None:
        assert frozen is not None, "the first process writes"
        whole_model = Model(shown, frozen.encoder, frozen.vae, checkpoint.schedule, checkpoint.preferences)
        save_model(folder.export, whole_model)

    job = Job(
        recipe.name,
        recipe.seed,
        objective,
        {"transformer": transformer},
        recipe.run,
        recipe.optim,
        preview,
        export,
        ranks,
        measure,
        heard,
        lambda: collected(transformer, shown, ranks),
        recipe.validation.every if held else 0,
        curriculum.entered if len(recipe.curriculum.stages) > 1 else lambda step: None,
        lambda step: recipe.curriculum.stages[curriculum.stage(step)].batch,
    )
    drive(job, folder, resume)


def load_frozen(checkpoint: Folder, device: torch.device) -> Networks:
    """Encoder and autoencoder of a checkpoint, float32; neither learns."""
    encoder = load_encoder(checkpoint, device, torch.float32)
    encoder.model.eval().requires_grad_(False)
    return Networks(encoder, load_vae(checkpoint, device, torch.float32).eval().requires_grad_(False))


def speak(recipe: SamplesRecipe | DistillRecipe, frozen: Networks, preferences: Preferences) -> Spoken:
    """Let the frozen networks fill the store."""
    producers = ProducerConfig(recipe.encode, recipe.choose)
    return let_speak(recipe.data, producers, frozen.encoder, frozen.vae, preferences)


def by_stage(held: Sequence[Sample], source: SampleSource, config: CurriculumConfig) -> list[list[Sample]]:
    """Of the samples that are kept from training, those that each stage would draw: what its loss is measured on.

    Raises:
        ConfigError: a stage shall end at a plateau, and there is none to measure it on.
    """
    entries = {entry.id: entry for entry in source.entries()}
    found = []
    for stage in config.stages:
        cells = table([entries[sample.id] for sample in held], stage.only, stage.weights)
        ids = {key for some in cells.cells for cell in some for key in cell.ids} if cells else set()
        found.append([sample for sample in held if sample.id in ids])
        if stage.until.plateau is not None and not found[-1]:
            raise ConfigError(
                f"curriculum.stages.{stage.name}.until.plateau is measured on samples that are kept from training, and "
                "none of them is of this stage: raise validation.share (and validation.samples)"
            )
    return found


@dataclass(frozen=True)
class Measured:
    """Validation losses of a run, one a line, in the order in which they were measured."""

    path: Path

    def add(self, step: int, loss: float, ranks: Ranks) -> bool:
        """One more, unless it is there already; every process must call it, the first one writes."""
        known = ranks.told(ranks.first and any(step == one for one, _ in self.until(step)))
        if ranks.first and not known:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, "loss": loss}) + "\n")
        return not known

    def until(self, step: int) -> list[tuple[int, float]]:
        """Those up to a step that a run goes on from; later ones are dropped, and will be measured again."""
        if not self.path.exists():
            return []
        lines = [json.loads(line) for line in self.path.read_text("utf-8").splitlines() if line.endswith("}")]
        kept = {int(line["step"]): float(line["loss"]) for line in lines if int(line["step"]) <= step}
        text = "".join(json.dumps({"step": key, "loss": value}) + "\n" for key, value in kept.items())
        self.path.write_text(text, encoding="utf-8")
        return list(kept.items())
