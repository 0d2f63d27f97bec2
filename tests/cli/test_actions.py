"""What several words of a command share."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.cli.actions import make_folder
from hanmo.errors import OutputError


def test_a_folder_is_made_with_those_above_it_and_one_that_is_there_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert make_folder(folder) == []
    (folder / "old.txt").touch()
    assert make_folder(folder) == ["old.txt"]


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(OutputError, match=f"{place} cannot be made: .*; give another folder"):
            make_folder(place)
