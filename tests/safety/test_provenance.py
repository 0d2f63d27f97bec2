"""A picture's metadata gives its request back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanmo import __version__
from hanmo.errors import RequestError
from hanmo.pipeline.ask import make_request
from hanmo.safety.provenance import png_metadata, read_request
from hanmo.weights.preferences import Preferences


def saved(path: Path, negative: str | None = None) -> dict[str, object]:
    request = make_request("generate", ["a", '一张 "红" card\nline two'], negative=negative, seed=3)
    request = request.resolve(Preferences(), [(96, 64), (96, 64)])
    Image.new("RGB", (96, 64)).save(path, pnginfo=png_metadata(request, 1, "hanmo-tiny"))
    return request.record(1)


def test_the_request_survives_the_file(tmp_path: Path) -> None:
    record = saved(tmp_path / "a.png")
    assert read_request(tmp_path / "a.png") == record | {"model": "hanmo-tiny", "version": __version__}


def test_other_tools_find_prompt_and_settings(tmp_path: Path) -> None:
    saved(tmp_path / "a.png", negative="blurry")
    with Image.open(tmp_path / "a.png") as picture:
        lines = picture.text["parameters"].split("\n")
    assert lines[:3] == ['一张 "红" card', "line two", "Negative prompt: blurry"]
    assert lines[3] == (
        f"Steps: 30, Sampler: euler, CFG scale: 4.0, Seed: 4, Size: 96x64, Model: hanmo-tiny, "
        f"Version: hanmo {__version__}"
    )


def test_the_default_negative_is_not_shown_to_other_tools(tmp_path: Path) -> None:
    saved(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert "Negative prompt" not in picture.text["parameters"]


def test_files_without_a_request_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        read_request(tmp_path / "nothing.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "plain.png")
    with pytest.raises(RequestError, match="carries no request"):
        read_request(tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(RequestError, match="cannot be read"):
        read_request(tmp_path / "text.png")
    info = PngInfo()
    info.add_itxt("hanmo", "{broken")
    Image.new("RGB", (16, 16)).save(tmp_path / "broken.png", pnginfo=info)
    with pytest.raises(RequestError, match="damaged"):
        read_request(tmp_path / "broken.png")
