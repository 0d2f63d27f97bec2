from __future__ import annotations

import time
from pathlib import Path

import pytest
from images_server import Asked, Reply, Server, painted, serving
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.arena.live import live_model
from hanmo.evaluate.arena.sources import Model, Question

QUESTIONS = [Question("one", "a red picture"), Question("two", "a blue picture")]


def finished(model: object) -> None:
    deadline = time.monotonic() + 20
    while model.busy:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_endpoint_paints_each_prompt_into_a_folder_of_its_own(tmp_path: Path) -> None:
    with serving(painted) as server:
        model = live_model("theirs", f"{server.url}/v1#painter", QUESTIONS, tmp_path, seed=5)
        assert isinstance(model, Model)
        model.start()
        finished(model)
        assert [asked.fields["model"] for asked in server.asked] == ["painter", "painter"]
        assert [asked.fields["seed"] for asked in server.asked] == [5, 5]
    assert sorted(model.pictures()) == ["one", "two"]
    with Image.open(tmp_path / "theirs" / "one-5.png") as picture:
        red, green, _ = picture.convert("RGB").getpixel((0, 0))
    assert red > green


def test_an_endpoint_that_refuses_everything_drops_out_with_its_reason(tmp_path: Path) -> None:
    def refuse(server: Server, asked: Asked) -> Reply:
        return Reply(400, b'{"error": {"message": "not this prompt"}}')

    questions = [Question(f"q{i}", "a red picture") for i in range(4)]
    with serving(refuse) as server:
        model = live_model("theirs", f"{server.url}/v1#painter", questions, tmp_path)
        model.start()
        finished(model)
        assert len(server.asked) == 3
    assert model.failed is not None
    assert "3 times in a row" in model.failed
    assert model.pictures() == {}


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="base URL"):
        live_model("theirs", "ftp://host#m", QUESTIONS, tmp_path)
