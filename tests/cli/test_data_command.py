from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_pictures import png, write_folder

Command = Callable[..., Any]

RECIPE = """
[run]
folder = "run"
workers = 1
modules = ["tiny_operators"]
[[sources]]
kind = "folder"
name = "grey"
path = "pictures"
[[stages]]
name = "files"
use = ["resolution"]
[stages.thresholds.resolution.side]
low = 8
"""


@pytest.fixture
def recipe(here: Path) -> Path:
    """A recipe over three pictures and a small one, in the present folder."""
    write_folder(here / "pictures", 3)
    (here / "pictures" / "small.png").write_bytes(png(90, size=4))
    (here / "pictures" / "small.txt").write_text("a caption\twith \x1b[31mred\x1b[0m \u202eletters", encoding="utf-8")
    (here / "data.toml").write_text(RECIPE, encoding="utf-8")
    return here / "data.toml"


def test_a_recipe_is_run_decided_anew_reported_and_shown(hanmo: Command, recipe: Path) -> None:
    done = hanmo("data", "run", recipe, "--quiet")
    assert (done.code, done.err) == (0, "")
    table, last = done.out.splitlines()[:3], done.out.splitlines()[-1]
    assert table[2].split() == ["files", "4", "3", "75.0", "%", "resolution", "1"]
    assert last.startswith("run\t3 records\t4 measurements\t")

    shown = hanmo("data", "show", "run").out.splitlines()
    assert [line.split("\t")[1:] for line in shown] == [["png", "grey", "unknown", f"grey {n}"] for n in range(3)]
    (line,) = hanmo("data", "show", "run", "--rejects").out.splitlines()
    assert line.split("\t")[1:] == ["small.png", "dropped", "resolution", "side = 4, kept is 8 or more"]
    (line,) = hanmo("data", "show", "run", "--rejects", "--json").out.splitlines()
    assert json.loads(line)["record"]["captions"][0]["text"].startswith("a caption")
    assert len(hanmo("data", "show", "run/set0", "--limit", 2).out.splitlines()) == 2
    everything = hanmo("data", "show", "run/set0/00000/00000.tar").out
    assert "a caption with  [31mred [0m  letters" in everything
    assert "\x1b" not in everything
    known = json.loads(hanmo("data", "show", "run", "--json", "--limit", 1).out)
    assert (known["scores"], known["metadata"]["where"]) == ({"resolution.side": 8.0}, "000.png")

    done = hanmo("data", "decide", "run", "--set", "stages.files.thresholds.resolution.side.low=3", "--quiet")
    assert done.out.splitlines()[-1].startswith("run\t4 records\t0 measurements\t")
    assert hanmo("data", "report", "run").out == "run/report.html\n"
    assert "<svg" in Path("run/report.html").read_text("utf-8")


def test_the_tiny_recipe_draws_a_set(hanmo: Command, here: Path, root: Path) -> None:
    few = [f"--set=sources.{name}.count=2" for name in ("paragraphs", "scenes", "pages")]
    done = hanmo("data", "run", root / "recipes/tiny/data.toml", *few, "--quiet")
    assert done.code == 0, done.err
    left_out = [line.split("source ")[1].split()[0] for line in done.err.splitlines()]
    assert left_out == ["pictures", "emoji"], "what is optional and not there is said"
    assert "runs/data\t6 records" in done.out
    assert hanmo("data", "report", "runs/data", "-o", "page.html").out == "page.html\n"


def test_what_cannot_be_done_is_one_line(hanmo: Command, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ACTION" in hanmo("data").line
    assert "invalid choice: 'rum'" in hanmo("data", "rum").line
    assert "the recipe gone.toml does not exist" in hanmo("data", "run", "gone.toml").line
    assert "did you mean 'run.workers'" in hanmo("data", "run", recipe, "--set", "run.worker=3").line
    assert "workers is 0" in hanmo("data", "run", recipe, "--workers", 0).line
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    assert "pip install 'hanmo[ray]'" in hanmo("data", "run", recipe, "--engine", "ray").line
    assert "pictures is no run" in hanmo("data", "report", "pictures").line
    assert "pictures is no run" in hanmo("data", "decide", "pictures").line
    assert "pictures is no finished set" in hanmo("data", "show", "pictures").line
    assert "gone is not there" in hanmo("data", "show", "gone").line
    assert "--limit is -1" in hanmo("data", "show", "pictures", "--limit", -1).line


def test_every_action_has_its_help_with_defaults(hanmo: Command) -> None:
    for action in ("run", "report", "decide", "show"):
        done = hanmo("data", action, "--help")
        assert done.code == 0
        assert f"usage: hanmo data {action} " in done.out
        assert "default" in done.out


def test_help_imports_nothing_that_works() -> None:

    code = (
        "import sys, hanmo.cli.main as cli; cli.main(['data', 'run', '--help']);"
        "sys.stderr.write(' '.join({'torch', 'pyarrow', 'numpy', 'PIL', 'fontTools'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
