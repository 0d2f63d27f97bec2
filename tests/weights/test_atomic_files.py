"""Of `weights/files.py`; another package has a `files.py` too."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from hanmo.errors import OutputError
from hanmo.weights.files import atomic_file, atomic_folder, check_parent, refusal


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with atomic_file(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_inside_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"n" * (1 // 0))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_nothing(tmp_path: Path, small_disk: Callable[[int], AbstractContextManager[None]]) -> None:
    with (
        small_disk(10),
        pytest.raises(OutputError, match="too large"),
        atomic_file(tmp_path / "a.bin") as file,
    ):
        file.write(bytes(100_000))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_the_old_one_in_one_move(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with atomic_folder(path) as new:
            (new / content).write_text(content)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_inside_leaves_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with atomic_folder(path) as new:
        (new / "old").touch()
    with pytest.raises(ZeroDivisionError), atomic_folder(path):
        _ = 1 / 0
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="does not exist; make it first"):
        check_parent(tmp_path / "no" / "a.png")
    with pytest.raises(OutputError, match="is not a folder"):
        check_parent(tmp_path / "file" / "a.png")
    with pytest.raises(OutputError, match="is a folder"), atomic_file(tmp_path):
        pass
    with pytest.raises(OutputError, match="is a file"), atomic_folder(tmp_path / "file"):
        pass


def test_the_reasons_of_the_system_are_put_plainly() -> None:
    assert "the disk is full" in refusal(Path("a"), OSError(errno.ENOSPC, "No space left on device"))
    assert "the quota is used up" in refusal(Path("a"), OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert "Read-only" in refusal(Path("a"), OSError(errno.EROFS, "Read-only file system"))
