"""A student from a teacher's folder and a set of the data engine, at toy size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_pictures import png

import hanmo
from hanmo.config import dump_recipe
from hanmo.data.collect import collect
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import ConfigError
from hanmo.flow import fixed_shift
from hanmo.producer.config import ChooseConfig, EncodeConfig
from hanmo.train.batches import MixConfig
from hanmo.train.curriculum import CurriculumConfig, Stage
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.objectives.distill_depth import DepthConfig
from hanmo.train.objectives.distill_steps import StepsConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.recipe import RunConfig, read
from hanmo.train.run import train
from hanmo.train.selection import Only
from hanmo.train.stored import StoreConfig
from hanmo.weights.folder import load_schedule, load_transformer, open_folder
from tests.train.toy_teacher import saved_teacher

TEXT = CurriculumConfig((Stage("text", Only(tasks=("t2i",))),))
"""No edits: nothing has encoded their empty prompts."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher, and a set of eight pictures."""
    folder = tmp_path_factory.mktemp("distill")
    saved_teacher(folder)
    (folder / "pictures").mkdir()
    for number in range(8):
        (folder / "pictures" / f"{number:02d}.png").write_bytes(png(20 * number, size=64))
        (folder / "pictures" / f"{number:02d}.txt").write_text(f"a red card {'of ' * number}", encoding="utf-8")
    (folder / "data").mkdir()
    collect([FolderSource(folder / "pictures", "grey")], folder / "data" / "set0")
    return folder


@pytest.fixture
def recipe(home: Path, tmp_path: Path) -> DistillRecipe:
    """Three steps on text-to-image and reconstruction."""
    run = RunConfig(tmp_path, steps=3, batch=4, log_every=1, save_every=3, threads=1, precision="float32")
    return DistillRecipe(
        name="student",
        seed=3,
        teacher=str(home / "teacher"),
        run=run,
        data=StoreConfig((home / "data",), home / "store"),
        encode=EncodeConfig(sizes=((64, 64),)),
        choose=ChooseConfig(tasks=("t2i", "i2i")),
        mix=MixConfig(dropout=0.0),
        optim=OptimConfig(lr=1e-3, warmup=1),
        preview=PreviewConfig(prompts=1, edits=1, steps=2),
        steps=StepsConfig(steps=2),
    )


def test_a_student_of_few_steps_is_run_so_by_default(recipe: DistillRecipe) -> None:
    export = train(replace(recipe, curriculum=TEXT))
    opened = open_folder(export)
    assert (opened.preferences.steps, opened.preferences.cfg_scale) == (2, 1.0)
    assert opened.preferences.default_size == (96, 64)
    assert load_schedule(opened) == fixed_shift(load_schedule(Path(recipe.teacher)), 3.0)
    pipeline = hanmo.load(str(export))
    heard: list[float] = []
    result = pipeline.generate('a red card "AB"', seed=1, on_step=lambda info: heard.append(info.sigma))
    assert result.images[0].size == (96, 64)
    assert heard == pytest.approx([0.75, 0.0]), "levels 1, 0.75, 0: shifted by 3, no terminal level"
    assert pipeline.edit(result.images[0], "make it blue", seed=1).request.steps == 2


def test_guidance_of_rows_without_empty_prompts_is_one_line_and_none_is_no_hindrance(recipe: DistillRecipe) -> None:
    with pytest.raises(ConfigError, match=r"the teacher is guided \(scale 2\), but sample .* \(i2i\) has no empty"):
        train(recipe)
    short = replace(recipe, name="plain", run=replace(recipe.run, steps=1), preview=PreviewConfig(0, steps=2))
    assert train(replace(short, steps=StepsConfig(steps=2, cfg_scale=1.0))).is_dir()


def test_a_student_of_half_the_depth_is_run_as_its_teacher_and_a_resumed_run_keeps_the_choice(
    recipe: DistillRecipe,
) -> None:
    recipe = replace(recipe, method="depth", depth=DepthConfig(samples=4))
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
    assert hanmo.load(str(export)).generate('a red card "AB"', seed=1, steps=1).images[0].size == (96, 64)


@pytest.mark.parametrize("method", ["depth", "steps"])
def test_a_resumed_run_repeats_every_loss(recipe: DistillRecipe, method: str) -> None:
    run = replace(recipe.run, steps=4, save_every=2)
    base = replace(recipe, run=run, curriculum=TEXT, preview=PreviewConfig(0, steps=2))
    folder = train(replace(base, method=method, depth=DepthConfig(choose="even"))).parent  # type: ignore[arg-type]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    whole = {line["step"]: line["loss"] for line in lines if "loss" in line}
    assert list(whole) == [1, 2, 3, 4]
    (newest,) = (folder / "checkpoints").glob("*4.pt")
    newest.unlink()  # as if the run had been killed before its last snapshot
    train(read(folder / "recipe.toml"), resume=True)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert {line["step"]: line["loss"] for line in lines if "loss" in line} == whole


def test_named_blocks_are_kept_and_begin_with_the_teachers_weights(recipe: DistillRecipe) -> None:
    still = replace(
        recipe,
        method="depth",
        depth=DepthConfig(blocks=(1, 3)),
        optim=replace(recipe.optim, lr=0.0),
        run=replace(recipe.run, steps=1),
        preview=PreviewConfig(0),
    )
    student = load_transformer(train(still), dtype="float32").state_dict()
    teacher = load_transformer(still.teacher, dtype="float32").state_dict()
    key = "transformer_blocks.{}.attn.to_q.weight"
    for place, number in ((0, 1), (1, 3)):
        assert torch.equal(student[key.format(place)], teacher[key.format(number)].bfloat16().float())


def test_blocks_that_the_teacher_has_not_are_refused(recipe: DistillRecipe) -> None:
    with pytest.raises(ConfigError, match=r"depth\.blocks is \[1, 9\]; give numbers from 0 to 3"):
        train(replace(recipe, method="depth", depth=DepthConfig(blocks=(1, 9))))


@pytest.mark.parametrize("name", ["distill_steps", "distill_depth"])
def test_the_recipes_can_be_read_and_written(name: str, root: Path, tmp_path: Path) -> None:
    recipe = read(root / "recipes" / "tiny" / f"{name}.toml")
    assert isinstance(recipe, DistillRecipe)
    assert recipe.teacher == "", "the bundled model"
    assert recipe.data.sets[0] == Path("runs/cards")
    copy = tmp_path / "copy.toml"
    copy.write_text(dump_recipe(recipe), encoding="utf-8")
    assert read(copy) == recipe
