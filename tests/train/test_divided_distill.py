"""`torchrun -m hanmo train` with [shard] and `kind = "distill"`: teacher and student take the steps of one process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_pictures import png

from hanmo.data.collect import collect
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import ConfigError
from hanmo.producer.config import ChooseConfig, EncodeConfig
from hanmo.train.batches import MixConfig
from hanmo.train.curriculum import CurriculumConfig, Stage
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.objectives.distill_depth import DepthConfig
from hanmo.train.objectives.distill_steps import StepsConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.recipe import RunConfig
from hanmo.train.run import train
from hanmo.train.selection import Only
from hanmo.train.shard.config import ShardConfig
from hanmo.train.stored import StoreConfig
from tests.train.torchrun import furthest, same_exports, together, told
from tests.train.toy_teacher import saved_teacher

pytestmark = pytest.mark.slow
"""Several processes each."""


@pytest.fixture
def recipe(tmp_path: Path) -> DistillRecipe:
    """Five steps; the teacher has four blocks and two heads. `eps` keeps rounding from deciding Adam's first steps."""
    saved_teacher(tmp_path)
    (tmp_path / "pictures").mkdir()
    for number in range(8):
        (tmp_path / "pictures" / f"{number:02d}.png").write_bytes(png(20 * number, size=64))
        (tmp_path / "pictures" / f"{number:02d}.txt").write_text(f"a red card {'of ' * number}", encoding="utf-8")
    (tmp_path / "data").mkdir()
    collect([FolderSource(tmp_path / "pictures", "grey")], tmp_path / "data" / "set0")
    run = RunConfig(tmp_path, 5, batch=2, accumulate=2, log_every=1, save_every=5, preview_every=0, threads=1)
    return DistillRecipe(
        name="one",
        seed=3,
        teacher=str(tmp_path / "teacher"),
        run=replace(run, precision="float32"),
        data=StoreConfig((tmp_path / "data",), tmp_path / "store"),
        encode=EncodeConfig(sizes=((64, 64),)),
        choose=ChooseConfig(tasks=("t2i",)),
        mix=MixConfig(dropout=0.0),
        curriculum=CurriculumConfig((Stage("text", Only(tasks=("t2i",))),)),
        optim=OptimConfig(lr=1e-3, warmup=1, eps=1e-5, schedule="constant"),
        preview=PreviewConfig(0, steps=3),
        depth=DepthConfig(choose="even"),
        steps=StepsConfig(steps=3, fine=2),
    )


def same(one: Path, many: Path, *keys: str) -> None:
    for key in ("loss", "grad_norm", *keys):
        assert told(one, key) == pytest.approx(told(many, key), rel=1e-4), key
    assert furthest(one, many) <= 1e-5
    same_exports(one, many)


def test_a_student_of_half_the_depth_in_shards_takes_the_steps_of_one_process(recipe: DistillRecipe) -> None:
    recipe = replace(recipe, method="depth", preview=PreviewConfig(1, steps=2))
    one = train(recipe).parent
    for shard in (ShardConfig(data=2), ShardConfig(data=2, tensor=2, checkpointing="full")):
        many = replace(recipe, name=f"of {shard.count}", shard=shard)
        together(many, shard.count)
        folder = recipe.run.folder / many.name
        same(one, folder, "velocity", "features", "data")
        assert (folder / "previews" / "step-000000005.png").is_file()
        assert (folder / "blocks.json").read_text() == (one / "blocks.json").read_text() == "[0, 3]"


def test_a_student_of_few_steps_is_asked_equally_often_by_processes_whose_rows_have_come_less_far(
    recipe: DistillRecipe,
) -> None:
    one = train(recipe).parent
    together(replace(recipe, name="two", shard=ShardConfig(data=2)), 2)
    same(one, recipe.run.folder / "two", "drift")


def test_blocks_cannot_be_measured_where_no_process_has_the_whole_teacher(recipe: DistillRecipe) -> None:
    measured = replace(recipe, method="depth", depth=DepthConfig(choose="measured"))
    with pytest.raises(ConfigError, match=r'depth\.choose is "measured".*name the blocks in depth\.blocks'):
        replace(measured, shard=ShardConfig(data=2))
    for allowed in (replace(measured, method="steps"), replace(measured, depth=DepthConfig(blocks=(0, 2)))):
        assert replace(allowed, shard=ShardConfig(data=2)).shard.count == 2


def test_tokens_are_not_divided_where_streams_are_compared(recipe: DistillRecipe) -> None:
    with pytest.raises(ConfigError, match=r"shard\.context is 2.*set it to 1 and raise shard\.data"):
        replace(recipe, shard=ShardConfig(context=2))
