from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from hanmo.errors import TrainingError
from hanmo.train.checkpoint import Parts, save
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.snapshots import Notes, OneFile, Resumed, Snapshots


def _parts() -> Parts:
    modules: dict[str, nn.Module] = {"net": nn.Linear(2, 2)}
    return Parts(modules, build(modules, OptimConfig()), EMA(modules, 0.9))


def test_one_process_keeps_its_notes_beside_its_snapshot(tmp_path: Path) -> None:
    parts = _parts()
    snapshots = OneFile(tmp_path, parts, 1, keep=2)
    assert isinstance(snapshots, Snapshots)
    assert snapshots.newest() is None
    for step in (1, 2, 3):
        snapshots.save(step, Notes({"read": 10 * step}, {"stage": "非文字"}))
    snapshots.finish()
    assert snapshots.news() is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-00000000{step}.{kind}" for step in (2, 3) for kind in ("json", "pt")
    ]
    again = _parts()
    assert OneFile(tmp_path, again, 1, 2).restore() == Resumed(3, {"stage": "非文字"}, ({"read": 30},))
    assert torch.equal(again.modules["net"].weight, parts.modules["net"].weight)  # type: ignore[arg-type]


def test_a_snapshot_from_before_there_were_notes_has_empty_ones(tmp_path: Path) -> None:
    save(tmp_path, 7, _parts(), 1, 2)
    assert OneFile(tmp_path, _parts(), 1, 2).restore() == Resumed(7, {}, ({},))


def test_notes_must_be_plain_values(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="plain JSON values"):
        OneFile(tmp_path, _parts(), 1, 2).save(1, Notes(cursor={"at": torch.ones(1)}))
    assert not list(tmp_path.iterdir())
