from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanmo.config import dump_recipe, from_mapping, load_recipe, nearest
from hanmo.errors import ConfigError, RequestError


@dataclass(frozen=True)
class Optim:
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    kind: Literal["adamw", "muon"] = "adamw"
    clip: float | None = 1.0

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise ValueError(f"lr is {self.lr}; it must be above 0")


@dataclass(frozen=True)
class Stage:
    name: str
    steps: int = 10


@dataclass(frozen=True)
class Recipe:
    name: str = "run"
    steps: int = 100
    ema: bool = True
    out: Path = Path("runs/x")
    seed: int | None = None
    sizes: tuple[int, ...] = (64, 128)
    optim: Optim = field(default_factory=lambda: Optim(lr=3e-4))
    preview: Optim | None = None
    stages: tuple[Stage, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Needs:
    path: str
    optim: Optim


def recipe(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, Recipe, overrides)


def test_no_file_and_no_override_give_the_defaults() -> None:
    assert load_recipe(None, Recipe) == Recipe()


def test_a_recipe_overrides_only_what_it_names(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, 'name = "a"\n[optim]\nbetas = [0.8, 0.9]\n')
    assert loaded.name == "a"
    assert loaded.optim == Optim(lr=3e-4, betas=(0.8, 0.9))  # lr: the outer default, not Optim's own


def test_overrides_come_last_and_in_order(tmp_path: Path) -> None:
    loaded = recipe(tmp_path, "steps = 5", "steps=6", "steps=7", "optim.lr=0.5", "optim.kind=muon")
    assert (loaded.steps, loaded.optim.lr, loaded.optim.kind) == (7, 0.5, "muon")


def test_overrides_reach_into_an_array_of_tables_by_name(tmp_path: Path) -> None:
    text = '[[stages]]\nname = "first"\n[[stages]]\nname = "second"\nsteps = 3\n'
    loaded = recipe(tmp_path, text, "stages.second.steps=7")
    assert loaded.stages == (Stage("first"), Stage("second", 7))
    with pytest.raises(ConfigError, match=r"names no table of stages; did you mean 'second'\?"):
        recipe(tmp_path, text, "stages.secnd.steps=7")
    with pytest.raises(ConfigError, match="'stages', which is a value"):
        recipe(tmp_path, text, "stages.first=7", "stages.first.more=7")


def test_an_error_says_which_table_it_is_about() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'stages.looks.step'; did you mean 'stages.looks.steps'"):
        from_mapping({"name": "looks", "step": 3}, Stage, ("stages", "looks"))


@pytest.mark.parametrize(
    ("override", "name", "value"),
    [
        ("name=7", "name", "7"),
        ("name=true", "name", "true"),
        ('name="a b"', "name", "a b"),
        ("name=a=b", "name", "a=b"),
        ("out=runs/y", "out", Path("runs/y")),
        ("ema=false", "ema", False),
        ("seed=3", "seed", 3),
        ("seed=none", "seed", None),
        ("sizes=[256]", "sizes", (256,)),
        ("weights={a=1}", "weights", {"a": 1.0}),
        ("weights.a=1", "weights", {"a": 1.0}),
        ("preview.lr=2", "preview", Optim(lr=2.0)),
        ('stages=[{name="one"}]', "stages", (Stage("one"),)),
    ],
)
def test_an_override_is_read_as_its_field_asks(override: str, name: str, value: object) -> None:
    assert getattr(load_recipe(None, Recipe, [override]), name) == value


def test_a_whole_number_may_stand_for_a_number_but_not_the_other_way() -> None:
    assert isinstance(load_recipe(None, Recipe, ["optim.lr=1"]).optim.lr, float)
    with pytest.raises(ConfigError, match=r"steps is 1\.5; it must be a whole number"):
        load_recipe(None, Recipe, ["steps=1.5"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stpes=3", "unknown key 'stpes'; did you mean 'steps'?"),
        ("optim.lrr=3", "unknown key 'optim.lrr'; did you mean 'optim.lr'?"),
        ("zzz=3", "unknown key 'zzz'; allowed here: name, steps, ema"),
        ("steps=true", "steps is True; it must be a whole number"),
        ("ema=1", "ema is 1; it must be true or false"),
        ("optim.kind=sgd", "optim.kind is 'sgd'; it must be one of 'adamw', 'muon'"),
        ("optim.betas=[1]", r"optim.betas is \[1\]; it must be a list of 2"),
        ("optim=3", "optim is 3; it must be a table"),
        ("weights=3", "weights is 3; it must be a table"),
        ("seed=x", "seed is 'x'; it must be a whole number"),
        ("sizes=3", "sizes is 3; it must be a list"),
        ("sizes=['a']", "sizes.0 is 'a'; it must be a whole number"),
        ("stages=[{}]", "stages.0.name is missing"),
        ("optim.lr=-1", r"\[optim\]: lr is -1.0; it must be above 0"),
        ("steps", "the override 'steps' is not KEY=VALUE"),
        ("a..b=3", "is not KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_recipe(None, Recipe, [override])
    assert "\n" not in str(caught.value)


def test_an_override_cannot_go_below_a_value() -> None:
    with pytest.raises(ConfigError, match="goes below 'steps'"):
        load_recipe(None, Recipe, ["steps=1", "steps.x=1"])


def test_a_missing_recipe_names_the_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the recipe .*none\.toml"):
        load_recipe(tmp_path / "none.toml", Recipe)


@pytest.mark.parametrize("text", [b"a = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(text)
    with pytest.raises(ConfigError, match="is not TOML"):
        load_recipe(tmp_path / "bad.toml", Recipe)


def test_a_field_without_default_must_be_set_and_a_table_may_be_left_out() -> None:
    assert load_recipe(None, Needs, ["path=a"]) == Needs("a", Optim())
    with pytest.raises(ConfigError, match="path is missing"):
        load_recipe(None, Needs)


def test_an_error_of_ours_inside_a_dataclass_passes_unchanged() -> None:
    @dataclass(frozen=True)
    class Refuses:
        x: int = 0

        def __post_init__(self) -> None:
            raise RequestError("as it was said")

    with pytest.raises(RequestError, match=r"^as it was said$"):
        from_mapping({}, Refuses)


def test_a_dumped_recipe_shows_every_field(tmp_path: Path) -> None:
    text = dump_recipe(Recipe())
    for line in ('name = "run"', "steps = 100", 'seed = "none"', "[optim]", "lr = 0.0003"):
        assert line in text
    assert recipe(tmp_path, text) == Recipe()


optims = st.builds(
    Optim,
    lr=st.floats(min_value=1e-9, max_value=1e9),
    betas=st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
    kind=st.sampled_from(["adamw", "muon"]),
    clip=st.none() | st.floats(allow_nan=False),
)
words = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    st.builds(
        Recipe,
        name=words,
        steps=st.integers(-(2**62), 2**62),
        ema=st.booleans(),
        seed=st.none() | st.integers(0, 2**32),
        sizes=st.lists(st.integers(0, 9)).map(tuple),
        optim=optims,
        preview=st.none() | optims,
        stages=st.lists(st.builds(Stage, words)).map(tuple),
        weights=st.dictionaries(words, st.floats(allow_nan=False), max_size=3),
    )
)
def test_a_dumped_recipe_loads_to_an_equal_one(config: Recipe) -> None:
    assert from_mapping(tomllib.loads(dump_recipe(config)), Recipe) == config


def test_infinity_survives_the_file(tmp_path: Path) -> None:
    assert math.isinf(recipe(tmp_path, dump_recipe(Recipe(optim=Optim(clip=math.inf)))).optim.clip or 0.0)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x"])
def test_what_toml_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"weights\.a is a"):
        dump_recipe(Recipe(weights={"a": value}))


def test_the_nearest_name_is_found_or_none() -> None:
    assert nearest("hight", ["height", "width"]) == "height"
    assert nearest("qqq", ["height", "width"]) is None
