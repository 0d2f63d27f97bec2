"""`hanmo eval` with a benchmark, tiny and real, that these tests add to the catalog."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import colours
import pytest
from colours import Painter
from images_server import painted
from images_server import serving as painting
from tiny_pictures import png
from web_server import serving as web

from hanmo.evaluate import catalog
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.catalog import CATALOG, Entry
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.run import evaluate

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark `colours`, in the catalog."""
    monkeypatch.setitem(sys.modules, "hanmo.evaluate.benchmarks.colours", colours)
    monkeypatch.setitem(catalog.CATALOG, "colours", Entry("colours:Colours", "solid colours; arithmetic"))  # type: ignore[arg-type]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """One picture of each prompt, the first of which is wrong."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for row, prompt in enumerate(colours.Colours().load(tmp_path)):
        colours.solid("white" if row == 0 else prompt.truth["colour"], row).save(folder / f"{prompt.id}.png")
    return folder


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, DataFile]]:
    """Files that the benchmark needs, on a server of the tests, as its usual ones."""
    with web() as server:
        found = {
            "mit": DataFile("colours/1.png", server.url("/ok/1"), hashlib.sha256(png(1)).hexdigest(), "MIT"),
            "none": DataFile("colours/2.png", server.url("/ok/2"), hashlib.sha256(png(2)).hexdigest(), "no licence"),
        }

        @dataclass(frozen=True)
        class Fetched(colours.Colours):
            files: tuple[DataFile, ...] = tuple(found.values())

        monkeypatch.setattr(colours, "Fetched", Fetched, raising=False)
        monkeypatch.setitem(catalog.CATALOG, "colours", Entry("colours:Fetched", "with files"))  # type: ignore[arg-type]
        yield found


def test_the_list_is_instant_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, resource, hanmo.cli.main as cli; cli.main(['eval', 'list']);"
        "own = resource.getrusage(resource.RUSAGE_SELF); sys.stderr.write(f'{own.ru_utime + own.ru_stime}');"
        "sys.stderr.write(' '.join(sorted({'torch', 'transformers', 'numpy', 'PIL'} & set(sys.modules))))"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds.append(float(done.stderr))
    assert min(seconds) < 0.3
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [name for name in CATALOG if name != "colours"]
    assert "553 prompts: objects" in done.stdout


def test_every_benchmark_is_an_action_of_its_own(hanmo: Command) -> None:
    text = hanmo("eval", "--help").out
    assert all(name in text for name in CATALOG)
    assert "solid colours; arithmetic" in hanmo("eval", "colours", "--help").out
    assert "did you mean" in hanmo("eval", "run", "colors").line
    assert "invalid choice: 'colors'" in hanmo("eval", "colors").line


def test_a_run_prints_figures_intervals_and_the_unjudged_share(hanmo: Command, here: Path, pictures: Path) -> None:
    done = hanmo("eval", "colours", "--pictures", pictures, "--images", 1, "--draws", 20)
    assert done.code == 0, done.err
    head, columns, right, distance, judged, lower, *pages = done.out.splitlines()
    assert head == "Colours"
    assert columns.split()[-3:] == ["95", "%", "interval"]
    assert right.split()[:3] == ["right", "87.5", "%"]
    assert distance.startswith("distance ↓")
    assert judged == "8 prompts, 8 pictures, all judged"
    assert lower == "↓ lower is better"
    assert "runs/eval/colours/report.html" in pages
    assert all(Path(page).is_file() for page in pages)
    report = json.loads((here / "runs/eval/colours/report.json").read_text())
    assert report["generator"]["kind"] == "folder"
    again = hanmo("eval", "run", "colours", "--pictures", pictures, "--images", 1, "--draws", 20)
    assert again.out == done.out
    other = hanmo("eval", "run", "colours", "--pictures", pictures, "--images", 1, "--seed", 4)
    assert "runs/eval/colours was begun with seed 0 (now 4): give another folder with --to" in other.line


def test_judging_again_takes_other_options_and_paints_nothing(hanmo: Command, here: Path, pictures: Path) -> None:
    hanmo("eval", "colours", "--pictures", pictures, "--images", 1, "--draws", 5, "--to", "run")
    before = {path.name: path.stat().st_mtime_ns for path in (here / "run" / "pictures").iterdir()}
    lenient = hanmo("eval", "judge", "run", "--official-compat", "--draws", 5)
    assert lenient.out.splitlines()[0] == "Colours, quirks of the official script"
    assert lenient.out.splitlines()[2].split()[:3] == ["right", "100.0", "%"]
    set_by_hand = hanmo("eval", "judge", "run", "--set", "tolerance=0", "--draws", 5)
    assert set_by_hand.out.splitlines()[2].split()[:3] == ["right", "0.0", "%"]
    assert hanmo("eval", "report", "run", "--draws", 5).out == set_by_hand.out
    assert {path.name: path.stat().st_mtime_ns for path in (here / "run" / "pictures").iterdir()} == before
    assert len(list((here / "run").glob("judged-*.jsonl"))) == 3


def test_several_runs_become_a_page_that_compares_them(hanmo: Command, here: Path) -> None:
    options = RunOptions(images=1, limit=4, draws=5)
    for name, painter in (("one", Painter()), ("two", Painter(wrong=frozenset({"red-0", "red-1"})))):
        evaluate(colours.Colours(), painter, Judges(), here, here / name, options, catalog_name="colours")
    done = hanmo("eval", "report", "one", "two", "--to", "both", "--draws", 5)
    assert done.code == 0, done.err
    assert all(Path(line).is_file() for line in done.out.splitlines() if line.startswith("both/"))
    assert "both/" in done.out


def test_an_endpoint_paints_with_a_budget(hanmo: Command, here: Path) -> None:
    with painting(painted) as server:
        them = ("--endpoint", server.url, "--endpoint-model", "m", "--images", 1, "--limit", 4, "--draws", 5)
        stopped = hanmo("eval", "colours", *them, "--budget", "0.000001s")
        assert "stopped by the budget: 4 pictures are still to paint: the same command goes on" in stopped.out
        done = hanmo("eval", "colours", *them, "--concurrency", 2)
    assert done.code == 0, done.err
    assert len(server.asked) == 4
    assert "4 prompts, 4 pictures, all judged" in done.out


def test_licences_are_shown_and_files_without_one_need_a_yes(
    hanmo: Command, here: Path, files: dict[str, DataFile]
) -> None:
    refused = hanmo("eval", "fetch", "colours", "--data", "bench")
    assert refused.code == 2
    assert refused.out.splitlines() == ["colours/1.png: MIT", "colours/2.png: no licence"]
    assert "1 files of colours have no licence: to fetch them for your own use, say so with --yes" in refused.err
    assert not (here / "bench").exists()
    fetched = hanmo("eval", "fetch", "colours", "--data", "bench", "--yes")
    assert fetched.out.splitlines()[-1] == "bench\t2 fetched\t0 there before"
    assert (here / "bench/colours/2.png").read_bytes() == png(2)
    assert hanmo("eval", "fetch", "colours", "--data", "bench").out == "bench\t0 fetched\t2 there before\n"


def test_data_that_is_missing_is_named_with_the_way_to_it(
    hanmo: Command, here: Path, pictures: Path, files: dict[str, DataFile]
) -> None:
    line = hanmo("eval", "colours", "--pictures", pictures, "--data", "bench").line
    assert "colours needs bench/colours/1.png, bench/colours/2.png, which are not there: run: hanmo eval fetch" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "m", "--pictures", "p"], "--model and --pictures were given, and one alone can paint"),
        (["--pictures", "p", "--steps", "3"], "--steps has no effect with --pictures"),
        (["--pictures", "p", "--size", "32x32"], "--size has no effect with --pictures"),
        (["--endpoint", "http://h/v1"], "give --endpoint-model M"),
        (["--endpoint-model", "m"], "--endpoint-model has no effect with --model"),
        (
            ["--endpoint", "http://h/v1", "--endpoint-model", "m", "--batch", "3"],
            "--batch has no effect with --endpoint",
        ),
        (["--concurrency", "3"], "--concurrency is for endpoints"),
        (["--budget", "fast"], "'fast' is no budget: give such as 600s"),
        (["--set", "rwos=3"], "did you mean"),
        (["--set", "rows=many"], "rows"),
    ],
)
def test_options_that_would_be_ignored_or_are_wrong_are_one_line(
    hanmo: Command, here: Path, arguments: list[str], said: str
) -> None:
    assert said in hanmo("eval", "colours", *arguments).line
    assert list(here.iterdir()) == []


def test_a_judge_that_is_not_asked_is_not_taken(hanmo: Command, here: Path, pictures: Path) -> None:
    for option, value in (("--vlm", "http://h/v1"), ("--ocr", "vlm"), ("--detector", "m"), ("--embedder", "clip=m")):
        line = hanmo("eval", "colours", "--pictures", pictures, option, value).line
        assert f"{option}" in line
        assert "has no effect on this benchmark, which asks nobody" in line
    missing = hanmo("eval", "colours", "--pictures", pictures, "--set", "role=vlm").line
    assert "vlm" in missing
    assert not (here / "runs").exists()


def test_a_folder_that_is_no_run_is_one_line(hanmo: Command, here: Path) -> None:
    for action in ("judge", "report"):
        assert "is no run of an evaluation" in hanmo("eval", action, here).line
