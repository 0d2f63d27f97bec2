"""The command line in this process, and in one of its own."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny

from hanmo.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of a wrong request; everything else about it is checked here."""
        assert self.code == 2, self.err
        assert self.out == ""
        assert self.err.startswith("hanmo: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err


Command = Callable[..., Outcome]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model; do not change it."""
    folder = tmp_path_factory.mktemp("cli") / "tiny"
    tiny.save_checkpoint(folder)
    return folder


@pytest.fixture
def damaged(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to change, outside the folder that pictures go to."""
    return Path(shutil.copytree(checkpoint, tmp_path_factory.mktemp("damaged") / "tiny"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the present one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def photo(here: Path) -> Path:
    """A picture of 96x64 in the present folder."""
    path = here / "photo.png"
    tiny.picture(96, 64).save(path)
    return path


@pytest.fixture
def hanmo(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run `hanmo ARGUMENTS` in this process."""
    root = logging.getLogger("hanmo")
    before = root.level, list(root.handlers)

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    yield run
    root.setLevel(before[0])
    root.handlers = before[1]


@pytest.fixture
def process() -> Command:
    """Run `hanmo ARGUMENTS` in a process of its own; `limit` is the largest file that it may write."""

    def run(*arguments: object, limit: int | None = None, stdout: int | None = None) -> Outcome:
        command = [sys.executable, "-m", "hanmo", *map(str, arguments)]
        if limit is not None:  # counted in blocks of 1024 bytes
            command = ["bash", "-c", 'ulimit -f "$0"; exec "$@"', str(limit), *command]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        return Outcome(done.returncode, done.stdout or "", done.stderr)

    return run
