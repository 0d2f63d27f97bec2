"""A picture's metadata gives its request back."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanmo import __version__
from hanmo.errors import OutputError, RequestError
from hanmo.pipeline.ask import make_request
from hanmo.safety.provenance import encode, parameters, picture_record, png_metadata, read_request
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
        f"Steps: 30, Sampler: Euler, CFG scale: 4.0, Seed: 4, Size: 96x64, Model: hanmo-tiny, "
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


@pytest.mark.parametrize("ending", [".png", ".jpg", ".jpeg", ".webp", ".PNG"])
def test_every_format_keeps_the_request(tmp_path: Path, ending: str) -> None:
    request = make_request("generate", '一张 <红> & "card"\nline two', seed=3).resolve(Preferences(), [(96, 64)])
    record = picture_record(request, 0, "hanmo-tiny", dtype="float32")
    path = tmp_path / f"a{ending}"
    path.write_bytes(encode(tiny.picture(96, 64), ending, record))
    assert read_request(path) == record
    assert (record["dtype"], record["model"], record["version"]) == ("float32", "hanmo-tiny", __version__)


@pytest.mark.parametrize(("ending", "furthest"), [(".png", 0), (".webp", 0), (".jpg", 16)])
def test_png_and_webp_keep_every_pixel_and_jpeg_nearly(ending: str, furthest: int) -> None:
    picture = tiny.picture(96, 64)
    with Image.open(io.BytesIO(encode(picture, ending, {"prompt": "a"}))) as read:
        assert (read.format, read.size) == ({".png": "PNG", ".webp": "WEBP", ".jpg": "JPEG"}[ending], (96, 64))
        away = np.asarray(read.convert("RGB"), int) - np.asarray(picture, int)
    assert abs(away).max() <= furthest


def test_other_endings_and_requests_beyond_the_format_are_refused() -> None:
    with pytest.raises(OutputError, match=r"'\.gif' is no ending"):
        encode(tiny.picture(16, 16), ".gif", {"prompt": "a"})
    with pytest.raises(OutputError, match="too long for a JPEG file"):
        encode(tiny.picture(16, 16), ".jpg", {"prompt": "a" * 70_000})


def test_settings_parse_as_those_tools_parse_them() -> None:
    """Their rule for the last line: `name: value` with commas between; what holds commas stands in quotes."""
    record = {"prompt": "a", "steps": 3, "solver": "heun", "seed": 7, "size": [96, 64], "model": 'my, "own": model'}
    line = parameters(record).split("\n")[-1]
    found = dict(re.findall(r'\s*([\w ]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', line))
    assert found["Steps"] == "3"
    assert (found["Sampler"], found["Seed"], found["Size"]) == ("Heun", "7", "96x64")
    assert found["Model"] == r'"my, \"own\": model"'
    assert len(found) == 5
