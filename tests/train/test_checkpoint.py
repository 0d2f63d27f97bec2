from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from hanmo.config import dump_recipe
from hanmo.errors import OutputError, TrainingError
from hanmo.train.checkpoint import Parts, restore, save, snapshots
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.recipe import FlowRecipe
from hanmo.train.run import train


def _parts(seed: int = 0) -> Parts:
    layer = nn.Linear(64, 64)
    with torch.no_grad():
        layer.weight.normal_(generator=torch.Generator().manual_seed(seed))
    modules = {"layer": layer}
    return Parts(modules, build(modules, OptimConfig()), EMA(modules, 0.9))


def test_the_newest_snapshots_are_kept_and_the_newest_is_restored(tmp_path: Path) -> None:
    parts = _parts()
    for step in (1, 2, 3):
        with torch.no_grad():
            parts.modules["layer"].weight.fill_(float(step))  # type: ignore[union-attr, operator]
        save(tmp_path, step, parts, seed=5, keep=2)
    assert [path.name for path in snapshots(tmp_path)] == ["step-000000002.pt", "step-000000003.pt"]
    fresh = _parts(1)
    assert restore(tmp_path, fresh, seed=5) == 3
    assert float(fresh.modules["layer"].weight.detach()[0, 0]) == 3.0  # type: ignore[operator, union-attr]


def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to resume"):
        restore(tmp_path, _parts(), seed=0)


def test_another_seed_or_another_model_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 1, _parts(), seed=5, keep=1)
    with pytest.raises(TrainingError, match="seed"):
        restore(tmp_path, _parts(), seed=6)
    modules = {"layer": nn.Linear(2, 2)}
    other = Parts(modules, build(modules, OptimConfig()), EMA(modules, 0.9))
    with pytest.raises(TrainingError, match="does not fit"):
        restore(tmp_path, other, seed=5)


def test_a_damaged_snapshot_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, 1, _parts(), seed=5, keep=1)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="cannot read the snapshot"):
        restore(tmp_path, _parts(), seed=5)


@contextmanager
def _disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: what a full disk does to a writer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_costs_the_new_snapshot_and_no_old_one(tmp_path: Path) -> None:
    save(tmp_path, 1, _parts(), seed=5, keep=1)
    with _disk_of(8192), pytest.raises(OutputError, match="step-000000002"):
        save(tmp_path, 2, _parts(), seed=5, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.pt"]
    assert restore(tmp_path, _parts(), seed=5) == 1


def _losses(folder: Path) -> dict[int, tuple[float, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: (line["loss"], line["grad_norm"]) for line in lines if "loss" in line}


def test_a_run_killed_at_any_moment_resumes_to_the_same_losses(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path
) -> None:
    base = flow_recipe()
    run = replace(base.run, steps=12, save_every=3)
    whole = replace(base, name="whole", run=run, preview=replace(base.preview, prompts=0))
    train(whole)
    killed = replace(whole, name="killed")
    recipe = tmp_path / "killed.toml"
    recipe.write_text(dump_recipe(killed), encoding="utf-8")
    code = f"from hanmo.train.run import train; train({str(recipe)!r})"
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"})
    folder = tmp_path / "killed"
    deadline = time.monotonic() + 60
    try:
        while not snapshots(folder / "checkpoints"):
            assert child.poll() is None, "the run ended before it was killed"
            assert time.monotonic() < deadline, "the run wrote no snapshot"
            time.sleep(0.005)
    finally:
        child.kill()
        child.wait()
    assert not (folder / "checkpoints" / "step-000000012.pt").exists()
    train(killed, resume=True)
    assert _losses(folder) == _losses(tmp_path / "whole")
    states = [
        torch.load(tmp_path / name / "checkpoints" / "step-000000012.pt", weights_only=True)
        for name in ("whole", "killed")
    ]
    for part in ("transformer", "encoder", "head"):
        for key, value in states[0]["modules"][part].items():
            assert torch.equal(value, states[1]["modules"][part][key]), key
    for key, value in states[0]["ema"].items():
        assert torch.equal(value, states[1]["ema"][key]), key
