"""Training the transformer on producers' samples, from a recipe to a checkpoint folder (report sections 4.1.1, 4.1.3).

The frozen networks speak into a store that stays, before the first step (`filled`) or while training goes on (`live`,
`growing`); training itself computes only the transformer. The loss is in `objectives/samples`, what is drawn in
`mixture`, what comes when in `curriculum`. A validation loss with fixed noise is measured with the averaged weights at
every preview, on samples that the stage would draw; a plateau of it may end the stage. What was measured is kept in a
file of the run, so that a resumed run knows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from hanmo.errors import ConfigError
from hanmo.log import get_logger
from hanmo.pipeline.pipeline import Pipeline
from hanmo.producer import encode
from hanmo.producer.config import ProducerConfig
from hanmo.producer.identity import Identity
from hanmo.producer.sample import Sample
from hanmo.train.batches import Maker
from hanmo.train.curriculum import Curriculum, Stage
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.divided import begin, collected, device_of, shown_of
from hanmo.train.drive import Job, at_once, drive
from hanmo.train.encode_folder import Networks
from hanmo.train.files import RunFolder
from hanmo.train.filled import Spoken, empty_text, let_speak
from hanmo.train.growing import FILE, Growing, Record
from hanmo.train.judge import Judge
from hanmo.train.live import Live, producing
from hanmo.train.metrics import Metrics
from hanmo.train.mixture import Mixture
from hanmo.train.model import Model, save_model
from hanmo.train.objectives.samples import SampleObjective, predict
from hanmo.train.pair_preview import show_pairs
from hanmo.train.preview import look
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import SamplesRecipe
from hanmo.train.rows import row_positions
from hanmo.train.samples import EmptyPrompts
from hanmo.train.selection import table
from hanmo.train.snapshots import newest_snapshot
from hanmo.train.stored import StoreSource
from hanmo.train.validation import Held, validate
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
        TrainingError: producers that work while training goes on have failed, or leave a stage without samples.
    """
    device = device_of(ranks, recipe.run)
    checkpoint = open_folder(resolve(recipe.model.init or None))
    home = torch.device("cpu") if ranks.divided else device  # where the whole transformer is, to paint with
    frozen = load_frozen(checkpoint, home) if ranks.first else None
    spoken = ranks.told(None if frozen is None else speak(recipe, frozen, checkpoint.preferences))
    assert spoken is not None, "the first process has said it"
    with fed(recipe, frozen, spoken.identity, checkpoint, folder, resume) as live:
        _train(recipe, folder, resume, judge, ranks, checkpoint, frozen, spoken, live)


def _train(
    recipe: SamplesRecipe,
    folder: RunFolder,
    resume: bool,
    judge: Judge | None,
    ranks: Ranks,
    checkpoint: Folder,
    frozen: Networks | None,
    spoken: Spoken,
    live: Live | None,
) -> None:
    """The same, with producers at work or done."""
    device, growing = device_of(ranks, recipe.run), recipe.data.live
    source = StoreSource(recipe.data.store, spoken.identity, growing)
    transformer = begin(checkpoint, ranks, recipe.run, recipe.shard, recipe.seed, recipe.model.new)
    positions = row_positions(transformer)
    curriculum = Curriculum(recipe.curriculum)
    measured = Measured(folder.path / "validation.jsonl")
    newest = newest_snapshot(folder.snapshots) if resume else None
    for step, loss in ranks.told(measured.until(newest[0] if newest else 0) if ranks.first else []):
        curriculum.measured(step, loss)
    maker = Maker(recipe.mix, checkpoint.vae, EmptyPrompts(spoken.empty), checkpoint.schedule)
    run, share = recipe.run, recipe.validation.share
    mixture = Mixture(source, curriculum, recipe.seed, run.batch, run.accumulate, share, growing)
    objective = SampleObjective(positions, mixture, maker, recipe.seed, device)
    held = Held(source, recipe.validation)
    maker.check(source.entries())
    held.grow(0, source.entries())
    record = Record(folder.path / FILE)
    growth = Growing(source, mixture, held, record, ranks, run.steps, recipe.data.refresh, maker.check, live)
    if growing:
        growth.begin(newest[0] if newest else 0, recipe.data.begin or 4 * run.batch * run.accumulate)
    check_plateaus(held, recipe, growing)
    validates = bool(recipe.validation.samples and (share if growing else held.at(0)))
    shown = shown_of(transformer, ranks)

    def measure(step: int) -> Mapping[str, float]:
        samples = asked(held, step, recipe.curriculum.stages[curriculum.stage(max(step - 1, 0))])
        if not samples:
            return {}
        halves = recipe.shard.gather == "bfloat16"  # what is collected in halves is computed in them
        with torch.autocast(device.type, torch.bfloat16, enabled=halves):
            found = validate(samples, lambda batch, x: predict(positions, batch, x), maker, recipe.validation, device)
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
        pairs = path.with_name(f"pairs-{step:09d}.png")
        with nullcontext() if live is None else live.alone:  # producers ask the same networks
            found = look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics)
            show_pairs(pipeline, held.at(step), maker, recipe.preview, pairs, step, metrics)
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
        recipe.validation.every if validates else 0,
        curriculum.entered if len(recipe.curriculum.stages) > 1 else lambda step: None,
        lambda step: recipe.curriculum.stages[curriculum.stage(step)].batch,
        growth.after if growing else at_once,
    )
    drive(job, folder, resume)


def load_frozen(checkpoint: Folder, device: torch.device) -> Networks:
    """Encoder and autoencoder of a checkpoint, float32; neither learns."""
    encoder = load_encoder(checkpoint, device, torch.float32)
    encoder.model.eval().requires_grad_(False)
    return Networks(encoder, load_vae(checkpoint, device, torch.float32).eval().requires_grad_(False))


def speak(recipe: SamplesRecipe | DistillRecipe, frozen: Networks, preferences: Preferences) -> Spoken:
    """Let the frozen networks fill the store, unless they will do so while training goes on."""
    producers = ProducerConfig(recipe.encode, recipe.choose)
    if not recipe.data.live:
        return let_speak(recipe.data, producers, frozen.encoder, frozen.vae, preferences)
    networks = encode.networks_of(frozen.encoder, frozen.vae, preferences)
    return Spoken(encode.identity_of(networks, recipe.encode), empty_text(frozen.encoder))


def fed(
    recipe: SamplesRecipe,
    frozen: Networks | None,
    identity: Identity,
    checkpoint: Folder,
    folder: RunFolder,
    resume: bool,
) -> AbstractContextManager[Live | None]:
    """Producers at work while the block runs, in the first process of a run that is fed so."""
    if frozen is None or not recipe.data.live:
        return nullcontext()
    return producing(
        recipe.data,
        encode.Networks(frozen.encoder, frozen.vae, checkpoint.preferences, identity),
        ProducerConfig(recipe.encode, recipe.choose),
        checkpoint.path,
        folder.path,
        resume,
        lambda choose: replace(recipe, choose=choose),
    )


def asked(held: Held, step: int, stage: Stage) -> list[Sample]:
    """Of the samples that are kept from training, those that a stage would draw: what its loss is measured on."""
    found = table(held.entries(step), stage.only, stage.weights)
    ids = {key for cells in found.cells for cell in cells for key in cell.ids} if found else set()
    return [sample for sample in held.at(step) if sample.id in ids]


def check_plateaus(held: Held, recipe: SamplesRecipe, growing: bool) -> None:
    """See that a stage that shall end at a plateau has something to measure; what is still to come may be that.

    Raises:
        ConfigError: it has not.
    """
    config = recipe.validation
    for stage in recipe.curriculum.stages:
        there = config.share and config.samples if growing else asked(held, 0, stage)
        if stage.until.plateau is not None and not there:
            raise ConfigError(
                f"curriculum.stages.{stage.name}.until.plateau is measured on samples that are kept from training, and "
                "none of them is of this stage: raise validation.share (and validation.samples)"
            )


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
