from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hanmo.errors import RequestError
from hanmo.train.presence import SIGN, presence, present
from hanmo.train.status import status

RECIPE = """
kind = "flow"
[run]
steps = 100
[[curriculum.stages]]
name = "small"
[[curriculum.stages]]
name = "large"
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "one"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


def tell(folder: Path, *lines: dict[str, float]) -> None:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 60, "lo')


def test_a_run_says_where_it_stands_and_what_is_left(run: Path) -> None:
    assert status(run).state == "new"
    stage = {"step": 41, "time": 900.0, "stage": 1.0}
    tell(run, stage, {"step": 50, "time": 1000.0, "loss": 0.5, "images_per_second": 8.0, "seconds_left": 600.0})
    (run / "checkpoints" / "step-000000045.pt").write_text("")
    os.utime(run / "checkpoints" / "step-000000045.pt", (900, 900))
    with present(run):
        now = status(run, now=1060.0)
    assert (now.state, now.step, now.steps, now.loss, now.stage) == ("running", 50, 100, 0.5, "large")
    assert (now.seconds_left, now.told, now.snapshot, now.snapshot_age) == (540.0, 60.0, 45, 160.0)
    text = now.text()
    assert "step      50 of 100" in text
    assert "left      9 min" in text
    assert "snapshot  step 45, 3 min ago" in text


def test_a_run_that_ended_is_told_from_one_that_was_killed(run: Path) -> None:
    tell(run, {"step": 50, "time": 1.0, "loss": 0.5})
    assert status(run).state == "stopped"
    assert "begins anew" in status(run).text()
    (run / "checkpoints" / "step-000000045.pt").write_text("")
    assert "--resume" in status(run).text()
    tell(run, {"step": 100, "time": 1.0, "loss": 0.5})
    assert status(run).state == "finished"


def test_a_killed_process_is_gone_and_a_living_one_is_seen(run: Path) -> None:
    with present(run):
        assert presence(run) == "running"
    assert presence(run) == "gone"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (run / SIGN).write_text(json.dumps({"pid": child.pid, "host": socket.gethostname()}))
    assert presence(run) == "running"
    child.kill()
    child.communicate()
    assert presence(run) == "gone"
    (run / SIGN).write_text(json.dumps({"pid": 1, "host": "another"}))
    assert presence(run) == "elsewhere"
    (run / SIGN).write_text("{")
    assert presence(run) == "gone"


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no run"):
        status(tmp_path)
