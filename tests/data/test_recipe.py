from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.data.operator import Threshold
from hanmo.data.ray_engine import RayConfig, RayGroup
from hanmo.data.recipe import Recipe, dump, read_recipe, wanted
from hanmo.data.sources.tables import open_source
from hanmo.errors import ConfigError

HEAD = '[run]\nfolder = "runs/x"\nmodules = ["tiny_operators"]\n'
CARDS = '[[sources]]\nkind = "cards"\nname = "cards"\ncount = 3\n'
LOOKS = '[[stages]]\nname = "look"\nuse = ["looks"]\n[stages.thresholds.looks.luma]\nlow = 0.2\n'


def recipe(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path, overrides)


def test_a_resolved_recipe_is_read_back_equal_with_every_default_in_it(tmp_path: Path) -> None:
    first = recipe(tmp_path, HEAD + CARDS + LOOKS + '[stages.config.looks]\ncalls = "here"\n')
    text = dump(first, wanted(first))
    second = recipe(tmp_path, text)
    assert dump(second, wanted(second)) == text
    assert second.run == first.run
    assert second.sources == first.sources
    assert second.stages[0].thresholds == {"looks": {"luma": Threshold(low=0.2)}}
    for default in ("seconds = 600.0", 'engine = "local"', "chinese = 0.5", 'licence = "unknown"', 'high = "none"'):
        assert default in text


def test_overrides_find_sources_and_stages_by_name(tmp_path: Path) -> None:
    overrides = ("sources.cards.look.chinese=1.0", "stages.look.thresholds.looks.luma.high=0.9", "run.workers=7")
    read = recipe(tmp_path, HEAD + CARDS + LOOKS, *overrides)
    assert read.sources[0].look.chinese == 1.0  # type: ignore[attr-defined]
    assert read.stages[0].thresholds["looks"]["luma"] == Threshold(0.2, 0.9)
    assert read.run.workers == 7


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (HEAD, (), "has no source"),
        (CARDS, (), "run.folder is missing"),
        (HEAD + CARDS + "[runs]\n", (), "unknown key 'runs'; did you mean 'run'?"),
        (HEAD.replace("folder", "foldr") + CARDS, (), "unknown key 'run.foldr'; did you mean 'run.folder'?"),
        (HEAD + CARDS, ("run.workers=0",), "workers is 0"),
        (HEAD + CARDS, ("run.engine=dask",), "must be one of 'local', 'ray'"),
        (HEAD + CARDS.replace("kind", "knd"), (), "sources.cards has no kind; there are: folder, tar"),
        (HEAD + CARDS, ("sources.cards.kind=foldr",), "the kind 'foldr', which is not there; did you mean 'folder'?"),
        (HEAD + CARDS + "licens = 1\n", (), "'sources.cards.licens'; did you mean 'sources.cards.licence'?"),
        (HEAD + CARDS, ("sources.cards.count=none",), "is drawn without end: give a count"),
        (HEAD + CARDS + CARDS, (), "two of .*sources.* are called 'cards'"),
        (HEAD + '[sources]\nkind = "cards"\n', (), r"sources is no array of tables; write \[\[sources\]\]"),
        (HEAD + CARDS + LOOKS, ("stages.look.use=[]",), "uses no operator"),
        (
            HEAD + CARDS + LOOKS,
            ("stages.look.spare=['crads']",),
            r"spare names the source 'crads'; did you mean 'cards'\?",
        ),
        (HEAD + CARDS + LOOKS, ("stages.look.uses=[]",), "'stages.look.uses'; did you mean 'stages.look.use'?"),
        (HEAD + CARDS + LOOKS.replace("looks.luma", "loks.luma"), (), r"thresholds.loks .* did you mean 'looks'\?"),
        (HEAD + CARDS + LOOKS, ("stages.look.thresholds.looks.luma.low=9", "stages.look.name=a b"), "called 'a b'"),
        (HEAD + CARDS + LOOKS, ("stages.look.thresholds.looks.luma.lo=9",), "did you mean .*luma.low'"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_what_was_meant(
    tmp_path: Path, text: str, overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        recipe(tmp_path, text, *overrides)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("stages.look.use=['lokks']",), r"the operator 'lokks', which is not there; did you mean 'looks'\?"),
        (("stages.look.use=['looks', 'looks']",), "stages.look.use names looks twice"),
        (("stages.look.config.looks.cals=a",), "'stages.look.config.looks.cals'; did you mean"),
        (("stages.look.config.brightness.scale=2",), "stages.look.config.brightness names the operator"),
        (("run.modules=['tiny_operator']",), "run.modules names tiny_operator, which cannot be imported"),
        (("run.modules=['tiny_pictures']",), "tiny_pictures has no OPERATORS"),
    ],
)
def test_a_wrong_operator_is_one_line_too(tmp_path: Path, overrides: tuple[str, ...], message: str) -> None:
    text = (HEAD + CARDS + LOOKS).replace("[stages.thresholds.looks.luma]\nlow = 0.2\n", "")
    with pytest.raises(ConfigError, match=message) as error:
        wanted(recipe(tmp_path, text, *overrides))
    assert "\n" not in str(error.value)


def test_operators_are_built_from_their_tables_in_their_order(tmp_path: Path) -> None:
    use = HEAD + CARDS + '[[stages]]\nname = "a"\nuse = ["looks", "resolution"]\nconfig.resolution.scale = 2.0\n'
    ((looks, resolution),) = wanted(recipe(tmp_path, use))
    assert (looks.name, resolution.name) == ("looks", "resolution")
    assert resolution.build((), tmp_path, tmp_path).config.scale == 2.0
    assert not resolution.prepares


RAY = """
[ray]
address = "auto"
[[ray.groups]]
operators = ["looks"]
actors = 8
gpus = 0.25
"""


def test_a_cluster_is_part_of_a_recipe(tmp_path: Path) -> None:
    read = recipe(tmp_path, HEAD + CARDS + LOOKS + RAY, "run.engine=ray")
    assert read.ray == RayConfig(address="auto", groups=(RayGroup(("looks",), actors=8, gpus=0.25),))
    again = recipe(tmp_path, dump(read, wanted(read)))
    assert again.ray == read.ray
    with pytest.raises(ConfigError, match=r"ray\.groups\.0\.gpu'; did you mean"):
        recipe(tmp_path, HEAD + CARDS + LOOKS + RAY.replace("gpus", "gpu"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("cards", "cards"), ("card_pairs", "card_pairs"), ("solids_depth", "solids"), ("solids_view", "solids")],
)
def test_recipes_of_drawn_sets_open_their_sources(name: str, kind: str, root: Path) -> None:
    read = read_recipe(root / "recipes" / "tiny" / f"{name}.toml")
    assert [table.kind for table in read.sources] == [kind]
    for table in read.sources:
        assert open_source(table, 1).name == table.name


def test_the_tiny_recipe_is_read_back_equal(tmp_path: Path, root: Path) -> None:
    first = read_recipe(root / "recipes" / "tiny" / "data.toml")
    text = dump(first, wanted(first))
    second = recipe(tmp_path, text, "stages.looks.thresholds.luma.luma.low=0.2")
    assert [one.config for some in wanted(second) for one in some] == [
        one.config for some in wanted(first) for one in some
    ]
    assert second.sources == first.sources
    assert dump(recipe(tmp_path, text), wanted(second)) == text
