from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.config import dump_recipe
from hanmo.errors import ConfigError
from hanmo.train.recipe import FlowRecipe, VAERecipe, read


@pytest.mark.parametrize("name", ["vae", "t2i", "edit"])
def test_the_recipes_of_the_bundled_model_can_be_read_and_written(name: str, root: Path, tmp_path: Path) -> None:
    recipe = read(root / "recipes" / "tiny" / f"{name}.toml")
    assert isinstance(recipe, VAERecipe if name == "vae" else FlowRecipe)
    copy = tmp_path / "copy.toml"
    copy.write_text(dump_recipe(recipe), encoding="utf-8")
    assert read(copy) == recipe


def test_an_override_comes_last(root: Path) -> None:
    recipe = read(root / "recipes" / "tiny" / "t2i.toml", ["optim.lr=0.5", "run.steps=7"])
    assert recipe.optim.lr == 0.5
    assert recipe.run.steps == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "flow"\n[optim]\nlrr = 1.0', "optim.lr'"),
        ('kind = "flow"\n[run]\nsteps = 0', "run.steps"),
        ('kind = "flow"\n[auxiliary]\nuntil = 2.0', "auxiliary.until"),
        ('kind = "flow"\n[model]\ninit = "a"\nvae = "b"', "either init"),
        ('kind = "vae"\n[loss]\ncrop = 5', "loss.crop"),
        ('kind = "grpo"', "kind is 'grpo'"),
        ("seed = 1", "it must be one of vae, flow"),
        ("kind = ", "not TOML"),
    ],
)
def test_an_error_in_a_recipe_names_the_key(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert message in str(caught.value)


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read(tmp_path / "nowhere.toml")
