"""Distillation, from a recipe to a checkpoint folder: a student of fewer blocks, or of fewer steps.

It puts together what the other files of this package make; the losses are in `objectives/distill_depth` and
`objectives/distill_steps`. The teacher's condition encoder and VAE speak once, into a store (`filled`); then only the
two transformers are computed, on the same batches. All but the student stay as they are; its folder holds copies of
the encoder and the VAE, and prefers to be run as it was trained.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from hanmo.errors import TrainingError
from hanmo.flow import ScheduleConfig, fixed_shift, interpolate
from hanmo.model.mmdit import MMDiT
from hanmo.pipeline.pipeline import Pipeline
from hanmo.producer.config import ProducerConfig
from hanmo.train.attention import use_plain_attention
from hanmo.train.batches import Maker
from hanmo.train.curriculum import Curriculum, drawn
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.judge import Judge
from hanmo.train.loop import Objective
from hanmo.train.metrics import Metrics
from hanmo.train.mixture import Mixture
from hanmo.train.model import Model, save_model
from hanmo.train.objectives.distill import check_guidance
from hanmo.train.objectives.distill_depth import DepthObjective
from hanmo.train.objectives.distill_steps import StepsObjective
from hanmo.train.objectives.samples import SampleObjective, predict
from hanmo.train.preview import look
from hanmo.train.prune import every_second, least_missed, prune
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.rows import row_positions
from hanmo.train.samples import SampleSource
from hanmo.train.shard.parallel import compile_blocks
from hanmo.weights.files import atomic_file
from hanmo.weights.folder import load_encoder, load_transformer, load_vae, open_folder
from hanmo.weights.hub import resolve
from hanmo.weights.preferences import Preferences


@dataclass(frozen=True)
class Student:
    """What is trained, how, and how it will be run."""

    transformer: MMDiT
    objective: Objective
    schedule: ScheduleConfig
    preferences: Preferences


def train_distill(
    recipe: DistillRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE
) -> None:
    """Train as the recipe says; the result is `folder.export`.

    Raises:
        RequestError: a set is not finished, the store is stale or holds nothing.
        ConfigError: a divided model, blocks that the teacher has not, a stage of the curriculum that takes no sample,
            or an empty prompt that guidance or dropped captions need and no producer has encoded.
    """
    recipe.shard.refuse(recipe.kind)
    from hanmo.train.filled import open_store  # it needs the extra data

    device = torch.device(recipe.run.device)
    teacher = begin(recipe)
    producers = ProducerConfig(recipe.encode, recipe.choose)
    with ranks.in_turn():  # the first process fills the store and measures blocks, the others find both
        filled = open_store(recipe.data, producers, teacher.encoder, teacher.vae, teacher.preferences)
        maker = Maker(recipe.mix, teacher.vae.config, filled.empty, teacher.schedule)
        maker.check(filled.source.entries())
        teacher.transformer.to(device)
        if device.type == "cpu":
            use_plain_attention(teacher.transformer, teacher.encoder)
        student = student_of(recipe, teacher, filled.source, maker, folder.path / "blocks.json")
    if recipe.run.compile:
        compile_blocks(student.transformer)
        compile_blocks(teacher.transformer)
    pipeline = Pipeline(
        student.transformer, teacher.vae, teacher.encoder, student.schedule, student.preferences, recipe.name
    )

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        row_positions(student.transformer).forget()  # the pipeline knows nothing of the last batch's rows
        path = folder.previews / f"step-{step:09d}.png"
        return look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics)

    def export() -> None:
        save_model(
            folder.export,
            Model(student.transformer, teacher.encoder, teacher.vae, student.schedule, student.preferences),
        )

    modules = {"transformer": student.transformer}
    drive(
        Job(recipe.name, recipe.seed, student.objective, modules, recipe.run, recipe.optim, preview, export, ranks),
        folder,
        resume,
    )


def begin(recipe: DistillRecipe) -> Model:
    """The teacher, in evaluation mode and float32."""
    place = resolve(recipe.teacher or None)
    known = open_folder(place)
    encoder = load_encoder(place, dtype=torch.float32)
    transformer, vae = load_transformer(place, dtype=torch.float32), load_vae(place, dtype=torch.float32)
    frozen: list[nn.Module] = [transformer, encoder.model, vae]
    for module in frozen:
        module.eval().requires_grad_(False)
    return Model(transformer, encoder, vae, known.schedule, known.preferences)


def student_of(recipe: DistillRecipe, teacher: Model, source: SampleSource, maker: Maker, choice: Path) -> Student:
    """The student before its first step, and its objective.

    Args:
        recipe: which student.
        teacher: frozen, on the run's device.
        source: of samples.
        maker: samples to batches.
        choice: file that remembers which blocks stay, so that a resumed run and other processes keep the same.

    Raises:
        ConfigError: blocks that the teacher has not, or an empty prompt that guidance lacks.
        TrainingError: the file is damaged.
    """
    preferences = teacher.preferences
    match recipe.method:
        case "depth":
            kept = _remembered(choice) if choice.is_file() else _choose(recipe, teacher, source, maker)
            _remember(choice, kept)
            student = _own(prune(teacher.transformer, kept))
            flow = flow_of(recipe, student, source, maker, recipe.run.accumulate)
            depth = DepthObjective(flow, row_positions(teacher.transformer), kept, recipe.depth)
            return Student(student, depth, teacher.schedule, preferences)
        case "steps":
            student, config = _own(teacher.transformer), recipe.steps
            plan = fixed_shift(teacher.schedule, config.shift)
            scale = preferences.cfg_scale if config.cfg_scale is None else config.cfg_scale
            flow = flow_of(recipe, student, source, maker, recipe.run.accumulate)
            check_guidance(drawn(recipe.curriculum, source.entries()), maker.empty, scale)
            steps = StepsObjective(flow, row_positions(teacher.transformer), config, scale, plan)
            return Student(student, steps, plan, replace(preferences, steps=config.steps, cfg_scale=1.0))


def flow_of(recipe: DistillRecipe, model: MMDiT, source: SampleSource, maker: Maker, parts: int) -> SampleObjective:
    """Batches for a model, of a cursor of its own, `parts` for each step."""
    mixture = Mixture(source, Curriculum(recipe.curriculum), recipe.seed, recipe.run.batch, parts)
    return SampleObjective(row_positions(model), mixture, maker, recipe.seed, torch.device(recipe.run.device))


def _own(model: MMDiT) -> MMDiT:
    """A copy to train; the function by which it attends is shared, what its rows add to it (`rows`) is not."""
    return copy.deepcopy(model).train().requires_grad_(True)


def _choose(recipe: DistillRecipe, teacher: Model, source: SampleSource, maker: Maker) -> tuple[int, ...]:
    """The blocks that stay."""
    config, count = recipe.depth, len(teacher.transformer.transformer_blocks)
    if config.blocks:
        return config.blocks
    keep = (count + 1) // 2 if config.keep is None else config.keep
    if config.choose == "even":
        return every_second(count, keep)
    device = torch.device(recipe.run.device)
    flow = flow_of(recipe, teacher.transformer, source, maker, 1)
    batches = [flow.batch(step, 0) for step in range(-(-config.samples // recipe.run.batch))]

    def measure(model: MMDiT) -> Tensor:
        positions, made = row_positions(model), []
        for batch in batches:
            clean, noise, t = (x.to(device) for x in (batch.latents, batch.noise, batch.t))
            made.append(predict(positions, batch, interpolate(clean, noise, t)).flatten())
        return torch.cat(made)

    return least_missed(teacher.transformer, keep, measure)


def _remember(path: Path, kept: tuple[int, ...]) -> None:
    with atomic_file(path) as file:
        file.write(json.dumps(list(kept)).encode())


def _remembered(path: Path) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): remove the run's folder and begin again") from error
