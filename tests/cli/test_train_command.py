from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text('kind = "flow"\n[run]\nsteps = 20\n')
    line = {"step": 10, "time": 1.0, "loss": 0.5, "images_per_second": 3.0}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return folder


def test_status_tells_people_and_programs(hanmo: Command, run: Path) -> None:
    done = hanmo("train", "status", run)
    assert (done.code, done.out.splitlines()[0]) == (0, "one")
    assert "step      10 of 20" in done.out
    told = json.loads(hanmo("train", "status", run, "--json").out)
    assert (told["state"], told["step"], told["steps"], told["loss"]) == ("stopped", 10, 20, 0.5)
    assert "holds no run" in hanmo("train", "status", run.parent).line


def test_plot_writes_one_page_into_the_run_or_where_it_is_asked_to(hanmo: Command, run: Path, tmp_path: Path) -> None:
    assert hanmo("train", "plot", run).out == f"{run / 'plot.html'}\n"
    assert "<svg" in (run / "plot.html").read_text(encoding="utf-8")
    assert hanmo("train", "plot", run, "-o", tmp_path / "page.html").code == 0
    assert (tmp_path / "page.html").is_file()
    assert "does not exist; make it first" in hanmo("train", "plot", run, "-o", tmp_path / "none" / "page.html").line


def test_a_dry_run_prints_the_plan_and_trains_nothing(hanmo: Command, root: Path, here: Path) -> None:
    done = hanmo("train", root / "recipes" / "qwen_image" / "lora.toml", "--dry-run")
    assert done.code == 0
    assert "parameters 20,430,401,088" in done.out
    assert "memory per GPU" in done.out
    assert list(here.iterdir()) == []


def test_a_dry_run_that_finds_something_wrong_ends_with_2_after_its_lines(
    hanmo: Command, root: Path, here: Path
) -> None:
    recipe = root / "recipes" / "tiny" / "t2i.toml"
    done = hanmo("train", recipe, "--dry-run")
    assert done.code == 2
    assert "wrong  runs/vae/export/vae holds no VAE" in done.out
    assert done.err == "hanmo: the dry run found 1 wrong: correct what is marked so, then run it again\n"
    assert "did you mean 'run.steps'" in hanmo("train", recipe, "--dry-run", "--set", "run.step=1").line
    assert list(here.iterdir()) == []


def test_a_word_without_a_run_and_an_option_that_would_be_ignored_are_refused(hanmo: Command, run: Path) -> None:
    assert "'status' needs a run: hanmo train status runs/NAME" in hanmo("train", "status").line
    assert "'a.toml b.toml c.toml' is not understood" in hanmo("train", "a.toml", "b.toml", "c.toml").line
    assert "--resume does not go with status" in hanmo("train", "status", run, "--resume").line
    assert "--json does not go with a recipe" in hanmo("train", "a.toml", "--json").line
    assert "the recipe a.toml does not exist" in hanmo("train", "a.toml").line
    assert "the recipe status does not exist" not in hanmo("train", "status").line
