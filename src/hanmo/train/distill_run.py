"""Distillation, from a recipe to a checkpoint folder: a student of fewer blocks, or of fewer steps.

It puts together what the other files of this package make; the losses are in `objectives/distill_depth` and
`objectives/distill_steps`. The teacher's condition encoder and VAE live in the first process alone and speak once, into
a store (`filled`); then only the two transformers are computed, on the same batches. All but the student stay as they
are; its folder holds copies of the encoder and the VAE, and prefers to be run as it was trained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from hanmo.errors import TrainingError
from hanmo.flow import ScheduleConfig, fixed_shift, interpolate
from hanmo.model.mmdit import MMDiT
from hanmo.pipeline.pipeline import Pipeline
from hanmo.train.batches import Maker
from hanmo.train.curriculum import Curriculum, drawn
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.divided import collected, device_of, home_of, shown_of
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.filled import opened
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
from hanmo.train.prune import every_second, least_missed
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.rows import row_positions
from hanmo.train.samples import SampleSource
from hanmo.train.samples_run import load_frozen, speak
from hanmo.train.student import student_of, teacher_of
from hanmo.weights.files import atomic_file
from hanmo.weights.folder import Folder, open_folder
from hanmo.weights.hub import resolve
from hanmo.weights.preferences import Preferences


@dataclass(frozen=True)
class Student:
    """How a student learns, and how it will be run."""

    objective: Objective
    schedule: ScheduleConfig
    preferences: Preferences


@dataclass(frozen=True)
class Lessons:
    """What teacher and student are shown: samples, how they become batches, and where."""

    recipe: DistillRecipe
    source: SampleSource
    maker: Maker
    device: torch.device

    def flow(self, model: MMDiT, parts: int) -> SampleObjective:
        """Batches for a model, of a cursor of its own, `parts` for each step."""
        recipe = self.recipe
        mixture = Mixture(self.source, Curriculum(recipe.curriculum), recipe.seed, recipe.run.batch, parts)
        return SampleObjective(row_positions(model), mixture, self.maker, recipe.seed, self.device)


def train_distill(
    recipe: DistillRecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE
) -> None:
    """Train as the recipe says; the result is `folder.export`.

    Raises:
        RequestError: a set is not finished, the store is stale or holds nothing.
        ConfigError: `shard` does not fit the model or the run, blocks that the teacher has not, a stage of the
            curriculum that takes no sample, or an empty prompt that guidance or dropped captions need and no producer
            has encoded.
    """
    device = device_of(ranks, recipe.run)
    checkpoint = open_folder(resolve(recipe.teacher or None))
    frozen = load_frozen(checkpoint, home_of(ranks, recipe.run)) if ranks.first else None
    spoken = ranks.told(None if frozen is None else speak(recipe, frozen, checkpoint.preferences))
    assert spoken is not None, "the first process has said it"
    filled = opened(recipe.data, spoken)
    maker = Maker(recipe.mix, checkpoint.vae, filled.empty, checkpoint.schedule)
    maker.check(filled.source.entries())
    teacher = teacher_of(recipe, checkpoint, ranks)
    lessons = Lessons(recipe, filled.source, maker, device)
    kept = None
    if recipe.method == "depth":
        with ranks.in_turn():  # the first process measures blocks, the others find which
            kept = blocks_of(lessons, teacher, folder.path / "blocks.json")
    transformer = student_of(recipe, checkpoint, teacher, ranks, kept)
    student = taught(lessons, checkpoint, transformer, teacher, kept, ranks)
    shown = shown_of(transformer, ranks)

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        assert frozen is not None, "the first process paints"
        row_positions(transformer).forget()  # the pipeline knows nothing of the last batch's rows
        pipeline = Pipeline(shown, frozen.vae, frozen.encoder, student.schedule, student.preferences, recipe.name)
        path = folder.previews / f"step-{step:09d}.png"
        return look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics)

    def export() -> None:
        assert frozen is not None, "the first process writes"
        save_model(folder.export, Model(shown, frozen.encoder, frozen.vae, student.schedule, student.preferences))

    job = Job(
        recipe.name,
        recipe.seed,
        student.objective,
        {"transformer": transformer},
        recipe.run,
        recipe.optim,
        preview,
        export,
        ranks,
        collected=lambda: collected(transformer, shown, ranks),
    )
    drive(job, folder, resume)


def taught(
    lessons: Lessons, checkpoint: Folder, student: MMDiT, teacher: MMDiT, kept: tuple[int, ...] | None, ranks: Ranks
) -> Student:
    """A student's objective.

    Args:
        lessons: of the run.
        checkpoint: the teacher's.
        student: before its first step.
        teacher: frozen, on the run's device.
        kept: the teacher's blocks that the student has, for the method "depth".
        ranks: of the run.

    Raises:
        ConfigError: an empty prompt that guidance lacks.
    """
    recipe, preferences, parts = lessons.recipe, checkpoint.preferences, lessons.recipe.run.accumulate
    flow, theirs = lessons.flow(student, parts), row_positions(teacher)
    if kept is not None:
        return Student(DepthObjective(flow, theirs, kept, recipe.depth), checkpoint.schedule, preferences)
    config = recipe.steps
    plan = fixed_shift(checkpoint.schedule, config.shift)
    scale = preferences.cfg_scale if config.cfg_scale is None else config.cfg_scale
    check_guidance(drawn(recipe.curriculum, lessons.source.entries()), lessons.maker.empty, scale)
    objective = StepsObjective(flow, theirs, config, scale, plan, alike=ranks.divided)
    return Student(objective, plan, replace(preferences, steps=config.steps, cfg_scale=1.0))


def blocks_of(lessons: Lessons, teacher: MMDiT, choice: Path) -> tuple[int, ...]:
    """Which of the teacher's blocks stay, chosen now or as the file remembers.

    Raises:
        ConfigError: blocks that the teacher has not.
        TrainingError: the file is damaged.
    """
    kept = _remembered(choice) if choice.is_file() else _choose(lessons, teacher)
    _remember(choice, kept)
    return kept


def _choose(lessons: Lessons, teacher: MMDiT) -> tuple[int, ...]:
    recipe, count = lessons.recipe, len(teacher.transformer_blocks)
    config = recipe.depth
    if config.blocks:
        return config.blocks
    keep = (count + 1) // 2 if config.keep is None else config.keep
    if config.choose == "even":
        return every_second(count, keep)
    flow = lessons.flow(teacher, 1)
    batches = [flow.batch(step, 0) for step in range(-(-config.samples // recipe.run.batch))]

    def measure(model: MMDiT) -> Tensor:
        positions, made = row_positions(model), []
        for batch in batches:
            clean, noise, t = (x.to(lessons.device) for x in (batch.latents, batch.noise, batch.t))
            made.append(predict(positions, batch, interpolate(clean, noise, t)).flatten())
        return torch.cat(made)

    return least_missed(teacher, keep, measure)


def _remember(path: Path, kept: tuple[int, ...]) -> None:
    with atomic_file(path) as file:
        file.write(json.dumps(list(kept)).encode())


def _remembered(path: Path) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): remove the run's folder and begin again") from error
