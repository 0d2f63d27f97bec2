"""Distillation, from a recipe to a checkpoint folder: a student of fewer blocks, or of fewer steps.

It puts together what the other files of this package make; the losses are in `objectives/distill_depth` and
`objectives/distill_steps`. The teacher, its condition encoder and its VAE stay as they are; the student's folder holds
copies of the last two, and prefers to be run as it was trained.
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
from hanmo.train.attention import use_plain_attention
from hanmo.train.data import FlowData
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.flow_run import Model, begin, data_of
from hanmo.train.judge import Judge
from hanmo.train.loop import Objective
from hanmo.train.metrics import Metrics
from hanmo.train.objectives.distill import field_of, tell
from hanmo.train.objectives.distill_depth import DepthObjective
from hanmo.train.objectives.distill_steps import StepsObjective
from hanmo.train.preview import look
from hanmo.train.prune import every_second, least_missed, prune
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import FlowRecipe, NewModel
from hanmo.weights.files import atomic_file
from hanmo.weights.folder import open_folder
from hanmo.weights.hub import bundled
from hanmo.weights.preferences import Preferences
from hanmo.weights.save import save_folder


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
        ConfigError: a divided model.
    """
    recipe.shard.refuse(recipe.kind)
    device = torch.device(recipe.run.device)
    told = as_flow(recipe)
    with ranks.in_turn():
        teacher = begin(told, folder.path, resume=True)
    frozen: list[nn.Module] = [teacher.transformer, teacher.encoder.model, teacher.vae]
    for module in frozen:
        module.to(device).eval().requires_grad_(False)
    if device.type == "cpu":
        use_plain_attention(teacher.transformer, teacher.encoder)
    with ranks.in_turn():  # the first process keeps latents and measures blocks, the others find both
        data = data_of(told, teacher, folder.path)
        student = student_of(recipe, teacher, told.preferences, data, folder.path / "blocks.json")
    if recipe.run.compile:
        for block in (*student.transformer.transformer_blocks, *teacher.transformer.transformer_blocks):
            block.compile(dynamic=True)
    pipeline = Pipeline(
        student.transformer, teacher.vae, teacher.encoder, student.schedule, student.preferences, recipe.name
    )

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        path = folder.previews / f"step-{step:09d}.png"
        return look(pipeline, recipe.preview, recipe.cards, judge, path, step, metrics)

    def export() -> None:
        save_folder(
            folder.export,
            student.transformer,
            teacher.vae,
            teacher.encoder,
            student.schedule,
            "bfloat16",
            student.preferences,
        )

    modules = {"transformer": student.transformer}
    drive(
        Job(recipe.name, recipe.seed, student.objective, modules, recipe.run, recipe.optim, preview, export, ranks),
        folder,
        resume,
    )


def as_flow(recipe: DistillRecipe) -> FlowRecipe:
    """The recipe that goes on with the teacher on the same cards: what `begin` and `data_of` are told."""
    home = recipe.teacher or bundled()
    return FlowRecipe(
        name=recipe.name,
        seed=recipe.seed,
        run=recipe.run,
        model=NewModel(init=home),
        cards=recipe.cards,
        data=recipe.data,
        preferences=open_folder(home).preferences,
    )


def student_of(
    recipe: DistillRecipe, teacher: Model, preferences: Preferences, data: FlowData, choice: Path
) -> Student:
    """The student before its first step, and its objective.

    Args:
        recipe: which student.
        teacher: frozen.
        preferences: the teacher's.
        data: batches.
        choice: file that remembers which blocks stay, so that a resumed run and other processes keep the same.

    Raises:
        ConfigError: blocks that the teacher has not.
        TrainingError: the file is damaged.
    """
    device = torch.device(recipe.run.device)
    glyphs = recipe.loss.glyphs
    match recipe.method:
        case "depth":
            kept = _remembered(choice) if choice.is_file() else _choose(recipe, teacher, data)
            _remember(choice, kept)
            student = _own(prune(teacher.transformer, kept))
            depth = DepthObjective(
                student, teacher.transformer, kept, teacher.encoder, data, recipe.depth, glyphs, device
            )
            return Student(student, depth, teacher.schedule, preferences)
        case "steps":
            student = _own(teacher.transformer)
            config = recipe.steps
            plan = fixed_shift(teacher.schedule, config.shift)
            scale = preferences.cfg_scale if config.cfg_scale is None else config.cfg_scale
            steps = StepsObjective(
                student, teacher.transformer, teacher.encoder, data, config, scale, plan, glyphs, device
            )
            return Student(student, steps, plan, replace(preferences, steps=config.steps, cfg_scale=1.0))


def _own(model: MMDiT) -> MMDiT:
    """A copy to train; how it attends is a function, which a copy shares."""
    return copy.deepcopy(model).train().requires_grad_(True)


def _choose(recipe: DistillRecipe, teacher: Model, data: FlowData) -> tuple[int, ...]:
    """The blocks that stay."""
    config, count = recipe.depth, len(teacher.transformer.transformer_blocks)
    if config.blocks:
        return config.blocks
    keep = (count + 1) // 2 if config.keep is None else config.keep
    if config.choose == "even":
        return every_second(count, keep)
    device = torch.device(recipe.run.device)
    batches = [data.batch(0, part) for part in range(-(-config.samples // recipe.run.batch))]
    told = [tell(teacher.encoder, batch, device) for batch in batches]

    def measure(model: MMDiT) -> Tensor:
        made = []
        for batch, words in zip(batches, told, strict=True):
            t = batch.t.to(device)
            x = interpolate(batch.latents.to(device), batch.noise.to(device), t)
            made.append(field_of(model, words)(x, t).flatten())
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
