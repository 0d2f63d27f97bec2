"""A judge behind an endpoint, against a real HTTP server on this machine."""

from __future__ import annotations

import base64
import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from endpoint import Answer, serving
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.judges.protocols import VLM, Unjudged
from hanmo.evaluate.judges.vlm import EndpointVLM, Patience

RED, BLUE = Image.new("RGB", (32, 16), "red"), Image.new("RGB", (16, 32), "blue")
HASTY = Patience(seconds=5.0, tries=3, pause=0.01)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def size_of(part: dict[str, Any]) -> tuple[int, int]:
    """The size of a picture that was sent."""
    url = part["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return picture.size


def test_pictures_words_temperature_and_seed_arrive() -> None:
    with serving("a red one") as server:
        judge = EndpointVLM(server.url, "judge", key="secret", patience=HASTY)
        assert isinstance(judge, VLM)
        assert judge.ask([RED, BLUE], "which?", system="be brief", temperature=0.5, seed=11) == "a red one"
    sent = server.requests[0]
    assert (sent["model"], sent["temperature"], sent["seed"]) == ("judge", 0.5, 11)
    assert sent["authorization"] == "Bearer secret"
    first, second = sent["messages"]
    assert first == {"role": "system", "content": "be brief"}
    *pictures, words = second["content"]
    assert [size_of(part) for part in pictures] == [(32, 16), (16, 32)]
    assert words == {"type": "text", "text": "which?"}


def test_a_picture_arrives_nearly_as_it_was_painted() -> None:
    fine = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((64, 64), 3)
    with serving("yes") as server:
        EndpointVLM(server.url, "judge").ask([fine], "?")
    url = server.requests[0]["messages"][0]["content"][0]["image_url"]["url"]
    came = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))), dtype=float)
    assert np.abs(came - np.asarray(fine, dtype=float)).mean() < 2.0


def test_a_passing_error_is_tried_again_after_the_time_that_was_asked_for() -> None:
    with serving(Answer(status=429, headers={"Retry-After": "1"}), Answer(status=503), "yes") as server:
        begun = time.monotonic()
        assert EndpointVLM(server.url, "judge", patience=HASTY).ask([RED], "?") == "yes"
        assert time.monotonic() - begun >= 1.0
    assert len(server.requests) == 3
    assert server.requests[0]["seed"] == server.requests[2]["seed"]


@pytest.mark.parametrize(
    ("answer", "asked", "why"),
    [
        (Answer(status=500), 3, "500"),
        (Answer(status=401), 1, "401"),
        (Answer(status=429, headers={"Retry-After": "3600"}), 1, "429"),
        (Answer(raw=b"<html>"), 3, "no chat completion"),
        (Answer("cut", finish="length"), 3, "cut off"),
    ],
)
def test_an_endpoint_that_fails_leaves_the_picture_unjudged(answer: Answer, asked: int, why: str) -> None:
    with serving(answer) as server, pytest.raises(Unjudged, match=why) as caught:
        EndpointVLM(server.url, "judge", patience=HASTY).ask([RED], "?")
    assert len(server.requests) == asked
    assert f"in try {asked} of 3" in str(caught.value)


def test_a_silent_endpoint_is_left_after_its_time() -> None:
    with serving(Answer("late", stall=30.0)) as server:
        judge = EndpointVLM(server.url, "judge", patience=Patience(seconds=0.2, tries=1))
        begun = time.monotonic()
        with pytest.raises(Unjudged, match=r"no answer within 0\.2 s"):
            judge.ask([RED], "?")
        assert time.monotonic() - begun < 10.0


def test_many_threads_each_get_their_own_answer() -> None:
    with serving(lambda sent: Answer(sent["messages"][0]["content"][-1]["text"].upper())) as server:
        judge = EndpointVLM(server.url, "judge")
        with ThreadPoolExecutor(6) as pool:
            said = list(pool.map(lambda number: judge.ask([RED], f"n{number}", seed=number), range(18)))
    assert said == [f"N{number}" for number in range(18)]
    assert sorted(sent["seed"] for sent in server.requests) == list(range(18))


def test_what_is_recorded_holds_no_secret() -> None:
    judge = EndpointVLM("https://user:hush@host:8443/v1?token=hush", "judge", key="hush")
    assert "hush" not in str(judge.describe())
    assert judge.describe()["settings"]["endpoint"] == "https://host:8443/v1"
    assert judge.describe()["name"] == "judge"


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(RequestError, match="no base URL"):
        EndpointVLM("host", "judge")
    with pytest.raises(RequestError, match="0 tries"):
        Patience(tries=0)
    with pytest.raises(RequestError, match="pauses of -1"):
        Patience(pause=-1.0)
