"""Whole recipes with real worker processes, which take a second each to start: few tests, each of several things."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_pictures import png, write_folder

from hanmo.data.engine import COLLECT, decided_anew, read_history, recipe_of, run_recipe, set_of
from hanmo.data.funnel import Step, as_lines, funnel
from hanmo.data.layout import read_success, shards_of
from hanmo.data.recipe import read_recipe
from hanmo.data.shards import read_index
from hanmo.errors import ConfigError, RequestError

RECIPE = """
[run]
folder = "{top}/run"
workers = 1
items_per_shard = 4
modules = ["tiny_operators"]

[[sources]]
kind = "folder"
name = "grey"
path = "{top}/pictures"
licence = "CC0-1.0"

[[stages]]
name = "files"
use = ["resolution", "alike", "look"]
[stages.thresholds.resolution.side]
low = 8

[[stages]]
name = "looks"
use = ["brightness"]
[stages.config.brightness]
calls = "{top}/calls"
pause = {pause}
[stages.thresholds.brightness.mean]
low = 25.0
high = 75.0
"""


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != "history.jsonl"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recipe over ten pictures, a repeat, a small one and one that is none."""
    write_folder(tmp_path / "pictures", 10)
    (tmp_path / "pictures" / "again.png").write_bytes(png(30))
    (tmp_path / "pictures" / "small.png").write_bytes(png(50, size=4))
    (tmp_path / "pictures" / "words.png").write_text("no picture")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(top=tmp_path, pause=0.0), encoding="utf-8")
    return recipe


def calls(path: Path) -> int:
    file = path.parent / "calls"
    return file.stat().st_size if file.exists() else 0


def kept(run: Path, number: int) -> list[str]:
    return [str(row["id"]) for shard in shards_of(set_of(run, number)) for row in read_index(shard, ["id"])]


def test_a_recipe_runs_to_its_end_and_other_thresholds_measure_nothing(path: Path) -> None:
    recipe = read_recipe(path)
    run = recipe.run.folder
    parts = run_recipe(recipe)
    assert [(part.name, part.kept, part.rejected, part.measured) for part in parts] == [
        (COLLECT, 11, 2, 0),
        ("files", 10, 1, 33),
        ("looks", 5, 5, 10),
    ]
    assert calls(path) == 10
    assert funnel(run, recipe) == [
        Step(COLLECT, 13, 11, {"repeat": 1, "no_picture": 1}, {}),
        Step("files", 11, 10, {"resolution": 1}, {}),
        Step("looks", 10, 5, {"brightness": 5}, {}),
    ]
    assert as_lines(funnel(run, recipe))[2].split() == ["files", "11", "10", "90.9", "%", "resolution", "1"]
    assert (run / "prepared" / "files" / "alike" / "table.json").is_file()

    again = run_recipe(read_recipe(recipe_of(run)))
    assert [(part.measured, part.untouched) for part in again] == [(0, 0), (0, 4), (0, 4)]

    # A tighter first stage and a looser second one: nothing is looked at again, not even the sources; then back.
    path.parent.joinpath("pictures").rename(path.parent / "away")
    tighter = ["stages.files.thresholds.resolution.side.low=9", "stages.looks.thresholds.brightness.mean.high=200"]
    parts = run_recipe(decided_anew(run, tighter), look_at_sources=False)
    assert [(part.kept, part.measured) for part in parts] == [(0, 0), (0, 0)]
    looser = [tighter[0].replace("=9", "=none"), tighter[1]]
    parts = run_recipe(decided_anew(run, looser), look_at_sources=False)
    assert [(part.kept, part.measured) for part in parts] == [(11, 0), (8, 1)], "the small one is new"
    assert calls(path) == 11
    assert len(read_history(run)) == 10


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(path: Path, root: Path) -> None:
    slow = path.with_name("slow.toml")
    text = RECIPE.format(top=path.parent, pause=0.1).replace('["resolution", "alike", "look"]', '["resolution"]')
    slow.write_text(text, encoding="utf-8")
    recipe = read_recipe(slow)
    run = recipe.run.folder
    paths = [str(root / "src"), str(root / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "hanmo", "data", "run", str(slow), "--quiet"]
    with subprocess.Popen(command, env=environment) as parent:
        while not list(set_of(run, 2).glob("*/_SUCCESS")):
            assert parent.poll() is None, "the run ended before it was killed"
            time.sleep(0.01)
        parent.send_signal(signal.SIGKILL)
    before = -1
    while before != calls(slow):  # the workers end with their parent
        before = calls(slow)
        time.sleep(0.5)
    assert read_success(set_of(run, 2)) is None, "the run was whole before it was killed"
    with (run / "history.jsonl").open("ab") as file:
        file.write(b'{"name": "loo')  # as a kill may leave it
    parts = run_recipe(recipe)
    assert parts[2].untouched > 0
    assert parts[2].measured < 10
    whole = tree(run)
    assert len(read_history(run)) == 5, "two parts before the kill, three after it"
    run.rename(run.with_name("killed"))
    run_recipe(recipe)
    assert tree(run) == whole


def test_what_cannot_be_run_is_said_before_any_work(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed

    def refused(message: str, *overrides: str) -> None:
        with pytest.raises(RequestError, match=message):
            run_recipe(read_recipe(path, overrides))
        assert not (path.parent / "run" / "set0").exists()

    refused("stages.looks.thresholds.*did you mean 'mean'", "stages.looks.thresholds.brightness.men.low=3")
    refused(r"pip install 'hanmo\[ray\]'", "run.engine=ray")
    refused("the operator 'brightnes'", "stages.looks.use=['brightnes', 'brightness']")


def test_a_run_refuses_what_would_mix_two_recipes(path: Path) -> None:
    recipe = read_recipe(path, ["run.items_per_shard=100"])
    run_recipe(recipe)
    resolved = recipe_of(recipe.run.folder).read_text("utf-8")
    fewer = path.with_name("fewer.toml")
    fewer.write_text(path.read_text("utf-8").partition('[[stages]]\nname = "looks"')[0], encoding="utf-8")
    with pytest.raises(RequestError, match="set2 is of a recipe with more stages"):
        run_recipe(read_recipe(fewer, ["run.items_per_shard=100"]))
    with pytest.raises(RequestError, match="does not hold what these sources give"):
        run_recipe(read_recipe(path, ["run.items_per_shard=100", "sources.grey.count=3"]))
    assert recipe_of(recipe.run.folder).read_text("utf-8") == resolved
    with pytest.raises(RequestError, match=r"changes thresholds .* only"):
        decided_anew(recipe.run.folder, ["stages.looks.config.brightness.pause=1.0"])
    with pytest.raises(RequestError, match="is no run of the data engine"):
        decided_anew(path.parent / "pictures", [])
    with pytest.raises(ConfigError, match="names no table of stages; did you mean 'looks'"):
        decided_anew(recipe.run.folder, ["stages.lokks.thresholds.brightness.mean.low=1"])


def test_an_optional_source_that_is_not_there_is_left_out_and_said(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = path.read_text("utf-8").partition("[[stages]]")[0]
    text += '[[sources]]\nkind = "folder"\nname = "more"\npath = "nowhere"\noptional = true\n'
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(logging.getLogger("hanmo"), "propagate", True)
    (part,) = run_recipe(read_recipe(path))
    assert part.kept == 11
    assert "the source more is left out: it is optional, and nowhere is not there" in caplog.text
    with pytest.raises(RequestError, match="nowhere"):
        run_recipe(read_recipe(path, ["sources.more.optional=false", f"run.folder={path.parent}/other"]))
