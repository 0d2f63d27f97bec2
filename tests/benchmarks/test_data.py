"""The benchmark of the data engine at a toy size: both sides answer the same, every figure is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from faults import FAULTS, clean
from numpy.random import default_rng
from procedural import scene

pytest.importorskip("rapidocr")

from benchmarks import data_figures, plain_filters
from hanmo.data.filters.quality import measure


def test_both_ways_keep_the_same_pictures_and_every_figure_is_reported(root: Path) -> None:
    """In a process of its own: the plain side forks, which a process with threads, as this one may be, must not."""
    arguments = ["--pictures", "10", "--side", "96", "--runs", "1", "--workers", "1", "--steps", "0", "--price", "0.5"]
    command = [sys.executable, "-m", "benchmarks.bench_data", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    said = done.stdout
    found = json.loads(said.splitlines()[-1])["figures"]
    compared = found["compared"]
    assert compared["kept"] == {"one pass": 9, "plain": 9, "a run for each stage": 9}
    assert "Hanmo, one pass" in said
    assert set(compared["cpu_seconds_per_image"]) == {"collect", "stage 1 and 2", "stage 1", "stage 2", "plain"}
    assert all(value > 0 for value in compared["cpu_seconds_per_image"].values())
    assert all(row["dollars"] == row["core_hours"] * 0.5 for row in found["billion"].values())


def test_a_billion_pictures_are_a_billion_times_one() -> None:
    assert data_figures.scale({"x": 0.0036}, 0.04) == {"x": {"core_hours": 1000.0, "dollars": 40.0}}


def test_the_plain_side_measures_what_hanmo_measures(tmp_path: Path) -> None:
    picture = data_figures.picture(45, 96)
    picture.save(tmp_path / "a.png")
    plain = plain_filters.measure(tmp_path / "a.png", (1, 2))
    ours = measure(data_figures.np.asarray(picture))
    for name in ("clarity", "luma", "dark", "bright", "entropy"):
        assert plain[name] == pytest.approx(getattr(ours, name), rel=0.05, abs=1e-3), name
    (tmp_path / "b.jpg").write_bytes(FAULTS["broken"](scene(1), default_rng(0)))
    (tmp_path / "c.jpg").write_bytes(clean(scene(1), default_rng(0)))
    assert [plain_filters.measure(tmp_path / name, (1,))["readable"] for name in ("b.jpg", "c.jpg")] == [0.0, 1.0]


def test_the_single_steps_are_measured_or_say_what_is_missing() -> None:
    steps = data_figures.single_steps(1, 256)
    assert len(steps) == 12
    assert all("missing" in step or step["images_per_second"] > 0 for step in steps.values())


def test_pictures_of_different_seeds_are_different() -> None:
    seeds = (1, 2, 1 + data_figures.DIFFERENT, 1 + 2 * data_figures.DIFFERENT)
    assert len({data_figures.picture(seed, 64).tobytes() for seed in seeds}) == 4
