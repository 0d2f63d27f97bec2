from __future__ import annotations

from pathlib import Path

import torch
from sharded import Task, run, said

from hanmo.train import step_folders


def test_a_run_of_four_resumes_on_two_and_on_one(tmp_path: Path) -> None:
    saved = tmp_path / "four.pt"
    folder = tmp_path / "run"
    assert run(Task(folder, steps=5, state=saved), 4, tmp_path / "store4") == []
    four = torch.load(saved, weights_only=True)
    for ranks in (2, 1):
        state = tmp_path / f"{ranks}.pt"
        run(Task(folder, steps=5, resume=True, state=state), ranks, tmp_path / f"store{ranks}")
        found = torch.load(state, weights_only=True)
        assert found.keys() == four.keys()
        for key, value in four.items():
            same = torch.equal(value, found[key]) if isinstance(value, torch.Tensor) else value == found[key]
            assert same, key
        assert said(folder)[-1] == {"resumed": 5, "cursors": [5, 10, 15, 20]}
    assert [path.name for path in step_folders.whole(folder)] == ["step-000000005"]
