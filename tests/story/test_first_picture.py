"""The newcomer's story: paint, read, edit, read again; as commands, with the bundled model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hanmo.data.ocr import OCR
from hanmo.data.synthesize.cards import Card, script_of, text_box
from hanmo.data.synthesize.colors import COLORS, default_color
from hanmo.evaluate.cards import ground_color, name_color
from hanmo.evaluate.text import exact
from hanmo.safety.provenance import read_request

# prompt, instruction, ground, text, text after the edit
STORIES = {
    "English": ('a blue card with the text "HANMO"', 'change the text to "WORLD"', "blue", "HANMO", "WORLD"),
    "Chinese": ("一张红色的卡片，上面写着“你好”", "把文字改成“世界”", "red", "你好", "世界"),
}


def hanmo(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hanmo", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        check=False,
    )


@pytest.fixture(scope="module")
def ocr() -> OCR:
    return OCR()


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_stranger_paints_a_card_and_edits_it(story: tuple[str, str, str, str, str], tmp_path: Path, ocr: OCR) -> None:
    prompt, instruction, ground, *texts = story
    painted = hanmo("generate", prompt, "-o", "a.png", "--seed", "3", folder=tmp_path)
    assert painted.returncode == 0, painted.stderr
    edited = hanmo("edit", "a.png", instruction, "-o", "b.png", "--seed", "3", folder=tmp_path)
    assert edited.returncode == 0, edited.stderr
    for name, text in zip(("a.png", "b.png"), texts, strict=True):
        with Image.open(tmp_path / name) as opened:
            picture = opened.convert("RGB")
        assert picture.size == (128, 64)
        assert name_color(ground_color(picture), COLORS) == ground
        box = text_box(Card(text, script_of(text), ground, default_color(ground)))
        assert exact(text, ocr.read_box(picture, box))
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    assert read_request(tmp_path / "a.png")["prompt"] == prompt


def test_the_same_command_paints_the_same_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        assert (
            hanmo("generate", 'a red card with the text "SAME"', "-o", name, "--seed", "5", folder=tmp_path).returncode
            == 0
        )
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
