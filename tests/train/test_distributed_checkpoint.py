from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from sharded import Task, run, said, start, transformer
from torch import nn

from hanmo.errors import ConfigError, OutputError, TrainingError
from hanmo.train import step_folders
from hanmo.train.checkpoint import Parts
from hanmo.train.consolidate import load_plain
from hanmo.train.distributed_checkpoint import ShardedSnapshots
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.snapshots import Notes, Snapshots

pytestmark = pytest.mark.slow
"""Several processes each: a minute in all."""


def test_a_run_of_four_resumes_on_two_and_on_one(tmp_path: Path) -> None:
    saved, folder = tmp_path / "four.pt", tmp_path / "run"
    assert run(Task(folder, steps=5, state=saved), 4, tmp_path / "store4") == []
    four = torch.load(saved, weights_only=True)
    assert any(key.endswith("exp_avg_sq") for key in four)
    for ranks in (2, 1):
        state = tmp_path / f"{ranks}.pt"
        run(Task(folder, steps=5, resume=True, state=state), ranks, tmp_path / f"store{ranks}")
        found = torch.load(state, weights_only=True)
        assert found.keys() == four.keys()
        for key, value in four.items():
            same = torch.equal(value, found[key]) if isinstance(value, torch.Tensor) else value == found[key]
            assert same, key
        assert said(folder)[-1] == {"resumed": 5, "cursors": [5, 10, 15, 20]}
    plain = transformer()
    load_plain(step_folders.whole(folder)[-1], {"transformer": plain})
    for name, weight in plain.named_parameters():
        known = four[f"ema.transformer/{name}"] if weight.requires_grad else four[f"model.{name}"]
        assert torch.equal(weight, known), name


def test_killed_at_any_step_two_processes_go_on_with_the_same_losses(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(Task(whole, steps=36), 2, tmp_path / "store1") == []
    processes = start(Task(killed, steps=36), 2, tmp_path / "store2")
    while len(said(killed)) < 13 or not step_folders.whole(killed):
        assert all(process.is_alive() for process in processes)
        time.sleep(0.001)
    for process in processes:
        process.kill()
        process.join()
    reached = len(said(killed))
    assert reached < 36, "the run ended before it was killed"
    run(Task(killed, steps=36, resume=True), 2, tmp_path / "store3")
    for rank in (0, 1):
        lines, known = said(killed, rank), said(whole, rank)
        at = next(number for number, line in enumerate(lines) if "resumed" in line)
        step = lines[at]["resumed"]
        assert step in range(5, reached + 1, 5)
        assert lines[at + 1 :] == known[step:]
        assert lines[:at] == known[:at]


def test_a_full_disk_in_one_process_is_one_line_in_all_and_older_snapshots_stay(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    news = run(Task(folder, steps=16, save_every=5, full_from=7, pause=0.1), 2, tmp_path / "store")
    assert len(said(folder)) == 16, "training went on"
    assert [line.split(":")[0] for line in news][-1] == "at the end"
    lines = [line for line in news if line.startswith("at step")]
    assert lines
    assert "the snapshot of step 10 was not written: process 1: " in lines[0]
    assert "older snapshots are untouched (1 lost so far)" in lines[0]
    assert all("\n" not in line for line in news)
    assert "the snapshot of step 15 was not written" in news[-1]
    step_folders.read_mark(folder / "step-000000005")
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"step-000000005"}


@pytest.mark.skipif(sys.platform != "linux", reason="torchrun over the loopback device")
def test_torchrun_restarts_a_run_from_its_last_snapshot(tmp_path: Path, root: Path) -> None:
    words = ["--standalone", "--nproc-per-node", "2", "--max-restarts", "1"]
    command = [sys.executable, "-m", "torch.distributed.run", *words, str(root / "tests/sharded.py"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = said(tmp_path)
    resumed = [line["resumed"] for line in lines if "resumed" in line]
    assert len(resumed) == 1
    assert 3 <= resumed[0] <= 8
    assert lines[-1]["step"] == 12


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of one process: this one."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=(tmp_path / "meeting").as_uri(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


class Net(nn.Module):
    """With Muon, the wide matrices are its own; the last layer has no gradient."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, 20), nn.Linear(20, 20), nn.Linear(20, 20)])


def _parts(width: int = 4, steps: int = 1, kind: str = "adamw") -> Parts:
    torch.manual_seed(0)
    modules: dict[str, nn.Module] = {"net": Net(width)}
    parts = Parts(modules, build(modules, OptimConfig(kind=kind)), EMA(modules, 0.9))  # type: ignore[arg-type]
    for step in range(steps):
        _step(parts, step, width)
    return parts


def _step(parts: Parts, step: int, width: int = 4) -> None:
    first, second, _ = parts.modules["net"].layers  # type: ignore[misc]
    second(first(torch.ones(2, width))).square().sum().backward()
    for optimizer in parts.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    parts.ema.update(step)  # type: ignore[attr-defined]


def _flat(parts: Parts) -> list[torch.Tensor]:
    moments = [value for optimizer in parts.optimizers for own in optimizer.state.values() for value in own.values()]
    found = [*parts.modules["net"].parameters(), *parts.ema.state_dict().values(), *moments]
    return [value.detach().clone() for value in found]


def _equal(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return len(one) == len(two) and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.usefixtures("alone")
def test_training_goes_on_while_a_snapshot_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = _parts()
    before = _flat(parts)
    snapshots = ShardedSnapshots(tmp_path, parts, 1, 2)
    assert isinstance(snapshots, Snapshots)
    slow = threading.Event()
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (slow.wait(30), flush(handle))[1])  # a disk that takes its time
    snapshots.save(1, Notes({"at": [1, 2]}, {"stage": "640p"}))
    _step(parts, 1)
    _step(parts, 2)
    assert snapshots.newest() is None
    assert snapshots.news() is None
    slow.set()
    snapshots.finish()
    assert snapshots.newest() == 1
    again = _parts(steps=0)
    resumed = ShardedSnapshots(tmp_path, again, 1, 2).restore()
    assert (resumed.step, resumed.curriculum, resumed.cursors) == (1, {"stage": "640p"}, ({"at": [1, 2]},))
    assert _equal(_flat(again), before)


@pytest.mark.usefixtures("alone")
def test_a_weight_without_a_gradient_so_far_has_no_moments_afterwards(tmp_path: Path) -> None:
    for steps in (0, 2):
        parts = _parts(steps=steps, kind="muon")
        known = [sorted(optimizer.state) == [] for optimizer in parts.optimizers] if steps == 0 else []
        snapshots = ShardedSnapshots(tmp_path / str(steps), parts, 1, 2)
        snapshots.save(steps, Notes())
        snapshots.finish()
        assert all(known), "saving is not a step"
        again = _parts(steps=3, kind="muon")
        ShardedSnapshots(tmp_path / str(steps), again, 1, 2).restore()
        assert _equal(_flat(again), _flat(parts))
        _step(parts, steps)
        _step(again, steps)
        assert _equal(_flat(again), _flat(parts))


@pytest.mark.usefixtures("alone")
def test_an_unfinished_snapshot_is_never_loaded_and_goes_away(tmp_path: Path) -> None:
    parts = _parts()
    snapshots = ShardedSnapshots(tmp_path, parts, 1, keep=2)
    for step in (1, 2, 3):
        snapshots.save(step, Notes())
    snapshots.finish()
    assert [path.name for path in step_folders.whole(tmp_path)] == ["step-000000002", "step-000000003"]
    (tmp_path / "step-000000003" / step_folders.MARK).unlink()  # as if killed before the mark
    left = step_folders.unfinished(tmp_path, 4)
    left.mkdir()
    (left / "__0_0.distcp").write_bytes(b"half")
    plain = tmp_path / "step-000000009.pt"
    plain.touch()  # another kind's snapshot is not ours to remove
    assert snapshots.newest() == 2
    assert snapshots.restore().step == 2
    assert {path.name for path in tmp_path.glob("*step*")} == {"step-000000002", "step-000000009.pt"}


@pytest.mark.usefixtures("alone")
def test_a_failed_snapshot_is_told_once_and_the_next_one_may_succeed(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots"
    snapshots = ShardedSnapshots(folder, _parts(), 1, 2)
    folder.write_text("a file where the folder should be")
    snapshots.save(1, Notes())
    told = None
    for _ in range(3000):
        told = told or snapshots.news()
        time.sleep(0 if told else 0.01)
    assert told is not None
    assert "the snapshot of step 1 was not written" in told
    assert snapshots.news() is None
    with pytest.raises(OutputError, match="step 1 was not written"):
        snapshots.finish()
    folder.unlink()
    snapshots.save(2, Notes())
    snapshots.finish()
    assert snapshots.newest() == 2


@pytest.mark.usefixtures("alone")
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to resume"):
        ShardedSnapshots(tmp_path, _parts(), 1, 2).restore()
    snapshots = ShardedSnapshots(tmp_path, _parts(), 1, 2)
    with pytest.raises(TrainingError, match="plain JSON"):
        snapshots.save(1, Notes(cursor={"bad": object()}))
    snapshots.save(1, Notes())
    snapshots.finish()
    with pytest.raises(TrainingError, match="is of seed 1, the recipe says 2"):
        ShardedSnapshots(tmp_path, _parts(), 2, 2).restore()
    with pytest.raises(TrainingError, match=r"model\.net\.layers\.0\.weight is \(20, 4\) there and \(20, 5\) here"):
        ShardedSnapshots(tmp_path, _parts(width=5), 1, 2).restore()
    with pytest.raises(TrainingError, match=r"does not fit.*optimizer"):
        ShardedSnapshots(tmp_path, _parts(kind="muon"), 1, 2).restore()
    snapshots.save(1, Notes())
    with pytest.raises(OutputError, match="is a whole snapshot already"):
        snapshots.finish()
    shard = next((tmp_path / "step-000000001").glob("*.distcp"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(TrainingError, match=r"bytes instead of .* damaged"):
        ShardedSnapshots(tmp_path, _parts(), 1, 2).restore()


def test_without_a_process_group_there_are_no_sharded_snapshots(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="torchrun"):
        ShardedSnapshots(tmp_path, _parts(), 1, 2)
