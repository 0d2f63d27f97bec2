"""The wheel alone, in an environment of its own outside the checkout, paints and edits."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_paints_and_edits_in_an_empty_environment(tmp_path: Path) -> None:
    def run(*command: str | Path) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=1200,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]

    pip = ("-m", "pip", "--disable-pip-version-check")
    run(sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path / "dist", ROOT)
    wheel = next((tmp_path / "dist").glob("hanmo-*.whl"))
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, *pip, "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    program = tmp_path / "env" / "bin" / "hanmo"
    run(program, "generate", 'a blue card with the text "HANMO"', "-o", "a.png", "--seed", "3")
    run(program, "edit", "a.png", 'change the text to "WORLD"', "-o", "b.png")
    for name in ("a.png", "b.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (128, 64)
