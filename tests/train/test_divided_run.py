"""`torchrun -m hanmo train` with [shard]: steps, averages and validation losses of one process; and their resume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hanmo.errors import ConfigError
from hanmo.train.curriculum import CurriculumConfig, Plateau, Stage, Until
from hanmo.train.lora_recipe import FolderConfig, SFTRecipe
from hanmo.train.recipe import NewTransformer, SamplesRecipe
from hanmo.train.run import train
from hanmo.train.shard.config import ShardConfig
from hanmo.train.status import status
from tests.train.torchrun import furthest, same_exports, together, told

pytestmark = pytest.mark.slow
"""Several processes each."""


@pytest.fixture
def recipe(samples_recipe: SamplesRecipe) -> SamplesRecipe:
    """Adam's first steps have the length of the rate whatever the gradient; `eps` keeps rounding from deciding them."""
    optim = replace(samples_recipe.optim, lr=1e-3, eps=1e-5, schedule="constant")
    return replace(samples_recipe, run=replace(samples_recipe.run, accumulate=2), optim=optim)


def same(one: Path, many: Path) -> None:
    """Losses, norms, validation losses, and what was exported."""
    for key in ("flow", "grad_norm", "val/loss"):
        assert told(one, key) == pytest.approx(told(many, key), rel=1e-4), key
    same_exports(one, many)


def test_shards_heads_and_tokens_take_the_steps_of_one_process(recipe: SamplesRecipe) -> None:
    one = train(replace(recipe, name="one")).parent
    two = replace(recipe, name="two", shard=ShardConfig(data=2))
    four = replace(recipe, name="four", shard=ShardConfig(data=2, tensor=2, checkpointing="selective"))
    for divided in (two, four):
        folder = recipe.run.folder / divided.name
        assert together(divided, divided.shard.count) == f"{folder / 'export'}\n"
        same(one, folder)
        assert furthest(one, folder) <= 1e-5
        assert status(folder).snapshot == 8
    tokens = replace(recipe, name="tokens", shard=ShardConfig(context=2, checkpointing="full"))
    together(replace(tokens, run=replace(recipe.run, steps=4)), 2)
    together(replace(tokens, shard=ShardConfig(data=2)), 2, "--resume")  # tokens are divided no more
    same(one, recipe.run.folder / "tokens")
    assert furthest(one, recipe.run.folder / "tokens") <= 1e-5


def test_a_process_that_dies_is_started_again_and_four_ranks_go_on_as_two(recipe: SamplesRecipe) -> None:
    one = train(replace(recipe, name="one")).parent
    half = replace(recipe, name="half", shard=ShardConfig(data=2, tensor=2))
    folder = recipe.run.folder / "half"
    together(replace(half, run=replace(half.run, steps=4)), 4)
    assert status(folder).snapshot == 4
    two = replace(half, shard=ShardConfig(data=2))
    together(two, 2, "--resume", restarts=1, dies=6)
    assert told(folder, "flow") == pytest.approx(told(one, "flow"), rel=1e-4)
    assert furthest(one, folder) <= 1e-5


def test_new_weights_begin_the_same_and_a_plateau_is_found_by_all(recipe: SamplesRecipe) -> None:
    plateau = Until(plateau=Plateau(window=1, improvement=0.99, patience=1))
    recipe = replace(
        recipe,
        model=replace(recipe.model, new=NewTransformer(2, 2, 8, (2, 2, 4))),
        curriculum=CurriculumConfig((Stage("first", until=plateau), Stage("second"))),
        run=replace(recipe.run, steps=12, preview_every=2, save_every=12),
    )
    one = train(replace(recipe, name="one")).parent
    two = replace(recipe, name="two", shard=ShardConfig(data=2))
    together(two, 2)
    folder = recipe.run.folder / "two"
    same(one, folder)
    for log in ("train.log", "worker-1.log"):
        assert (folder / log).read_text("utf-8").count("the stage second begins at step") == 1


def test_a_folder_of_pictures_teaches_a_divided_model(recipe: SamplesRecipe) -> None:
    run = replace(recipe.run, steps=4)
    tuned = SFTRecipe(model=recipe.model.init, run=run, data=FolderConfig(recipe.run.folder / "pictures", (64, 64)))
    one = train(replace(tuned, name="one", optim=recipe.optim)).parent
    two = replace(tuned, name="two", optim=recipe.optim, shard=ShardConfig(data=2))
    together(two, 2)
    same(one, recipe.run.folder / "two")


def test_degrees_that_do_not_fit_are_one_line(recipe: SamplesRecipe) -> None:
    with pytest.raises(ConfigError, match="torchrun --nproc-per-node 2"):
        train(replace(recipe, shard=ShardConfig(data=2)))
    with pytest.raises(ConfigError, match=r"set run\.processes = 1"):
        replace(recipe, shard=ShardConfig(data=2), run=replace(recipe.run, processes=2))
