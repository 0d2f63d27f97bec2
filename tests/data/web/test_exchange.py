"""What one request and its judgement make of a server that does its worst, in a second."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from tiny_pictures import png
from web_server import JPEG, Server, serving

from hanmo.data.decode import DecodeLimits
from hanmo.data.web.address import Unfetched, parse_url
from hanmo.data.web.exchange import ExchangeConfig, exchange
from hanmo.data.web.judge import ACCEPT, Moved, Wanted, judged
from hanmo.errors import ConfigError

CONFIG = ExchangeConfig(agent="tester/1 (+mail)", read_seconds=0.2, total_seconds=0.5, private=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def ask(server: Server, path: str, wanted: Wanted | None = None, config: ExchangeConfig = CONFIG) -> bytes | Moved:
    url = parse_url(server.url(path))
    return judged(exchange(url, 100_000, config, ACCEPT), url, wanted or Wanted(), "tester")


def test_a_picture_comes_as_it_is_and_the_server_knows_who_asks(server: Server) -> None:
    assert ask(server, "/ok/9") == png(9)
    assert server.agents == {"tester/1 (+mail)"}


@pytest.mark.parametrize(("path", "body"), [("/gzip", png(5)), ("/plain-type", png(3)), ("/jpg", JPEG)])
def test_what_is_strange_but_honest_is_taken(server: Server, path: str, body: bytes) -> None:
    assert ask(server, path) == body


@pytest.mark.parametrize(
    ("path", "kind", "again", "said"),
    [
        ("/stall", "unreachable", True, "took too long"),
        ("/drip-head", "unreachable", True, "took too long"),
        ("/drip-body", "unreachable", True, "took too long"),
        ("/cut", "unreachable", True, "broke off after"),
        ("/gzip-cut", "unreachable", True, "broke off"),
        ("/noise", "unreachable", True, "BadStatusLine"),
        ("/status/500", "unreachable", True, "HTTP 500"),
        ("/status/418", "refused", False, "HTTP 418"),
        ("/status/403", "refused", False, "HTTP 403"),
        ("/status/410", "missing", False, "HTTP 410"),
        ("/status/206", "unreachable", False, "HTTP 206"),
        ("/page.png", "no_picture", False, "html"),
        ("/empty", "no_picture", False, "empty"),
        ("/lie", "wrong_type", False, "image/jpeg, but the bytes are png"),
        ("/html", "wrong_type", False, "text/html, but the bytes are png"),
        ("/big", "too_large", False, "1000000000000 bytes"),
        ("/endless", "too_large", False, "more than 100000 bytes"),
        ("/gzip-bomb", "too_large", False, "more than 100000 bytes"),
        ("/gzip-broken", "damaged", False, "compressed body"),
        ("/brotli", "unreadable", False, "'br'"),
        ("/pixel-bomb", "too_large", False, "65536x65536 pixels"),
        ("/noai", "refused", False, "noai"),
        ("/to-file", "refused", False, "scheme 'file'"),
        ("/to-nowhere", "unreachable", False, "without a place"),
    ],
)
def test_what_goes_wrong_has_a_name_and_takes_no_longer_than_allowed(
    server: Server, path: str, kind: str, again: bool, said: str
) -> None:
    begin = time.monotonic()
    with pytest.raises(Unfetched) as caught:
        ask(server, path)
    assert (caught.value.kind, caught.value.again) == (kind, again)
    assert said in caught.value.reason
    assert time.monotonic() - begin < 3 * CONFIG.total_seconds  # a busy machine is given some time


def test_the_type_and_the_pixels_are_the_users_choice(server: Server) -> None:
    assert ask(server, "/lie", Wanted(check_type=False)) == png(2)
    assert ask(server, "/noai", Wanted(unwanted_tags=())) == png(7)
    with pytest.raises(Unfetched, match="8x8 pixels; the limit is 63"):
        ask(server, "/ok/9", Wanted(pixels=DecodeLimits(pixels=63)))


def test_a_redirect_is_not_followed_but_told(server: Server) -> None:
    assert ask(server, "/moved/ok/1") == Moved(parse_url(server.url("/ok/1")))


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), ("soon", None), ("-3", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)]
)
def test_a_busy_server_says_how_long_it_wants_to_be_left_alone(server: Server, said: str, seconds: float) -> None:
    with pytest.raises(Unfetched, match="HTTP 429") as caught:
        ask(server, f"/busy/{quote(said)}/1")
    assert caught.value.wait == seconds


def test_this_machine_is_never_asked_unless_it_was_said(server: Server) -> None:
    before = len(server.asked)
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        url = parse_url(f"http://{host}:{server.port}/ok/1")
        with pytest.raises(Unfetched, match="no public address"):
            exchange(url, 100, ExchangeConfig(), ACCEPT)
    assert len(server.asked) == before


def test_a_closed_door_may_open_later() -> None:
    with serving() as gone:
        pass
    with pytest.raises(Unfetched, match="broke off") as caught:
        ask(gone, "/ok/1")
    assert caught.value.again


def test_a_plain_server_that_is_asked_for_tls_is_unreachable(server: Server) -> None:
    url = parse_url(server.url("/ok/1").replace("http:", "https:"))
    with pytest.raises(Unfetched) as caught:
        exchange(url, 100, CONFIG, ACCEPT)
    assert caught.value.kind == "unreachable"


@pytest.mark.parametrize("wrong", [{"agent": ""}, {"agent": "a\r\nX: 1"}, {"agent": "图/1"}, {"total_seconds": 0.0}])
def test_a_config_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ExchangeConfig(**wrong)  # type: ignore[arg-type]
