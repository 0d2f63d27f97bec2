from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from hanmo.log import configure, get_logger, progress


@pytest.fixture
def clean() -> Iterator[None]:
    root = logging.getLogger("hanmo")
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_importing_configures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger("hanmo").handlers
    assert [type(handler) for handler in handlers] == [logging.NullHandler]
    get_logger("quiet").warning("not heard")
    assert capsys.readouterr() == ("", "")


def test_every_logger_is_a_child_of_the_package() -> None:
    assert get_logger("hanmo.train.run").name == "hanmo.train.run"
    assert get_logger("bench").name == "hanmo.bench"
    assert get_logger("hanmo").name == "hanmo"
    assert get_logger("hanmonizer").name == "hanmo.hanmonizer"


@pytest.mark.usefixtures("clean")
def test_configured_twice_a_record_is_written_once_and_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    configure(logging.WARNING)
    get_logger("x").warning("heard %d", 1)
    get_logger("x").info("too low")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("heard 1") == 1
    assert "too low" not in err


def test_progress_is_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(3, "quiet") as bar:
        for _ in range(3):
            bar.update(postfix={"loss": 1.0})
    assert capsys.readouterr() == ("", "")


def test_progress_when_asked_for_goes_to_stderr_only(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(4, "steps", show=True, initial=1) as bar:
        bar.update(3, {"loss": 0.123456, "part": "vae"})
    out, err = capsys.readouterr()
    assert out == ""
    assert "steps: 100%" in err
    assert "4/4" in err
    assert "loss=0.1235, part=vae" in err


def test_an_error_inside_the_block_passes_through() -> None:
    with pytest.raises(KeyError, match="mine"), progress(1):
        raise KeyError("mine")
