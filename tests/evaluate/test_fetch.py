from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_pictures import png
from web_server import Server, serving

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.fetch import data_folder, fetch, is_there, needs_consent


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def file(server: Server, path: str, number: int, licence: str = "MIT") -> DataFile:
    return DataFile(f"x/{number}.png", server.url(path), hashlib.sha256(png(number)).hexdigest(), licence)


def test_files_are_fetched_once(server: Server, tmp_path: Path) -> None:
    files = [file(server, "/ok/1", 1), file(server, "/moved/ok/2", 2)]
    assert fetch(files, tmp_path) == [tmp_path / "x/1.png", tmp_path / "x/2.png"]
    assert (tmp_path / "x/2.png").read_bytes() == png(2)
    asked = len(server.asked)
    fetch(files, tmp_path)
    assert len(server.asked) == asked
    (tmp_path / "x/1.png").write_bytes(b"damaged")
    assert not is_there(files[0], tmp_path)
    fetch(files, tmp_path)
    assert server.times("/ok/1") == 2
    assert is_there(files[0], tmp_path)


def test_a_file_may_be_pinned_by_the_id_that_git_gives_it(server: Server, tmp_path: Path) -> None:
    git = ["git", "hash-object", "--stdin"]
    pin = "git:" + subprocess.run(git, input=png(1), capture_output=True, check=True).stdout.decode().strip()
    pinned = DataFile("x/1.png", server.url("/ok/1"), pin, "MIT")
    fetch([pinned], tmp_path)
    assert is_there(pinned, tmp_path)
    with pytest.raises(RequestError, match=r"is not the file that the protocol names \(git:"):
        fetch([DataFile("x/2.png", server.url("/ok/2"), pin, "MIT")], tmp_path)


def test_other_bytes_than_the_protocols_get_no_name(server: Server, tmp_path: Path) -> None:
    wrong = DataFile("x/1.png", server.url("/ok/1"), hashlib.sha256(png(2)).hexdigest(), "MIT")
    with pytest.raises(RequestError, match="is not the file that the protocol names"):
        fetch([wrong], tmp_path)
    assert list((tmp_path / "x").iterdir()) == []


def test_what_cannot_be_had_is_one_line_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"/status/404 cannot be fetched: it answered 404"):
        fetch([file(server, "/status/404", 1)], tmp_path)
    with pytest.raises(RequestError, match="/cut cannot be fetched: the connection was cut; is there a network"):
        fetch([file(server, "/cut", 6)], tmp_path)
    with pytest.raises(RequestError, match="only http and https"):
        fetch([DataFile("x/1.png", "file:///etc/passwd", "0" * 64, "MIT")], tmp_path)
    with pytest.raises(RequestError, match=r"has no address to be fetched from: ask its authors; put it into"):
        fetch([DataFile("x/1.png", None, "0" * 64, "ask its authors")], tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_network_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with serving() as gone:
        lost = file(gone, "/ok/1", 1)
    with pytest.raises(
        RequestError, match=r"is there a network\? The same command goes on, or bring the file yourself"
    ):
        fetch([lost], tmp_path)


def test_files_without_a_licence_need_consent(server: Server) -> None:
    assert needs_consent(file(server, "/ok/1", 1, "X has No licence file: for your own use"))
    assert not needs_consent(file(server, "/ok/1", 1, "MIT"))


def test_the_data_folder_is_given_or_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANMO_BENCH", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder("other") == Path("other")
    monkeypatch.delenv("HANMO_BENCH")
    assert data_folder() == Path.home() / ".cache/hanmo/bench"
