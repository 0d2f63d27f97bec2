from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import hanmo
from hanmo.config import dump_recipe
from hanmo.errors import ConfigError
from hanmo.flow import fixed_shift
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.objectives.distill_depth import DepthConfig
from hanmo.train.objectives.distill_steps import StepsConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.recipe import FlowRecipe, read
from hanmo.train.run import train
from hanmo.weights.folder import load_schedule, load_transformer, open_folder
from tests.train.toy_teacher import saved_teacher

Make = Callable[..., FlowRecipe]


def _recipe(flow_recipe: Make, folder: Path, **values: object) -> DistillRecipe:
    base = flow_recipe()
    recipe = DistillRecipe(
        name="student",
        seed=3,
        teacher=saved_teacher(base, folder),
        run=replace(base.run, steps=3, save_every=3),
        cards=base.cards,
        data=replace(base.data, cards=8, pairs=4, edits=0.5),
        optim=replace(base.optim, lr=1e-3),
        preview=PreviewConfig(prompts=1, edits=1, steps=2),
        steps=StepsConfig(steps=2),
    )
    return replace(recipe, **values)  # type: ignore[arg-type]


def test_a_student_of_few_steps_is_run_so_by_default(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = _recipe(flow_recipe, tmp_path)
    export = train(recipe)
    opened = open_folder(export)
    assert (opened.preferences.steps, opened.preferences.cfg_scale) == (2, 1.0)
    assert opened.preferences.default_size == (128, 64)
    assert recipe.teacher is not None
    assert load_schedule(opened) == fixed_shift(load_schedule(recipe.teacher), 3.0)
    pipeline = hanmo.load(str(export))
    heard: list[float] = []
    result = pipeline.generate('a red card "AB"', seed=1, on_step=lambda info: heard.append(info.sigma))
    assert result.images[0].size == (128, 64)
    assert heard == pytest.approx([0.75, 0.0]), "levels 1, 0.75, 0: shifted by 3, no terminal level"
    assert pipeline.edit(result.images[0], "make it blue", seed=1).request.steps == 2


def test_a_student_of_half_the_depth_is_run_as_its_teacher_and_a_resumed_run_keeps_the_choice(
    flow_recipe: Make, tmp_path: Path
) -> None:
    recipe = _recipe(flow_recipe, tmp_path, method="depth", depth=DepthConfig(samples=4))
    export = train(recipe)
    opened = open_folder(export)
    assert opened.preferences.cfg_scale == 2.0
    transformer = load_transformer(opened, dtype="float32")
    assert len(transformer.transformer_blocks) == 2
    kept = json.loads((export.parent / "blocks.json").read_text())
    assert len(kept) == 2
    other = [block for block in range(4) if block not in kept]
    (export.parent / "blocks.json").write_text(json.dumps(other))
    longer = replace(recipe, run=replace(recipe.run, steps=4))
    train(longer, resume=True)
    assert json.loads((export.parent / "blocks.json").read_text()) == other
    assert hanmo.load(str(export)).generate('a red card "AB"', seed=1, steps=1).images[0].size == (128, 64)


def test_named_blocks_are_kept_and_begin_with_the_teachers_weights(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = _recipe(flow_recipe, tmp_path, method="depth", depth=DepthConfig(blocks=(1, 3)))
    still = replace(recipe, optim=replace(recipe.optim, lr=0.0), run=replace(recipe.run, steps=1))
    assert still.teacher is not None
    student = load_transformer(train(still), dtype="float32").state_dict()
    teacher = load_transformer(still.teacher, dtype="float32").state_dict()
    key = "transformer_blocks.{}.attn.to_q.weight"
    for place, number in ((0, 1), (1, 3)):
        assert torch.equal(student[key.format(place)], teacher[key.format(number)].bfloat16().float())


def test_blocks_that_the_teacher_has_not_are_refused(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = _recipe(flow_recipe, tmp_path, method="depth", depth=DepthConfig(blocks=(1, 9)))
    with pytest.raises(ConfigError, match=r"depth\.blocks is \[1, 9\]; give numbers from 0 to 3"):
        train(recipe)


@pytest.mark.parametrize("name", ["distill_steps", "distill_depth"])
def test_the_recipes_can_be_read_and_written(name: str, root: Path, tmp_path: Path) -> None:
    recipe = read(root / "recipes" / "tiny" / f"{name}.toml")
    assert isinstance(recipe, DistillRecipe)
    assert recipe.teacher is None, "the bundled model"
    copy = tmp_path / "copy.toml"
    copy.write_text(dump_recipe(recipe), encoding="utf-8")
    assert read(copy) == recipe
