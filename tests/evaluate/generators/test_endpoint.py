from __future__ import annotations

import time
from pathlib import Path

import pytest
from colours import Colours, nearest
from images_server import Reply, answer, elsewhere, painted, refusal, serving
from PIL import Image

from hanmo.errors import HanmoError, RequestError
from hanmo.evaluate.generators.endpoint import EndpointConfig, EndpointGenerator
from hanmo.evaluate.generators.protocol import Order, Unpainted
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.run import evaluate
from hanmo.evaluate.types import Prompt

RED = Order(Prompt("a", "a red card", size=(32, 16)), 0, 7)


def asking(url: str, **settings: object) -> EndpointGenerator:
    return EndpointGenerator(EndpointConfig(url, "their-model", pause=0.01, seconds=5.0, **settings))


def test_a_picture_is_asked_for_as_the_protocol_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANMO_IMAGES_KEY", "secret-1")
    with serving(painted) as server:
        (picture,) = asking(server.url).paint([RED], [[]])
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.size, nearest(picture)) == ("RGB", (32, 16), "red")
    (asked,) = server.asked
    assert (asked.path, asked.key) == ("/v1/images/generations", "Bearer secret-1")
    assert asked.fields == {"model": "their-model", "prompt": "a red card", "n": 1, "size": "32x16", "seed": 7}


def test_seed_and_size_are_left_out_where_they_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANMO_IMAGES_KEY", raising=False)
    with serving(painted) as server:
        asking(server.url, seeded=False).paint([Order(Prompt("a", "a blue card"), 0, 7)], [[]])
        asking(server.url, size=(48, 16)).paint([Order(Prompt("a", "a blue card"), 0, 7)], [[]])
    assert server.asked[0].fields == {"model": "their-model", "prompt": "a blue card", "n": 1}
    assert server.asked[0].key is None
    assert server.asked[1].fields["size"] == "48x16"


def test_an_edit_sends_its_sources_as_a_form() -> None:
    order = Order(Prompt("a", 'make it green — "墨"', "edit"), 0, 3)
    one, two = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (5, 4), "blue")
    with serving(painted) as server:
        pictures = asking(server.url).paint([order, order], [[one], [one, two]])
    assert all(isinstance(picture, Image.Image) and nearest(picture) == "green" for picture in pictures)
    single, several = server.asked
    assert single.path == "/v1/images/edits"
    assert single.fields == {"model": "their-model", "prompt": 'make it green — "墨"', "n": "1", "seed": "3"}
    assert [(name, picture.tobytes() == one.tobytes()) for name, picture in single.pictures] == [("image", True)]
    assert [(name, picture.size) for name, picture in several.pictures] == [("image[]", (8, 6)), ("image[]", (5, 4))]


def test_a_picture_that_lies_elsewhere_is_fetched_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANMO_IMAGES_KEY", "secret-1")
    with serving(elsewhere) as server:
        (picture,) = asking(server.url).paint([RED], [[]])
    assert isinstance(picture, Image.Image)
    assert nearest(picture) == "red"
    assert server.visits == [("/v1/moved/red", None), ("/there/red", None)]


def test_what_passes_is_tried_again_after_the_time_asked_for() -> None:
    busy = refusal(429, "slow down", Retry_After="1")
    with serving(busy, refusal(503, "later"), answer({}), painted) as server:
        began = time.monotonic()
        (picture,) = asking(server.url).paint([RED], [[]])
        assert time.monotonic() - began >= 1.0
    assert isinstance(picture, Image.Image)
    assert len(server.asked) == 4
    with (
        serving(refusal(500, "broken")) as server,
        pytest.raises(
            HanmoError, match=r"gave no picture in 2 tries \(answered 500: broken\): the same command goes on"
        ),
    ):
        asking(server.url, tries=2).paint([RED], [[]])
    assert len(server.asked) == 2


def test_a_prompt_that_is_refused_is_no_error_and_not_tried_again() -> None:
    with serving(refusal(400, "against our policy"), painted) as server:
        first, second = asking(server.url).paint([RED, RED], [[], []])
    assert first == Unpainted("answered 400: against our policy")
    assert isinstance(second, Image.Image)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusal(401, "wrong key"), "answered 401: wrong key: check the key in HANMO_IMAGES_KEY"),
        (refusal(404, "no such model"), "answered 404: no such model: check the URL and the model"),
        (Reply(307, b"", {"Location": "/v1/images/generations"}), "answered 307"),
    ],
)
def test_a_wrong_address_or_key_stops_at_once_and_no_redirect_is_followed(reply: Reply, said: str) -> None:
    with serving(reply) as server, pytest.raises(RequestError, match=said):
        asking(server.url).paint([RED], [[]])
    assert len(server.asked) == 1
    assert server.visits == []


def test_nobody_at_home_is_one_line() -> None:
    with serving(painted) as server:
        url = server.url
    with pytest.raises(HanmoError, match=r"gave no picture in 1 tries \(it could not be asked: "):
        asking(url, tries=1).paint([RED], [[]])


def test_what_cannot_be_asked_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("host/v1", "ftp://host/v1", "https://user:pass@host/v1"):
        with pytest.raises(RequestError, match="is no base URL"):
            EndpointGenerator(EndpointConfig(url, "m"))
    with pytest.raises(RequestError, match="cannot reconstruct"):
        asking("http://host/v1").check([Order(Prompt("a", "", "reconstruct"), 0, 0)])
    monkeypatch.setenv("OTHER_KEY", "a b")
    with pytest.raises(RequestError, match="check OTHER_KEY"):
        EndpointGenerator(EndpointConfig("http://host/v1", "m", key_env="OTHER_KEY"))


def test_a_whole_run_of_an_endpoint(tmp_path: Path) -> None:
    with serving(painted) as server:
        options = RunOptions(images=1, limit=4, draws=5, concurrency=3)
        report = evaluate(Colours(), asking(server.url), Judges(), tmp_path, tmp_path / "run", options).report
    assert report is not None
    assert report.metrics["right"].value == 1.0
    assert report.generator["kind"] == "endpoint"
    assert len(server.asked) == 4
