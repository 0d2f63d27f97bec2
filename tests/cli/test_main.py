from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import hanmo as package
from hanmo.cli.main import COMMANDS

Command = Callable[..., Any]


def test_help_is_immediate_and_imports_no_torch() -> None:
    code = (
        "import sys, hanmo.cli.main as cli; cli.main(sys.argv[1:]);"
        "sys.stderr.write(' '.join({'torch', 'transformers', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
        best = min(_seconds([sys.executable, "-c", code, *arguments]) for _ in range(3))
        assert best < 0.3


def _seconds(command: list[str]) -> float:
    """CPU seconds of a child, which other work on the machine does not stretch."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = os.times()
    assert done.stderr == ""
    assert "usage: hanmo" in done.stdout
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_overview_names_every_command(hanmo: Command, arguments: tuple[str, ...]) -> None:
    done = hanmo(*arguments)
    assert (done.code, done.err) == (0, "")
    assert all(f"  {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_help_has_examples_and_states_defaults(hanmo: Command, name: str) -> None:
    done = hanmo(name, "--help")
    assert done.code == 0
    assert f"\n  hanmo {name}" in done.out
    module = import_module(f"hanmo.cli.{name}")
    assert module.DESCRIPTION.strip() in done.out
    assert "default" in done.out
    assert max(map(len, module.EXAMPLES.splitlines())) <= 110


def test_the_version_is_the_packages(hanmo: Command) -> None:
    assert hanmo("--version").out == f"hanmo {package.__version__}\n"


def test_an_unknown_command_names_the_nearest(hanmo: Command) -> None:
    assert "did you mean 'generate'?" in hanmo("generat").line
    assert "choose one of generate, edit" in hanmo("zzz").line


def test_an_unknown_option_says_where_help_is(hanmo: Command) -> None:
    assert "see 'hanmo info --help'" in hanmo("info", "--nonsense").line


def test_words_without_quotes_are_understood_as_such(hanmo: Command) -> None:
    assert "need quotes" in hanmo("generate", "a", "red", "card").line


def test_a_full_stdout_is_one_line(process: Command) -> None:
    with Path("/dev/full").open("w") as full:
        assert "No space left" in process("info", "qwen-image", stdout=full.fileno()).line


def test_a_reader_that_leaves_is_no_error() -> None:
    done = subprocess.run(
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            f"{sys.executable} -m hanmo info qwen-image --keys transformer | head -1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_ends_with_130_and_one_line(hanmo: Command, checkpoint: Path, here: Path) -> None:
    timer = threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits none
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()  # Hypothesis has one, and what is raised in it, as Ctrl-C may be, is lost
    timer.start()
    try:
        done = hanmo("generate", "a red card", "--model", checkpoint, "--steps", "100000", "--size", "64x64")
    finally:
        signal.signal(signal.SIGINT, before)
        gc.callbacks[:] = callbacks
    assert (done.code, done.out, done.err) == (130, "", "hanmo: stopped by Ctrl-C\n")
    assert list(here.iterdir()) == []


def test_a_fault_of_ours_is_one_line_and_code_1(hanmo: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(import_module("hanmo.cli.info"), "run", broken)
    done = hanmo("info", "qwen-image")
    assert done.code == 1
    assert done.err == (
        "hanmo: a fault of ours: ZeroDivisionError: two lines; run again with --debug for the traceback, "
        "and please report it\n"
    )
    assert "Traceback" in hanmo("info", "qwen-image", "--debug").err
