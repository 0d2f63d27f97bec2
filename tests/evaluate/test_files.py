import hashlib
from pathlib import Path

import pytest

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.files import checked

FILE = DataFile("a/b.txt", "https://example.org/b.txt", hashlib.sha256(b"words").hexdigest(), "MIT")


def test_a_file_whose_bytes_are_the_protocols_is_given(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"words")
    assert checked(tmp_path, FILE, "geneval") == tmp_path / "a" / "b.txt"


def test_a_missing_file_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="hanmo eval fetch geneval"):
        checked(tmp_path, FILE, "geneval")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"other words")
    with pytest.raises(RequestError, match="not the file that geneval was published with"):
        checked(tmp_path, FILE, "geneval")


def test_a_file_may_be_pinned_by_the_id_that_git_gives_it(tmp_path: Path) -> None:
    # printf words | git hash-object --stdin
    pinned = DataFile("b.txt", None, "git:f917a2c299cecfd1baa88af5f6e311ee56e529a8", "MIT")
    (tmp_path / "b.txt").write_bytes(b"words")
    assert checked(tmp_path, pinned, "dpg") == tmp_path / "b.txt"
    (tmp_path / "b.txt").write_bytes(b"other words")
    with pytest.raises(RequestError, match="not the file that dpg was published with"):
        checked(tmp_path, pinned, "dpg")
