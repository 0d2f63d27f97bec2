from __future__ import annotations

import json
from pathlib import Path

from hanmo.train.metrics import Metrics


def test_a_resumed_run_tells_no_step_twice(tmp_path: Path) -> None:
    with Metrics(tmp_path, 0) as metrics:
        for step in range(1, 6):
            metrics.scalars(step, {"loss": step / 3})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')  # killed while it wrote
    with Metrics(tmp_path, 3) as metrics:
        metrics.scalars(4, {"loss": 0.5})
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["loss"] == 0.5


def test_the_board_gets_the_same_numbers(tmp_path: Path) -> None:
    with Metrics(tmp_path, 0) as metrics:
        metrics.scalars(1, {"loss": 1.0})
    assert list((tmp_path / "tensorboard").glob("events.*"))
