"""The benchmark of distillation: its three ways on a random model, and what a perfect student would show."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("rapidocr")

import hanmo
from benchmarks import bench_distill as bench
from hanmo.data.ocr import OCR
from hanmo.flow import fixed_shift
from hanmo.pipeline.pipeline import Pipeline
from hanmo.weights.preferences import write_preferences
from tests.tiny import PREFERENCES, save_checkpoint

pytestmark = pytest.mark.slow
"""The bundled model paints twice."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    save_checkpoint(
        folder,
        preferences=replace(PREFERENCES, default_size=(128, 64), edit_area=8192, vlm_area=8192, steps=2, max_text=256),
    )
    return folder


def test_the_control_has_the_teachers_weights_and_the_students_schedule(folder: Path) -> None:
    teacher = hanmo.load(str(folder))
    plan = fixed_shift(teacher.schedule, 3.0)
    preferences = replace(teacher.preferences, steps=1, cfg_scale=1.0)
    student = Pipeline(teacher.transformer, teacher.vae, teacher.encoder, plan, preferences, "student")
    ways = bench.ways_of(teacher, student)
    assert [(way.steps, way.cfg_scale) for way in ways] == [(2, 4.0), (1, 1.0), (1, 1.0)]
    assert ways[1].pipe.transformer is teacher.transformer
    assert ways[1].pipe.schedule == plan
    asked = bench.ways_of(teacher, student, steps=(4, 1), teacher_steps=3)
    assert [(way.name, way.steps, way.cfg_scale) for way in asked] == [
        ("teacher", 3, 4.0),
        ("teacher, run as the student, 4 steps", 4, 1.0),
        ("student, 4 steps", 4, 1.0),
        ("teacher, run as the student, 1 step", 1, 1.0),
        ("student, 1 step", 1, 1.0),
    ]
    assert all(way.pipe is student for way in asked[2::2])
    found = bench.measure(ways, OCR(threads=1), 2, 1, seed=5)
    assert [each.exact.count for each in found.values()] == [3, 3, 3]
    near = [each.near for each in found.values()]
    assert near[0] == 99.0, "the teacher's pictures are its own"
    assert near[1] == near[2] < 99.0, "an untrained student is the control"


def test_one_run_from_the_command_line_ends_in_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    student = tmp_path / "student"
    shutil.copytree(folder, student)
    write_preferences(student, replace(hanmo.load(str(folder)).preferences, steps=1, cfg_scale=1.0))
    threads = torch.get_num_threads()
    try:
        bench.main(["--student", str(student), "--teacher", str(folder), "--prompts", "1", "--threads", "1"])
    finally:
        torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:7] for line in lines[:3]] == ["teacher", "teacher", "student"]
    assert set(json.loads(lines[-1])["found"]) == {"teacher", "teacher, run as the student", "student"}
