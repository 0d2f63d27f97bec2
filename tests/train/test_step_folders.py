from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.errors import OutputError, TrainingError
from hanmo.train.step_folders import MARK, Mark, abandon, begin, finished, read_mark, seal, tidy, unfinished, whole


def _write(folder: Path, step: int, keep: int = 2) -> Path:
    begin(folder, step)
    (unfinished(folder, step) / "__0_0.distcp").write_bytes(b"shard")
    return seal(folder, Mark(step, 5, 4, {"stage": "640p"}), keep)


def test_only_a_marked_folder_counts_and_only_the_newest_stay(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        _write(tmp_path, step)
    begin(tmp_path, 11)
    assert [path.name for path in whole(tmp_path)] == ["step-000000002", "step-000000010"]
    assert read_mark(whole(tmp_path)[-1]) == Mark(10, 5, 4, {"stage": "640p"}, {"__0_0.distcp": 5})


def test_tidying_removes_what_a_kill_left_and_nothing_else(tmp_path: Path) -> None:
    for step in (1, 2):
        _write(tmp_path, step)
    (finished(tmp_path, 2) / MARK).unlink()  # killed between the rename and the mark
    begin(tmp_path, 3)  # killed while writing
    (tmp_path / "step-mine").mkdir()
    (tmp_path / "step-000000004.pt").touch()
    tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"step-000000001", "step-mine", "step-000000004.pt"}
    tidy(tmp_path / "nowhere")
    assert whole(tmp_path / "nowhere") == []


def test_what_a_kill_left_makes_room_for_the_same_step(tmp_path: Path) -> None:
    _write(tmp_path, 2)
    (finished(tmp_path, 2) / MARK).unlink()
    begin(tmp_path, 2)
    (unfinished(tmp_path, 2) / "stale").touch()
    assert {path.name for path in _write(tmp_path, 2).iterdir()} == {"__0_0.distcp", MARK}


def test_a_whole_snapshot_is_neither_written_over_nor_abandoned(tmp_path: Path) -> None:
    path = _write(tmp_path, 2)
    with pytest.raises(OutputError, match="is a whole snapshot already"):
        begin(tmp_path, 2)
    abandon(tmp_path, 2)
    read_mark(path)
    begin(tmp_path, 3)
    abandon(tmp_path, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000002"]


def test_damage_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path, 2)
    shard = path / "__0_0.distcp"
    shard.write_bytes(b"shar")
    with pytest.raises(TrainingError, match="has 4 bytes instead of 5: the snapshot is damaged"):
        read_mark(path)
    shard.unlink()
    with pytest.raises(TrainingError, match="is missing: the snapshot is damaged"):
        read_mark(path)
    (path / MARK).write_text("{}")
    with pytest.raises(TrainingError, match="cannot read"):
        read_mark(path)
    (path / MARK).unlink()
    with pytest.raises(TrainingError, match="no whole snapshot"):
        read_mark(path)
