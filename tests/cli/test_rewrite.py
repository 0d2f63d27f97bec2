"""`hanmo rewrite`, and `--rewrite` of the painting commands, against a real endpoint on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint import Answer, Server, serving

from hanmo.safety.provenance import read_request

Command = Callable[..., Any]
BETTER = 'a bright red card, "HI"'


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in ("URL", "KEY", "MODEL", "TIMEOUT"):
        monkeypatch.delenv(f"HANMO_REWRITE_{name}", raising=False)


def point_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANMO_REWRITE_URL", server.url)
    monkeypatch.setenv("HANMO_REWRITE_MODEL", "m")


def test_the_rewritten_prompt_goes_to_stdout(hanmo: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(BETTER) as server:
        point_to(server, monkeypatch)
        done = hanmo("rewrite", 'a card "HI"')
        data = hanmo("rewrite", 'a card "HI"', "--task", "edit", "--json")
    assert (done.code, done.out, done.err) == (0, BETTER + "\n", "")
    assert json.loads(data.out) == {"prompt": BETTER, "original": 'a card "HI"', "model": "m"}
    told = [each["messages"][0]["content"] for each in server.requests]
    assert told[0] != told[1]


def test_when_the_original_stays_stderr_says_why(hanmo: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("a card without it") as server:
        point_to(server, monkeypatch)
        done = hanmo("rewrite", 'a card "HI"')
    assert (done.code, done.out) == (0, 'a card "HI"\n')
    assert 'the prompt stays as it was: the quoted text "HI" is missing or changed' in done.err


def test_wrong_requests_are_one_line(hanmo: Command, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    assert "set HANMO_REWRITE_MODEL" in hanmo("rewrite", "a").line
    assert "set HANMO_REWRITE_MODEL" in hanmo("generate", "a", "--rewrite").line
    monkeypatch.setenv("HANMO_REWRITE_MODEL", "m")
    assert "neither a folder here nor a hub id" in hanmo("rewrite", "a").line
    monkeypatch.setenv("HANMO_REWRITE_URL", "host/v1")
    assert "'host/v1' is no base URL" in hanmo("rewrite", "a").line
    monkeypatch.setenv("HANMO_REWRITE_URL", "http://127.0.0.1:9/v1")
    assert "the prompt is empty" in hanmo("rewrite", " ").line


def test_painting_rewrites_each_prompt_once_and_keeps_both_in_the_file(
    hanmo: Command, checkpoint: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--model", checkpoint, "--steps", "1", "--size", "64x48", "--num", "2", "--rewrite", "--batch-size", "2")
    with serving(BETTER) as server:
        point_to(server, monkeypatch)
        done = hanmo("generate", 'a card "HI"', *options)
    assert done.code == 0, done.err
    assert f"rewritten: {BETTER}" in done.err
    assert len(server.requests) == 1
    kept = read_request(here / "out-2.png")
    assert (kept["prompt"], kept["rewrite"]) == (BETTER, {"original": 'a card "HI"', "model": "m"})
    done = hanmo("generate", "--from-png", "out-2.png", "--model", checkpoint, "-o", "again.png")
    assert done.code == 0, done.err


def test_an_endpoint_that_fails_stops_no_picture(
    hanmo: Command, checkpoint: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Answer(status=500)) as server:
        point_to(server, monkeypatch)
        done = hanmo("generate", "a card", "--model", checkpoint, "--steps", "1", "--size", "64x48", "--rewrite")
    assert done.code == 0
    assert "the prompt 'a card' stays as it was: the endpoint answered 500" in done.err
    assert "answered 500" in read_request("out.png")["rewrite"]["kept"]
