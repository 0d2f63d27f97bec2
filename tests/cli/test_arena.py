from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from arenas import NAMES, Visitor, write_models

Command = Callable[..., Any]


def test_an_arena_is_served_ranked_and_exported(hanmo: Command, here: Path) -> None:
    assert here.is_dir()
    folders = write_models(here)
    command = [sys.executable, "-m", "hanmo", "arena", "serve", "--port", "0", "--database", str(here / "arena.db")]
    command += [f"--model={folder.name}={folder}" for folder in folders]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            found = re.match(r"the arena is at (http://127\.0\.0\.1:\d+)/ \(stop it with Ctrl-C\)\n", line)
            assert found, line
            visitor = Visitor(found[1])
            for verdict in ("left", "tie", "bad"):
                _, match = visitor.post("/api/match", {})
                assert visitor.post("/api/vote", {"token": match["token"], "verdict": verdict})[0] == 200
            server.send_signal(signal.SIGINT)
            ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as in a shell's background
            assert server.wait(60) == (0 if ignored else 130)
            assert server.stderr is not None
            assert "Traceback" not in server.stderr.read()
        finally:
            server.kill()

    lines = hanmo("arena", "rank", "--database", "arena.db").out.splitlines()
    assert lines[0].split()[:3] == ["rank", "model", "rating"]
    assert lines[1].startswith("1 (1-3)")
    assert all(any(name in line for line in lines[1:4]) for name in NAMES)
    assert lines[4].startswith("3 votes; the left side is worth ")
    board = json.loads(hanmo("arena", "rank", "--json").out)
    assert (board["votes"], board["bad"]) == (3, 1)
    assert hanmo("arena", "export", "votes.csv").out == "votes.csv\n"
    assert len(Path("votes.csv").read_text("utf-8").splitlines()) == 4
    for name in ("votes.json", "board.csv", "board.json"):
        assert hanmo("arena", "export", name).code == 0
    assert json.loads(Path("board.json").read_text("utf-8")) == board
    assert "there are scene" in hanmo("arena", "rank", "--category", "x").line


def test_planted_ratings_come_back(hanmo: Command) -> None:
    done = hanmo("arena", "simulate", "--models", 4, "--votes", 600, "--spread", 600, "--bias", 50, "--seed", 2)
    assert done.code == 0, done.err
    assert "the order is the same" in done.out
    assert re.search(r"600 votes; the left side is worth \d+ points", done.out)
    assert (
        hanmo("arena", "simulate", "--models", 4, "--votes", 600, "--spread", 600, "--bias", 50, "--seed", 2).out
        == done.out
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serve", "--model", "a"), "give NAME=FOLDER"),
        (("serve", "--model", "a=ftp://x#m", "--prompts", "prompts.jsonl"), "prompts.jsonl"),
        (("serve", "--model", "a=none", "--model", "b=none"), "prompts"),
        (("serve", "--model", "a=x", "--port", "70000"), "from 0"),
        (("rank", "--database", "none.db"), "is not there"),
        (("rank", "--database", "mysql://x"), "one"),
        (("export", "all.csv"), "votes.csv"),
        (("export", "board.csv", "--names"), "--names goes with"),
        (("simulate", "--models", "1"), "two or more"),
        (("simulate", "--ties", "2"), "from 0 to 1"),
        (("simulate", "--votes", "0"), "1 or more"),
    ],
)
def test_what_cannot_be_done_is_one_line(hanmo: Command, here: Path, words: tuple[str, ...], said: str) -> None:
    assert here.is_dir()
    if said != "one":
        assert said in hanmo("arena", *words).line
    else:
        assert hanmo("arena", *words).line
