"""A run around a tiny objective: what it tells, and what a full disk costs it."""

from __future__ import annotations

import json
import logging
import resource
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hanmo.errors import ConfigError, OutputError
from hanmo.train.checkpoint import snapshots
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.metrics import Metrics
from hanmo.train.optim import OptimConfig
from hanmo.train.plan.flops import Cost
from hanmo.train.presence import SIGN
from hanmo.train.recipe import RunConfig
from hanmo.train.status import status

# TensorBoard's own thread meets the full disk too, at a moment of its choice; `Metrics` drops it then.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@dataclass(frozen=True)
class Numbers:
    x: Tensor


class Line:
    def __init__(self, folder: Path | None = None) -> None:
        self.net = nn.Linear(3, 1)
        self.folder, self.seen = folder, [""]

    def batch(self, step: int, part: int) -> Numbers:
        return Numbers(torch.full((4, 3), float(step)))

    def loss(self, batch: Any, done: float) -> Mapping[str, Tensor]:
        if self.folder is not None:
            self.seen.append(status(self.folder).state)
        return {"loss": self.net(batch.x).square().mean()}

    def cost(self, batch: Any) -> Cost:
        return Cost(40, 1000)


def job(line: Line, steps: int = 6) -> Job:
    run = RunConfig(steps=steps, batch=4, log_every=1, save_every=2, preview_every=0, threads=1)
    optim = OptimConfig(lr=1e-3, warmup=0)
    return Job("line", 0, line, {"net": line.net}, run, optim, lambda *_: {}, lambda: None)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "line")
    run.snapshots.mkdir(parents=True)
    run.recipe.write_text("[run]\nsteps = 6\n")
    return run


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: what a full disk does to a writer."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def lines(folder: RunFolder) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder.path / "metrics.jsonl").read_text().splitlines()]


def test_a_run_tells_tokens_and_mfu_and_is_seen_while_it_lives(folder: RunFolder) -> None:
    line = Line(folder.path)
    drive(job(line), folder, False)
    told = lines(folder)
    assert [one["step"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert {"tokens_per_second", "mfu", "memory_gb", "seconds_left"} <= set(told[-1])
    assert set(line.seen[1:]) == {"running"}
    assert status(folder.path).state == "finished"
    assert not (folder.path / SIGN).exists()


class Filling(Line):
    """The disk is full for some of the steps."""

    def __init__(self, full: range) -> None:
        super().__init__()
        self.full, self.steps = full, 0
        self.limit: Any = None

    def loss(self, batch: Any, done: float) -> Mapping[str, Tensor]:
        if self.steps == self.full.start:
            self.limit = full_disk(200)
            self.limit.__enter__()
        if self.steps == self.full.stop:
            self.free()
        self.steps += 1
        return super().loss(batch, done)

    def free(self) -> None:
        if self.limit is not None:
            self.limit.__exit__(None, None, None)
            self.limit = None


@pytest.mark.slow  # the limit holds for the log of the tests too: run it where that goes to a terminal
def test_a_disk_that_is_full_for_a_while_costs_snapshots_and_is_counted(
    folder: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    filling = Filling(range(2, 4))  # while steps 3 and 4 are done
    with caplog.at_level(logging.WARNING, logger="hanmo"):
        drive(job(filling), folder, False)
    assert [path.stem for path in snapshots(folder.snapshots)] == ["step-000000002", "step-000000006"]
    assert "step 4: no snapshot" in caplog.text
    told = lines(folder)
    assert [one["step"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1]["snapshots_skipped"] == 1
    assert not list(folder.snapshots.glob("*.part"))


@pytest.mark.slow
def test_a_disk_that_stays_full_ends_the_run_at_its_last_step(folder: RunFolder) -> None:
    filling = Filling(range(2, 99))
    try:
        with pytest.raises(OutputError, match=r"step-000000006\.pt cannot be written"):
            drive(job(filling), folder, False)
    finally:
        filling.free()
    assert [path.stem for path in snapshots(folder.snapshots)] == ["step-000000002"]
    drive(job(Line()), folder, resume=True)
    assert [one["step"] for one in lines(folder)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_a_line_of_metrics_is_whole_or_waits(tmp_path: Path) -> None:
    with Metrics(tmp_path, 0) as metrics:
        metrics.scalars(1, {"loss": 1.0})
        size = (tmp_path / "metrics.jsonl").stat().st_size
        with full_disk(size + 10):
            metrics.scalars(2, {"loss": 2.0})
            assert (tmp_path / "metrics.jsonl").stat().st_size == size
        metrics.scalars(3, {"loss": 3.0})
    assert [json.loads(one)["loss"] for one in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


def test_an_unknown_service_is_refused_with_the_recipe() -> None:
    with pytest.raises(ConfigError, match=r"run.track names 'wandbb'; did you mean 'wandb'\?"):
        RunConfig(track=("wandbb",))
