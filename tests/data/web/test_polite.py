from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tiny_pictures import png
from web_server import Server, serving

from hanmo.data.web.answers import Answers, Kept
from hanmo.data.web.config import FetchConfig
from hanmo.data.web.exchange import ExchangeConfig
from hanmo.data.web.polite import Fetched, fetch
from hanmo.errors import ConfigError, OutputError, RequestError

FAST = {"host_delay": 0.0, "backoff": 0.02, "exchange": ExchangeConfig(read_seconds=0.3, private=True)}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def get(tmp_path: Path, urls: list[str], **config: object) -> tuple[Fetched, dict[str, Kept]]:
    with Answers(tmp_path / "answers", write=True) as answers:
        done = fetch(urls, answers, FetchConfig(**{**FAST, **config}), random.Random(0))  # type: ignore[arg-type]
        return done, {url: answers[url] for url in urls}


def test_every_url_ends_with_an_answer_whatever_its_server_does(tmp_path: Path, server: Server) -> None:
    paths = ["/ok/1", "/moved/moved/ok/2", "/status/404", "/circle", "/lie", "/stall", "/noise", "/endless", "/cut"]
    urls = [*map(server.url, paths), "no url", "ftp://example.org/", server.url("/ok/1")]
    done, kept = get(tmp_path, urls, tries=2)
    assert done == Fetched(pictures=2, failures=9, known=0)
    assert kept[urls[0]] == Kept(png(1), urls[0])
    assert kept[urls[1]] == Kept(png(2), server.url("/ok/2"))
    kinds = ["missing", "refused", "wrong_type", "unreachable", "unreachable", "too_large", "unreachable", "refused"]
    assert [kept[url].kind for url in urls[2:-1]] == [*kinds, "refused"]
    assert "more than 5 redirects" in kept[urls[3]].reason
    assert server.times("/circle") == 6
    assert server.times("/stall") == 2
    assert server.times("/ok/1") == 1, "a URL that comes twice is asked once"


def test_what_was_answered_is_not_asked_again(tmp_path: Path, server: Server) -> None:
    urls = [server.url("/ok/1"), server.url("/status/404")]
    _, first = get(tmp_path, urls)
    asked = len(server.asked)
    done, second = get(tmp_path, [*urls, "no url"])
    assert done == Fetched(pictures=0, failures=1, known=2)
    assert {url: second[url] for url in urls} == first
    assert len(server.asked) == asked


def test_a_failure_of_the_moment_is_tried_again_and_no_oftener_than_allowed(tmp_path: Path, server: Server) -> None:
    good, bad = (server.url(path) for path in ("/failing/3/1", "/failing/9/2"))
    _, kept = get(tmp_path, [good, bad], tries=3)
    assert kept[good].image == png(1)
    assert server.times("/failing/9/2") == 3
    assert kept[bad].reason == "HTTP 503 (in the last of 3 tries)"


def test_a_host_that_asks_to_be_left_alone_for_long_is_not_asked_again(tmp_path: Path, server: Server) -> None:
    urls = [server.url(path) for path in ("/busy/500/1", "/ok/2", "/ok/3")]
    _, kept = get(tmp_path, urls, per_host=1, longest_wait=0.1, robots=False)
    assert len(server.asked) == 1
    assert kept[urls[0]].reason == "HTTP 429, and not to ask again for 500 s"
    assert kept[urls[2]].reason == "not asked: 127.0.0.1 asked to be left alone for 500 s"


def test_a_busy_host_is_left_alone_for_as_long_as_it_asks(tmp_path: Path, server: Server) -> None:
    urls = [server.url("/busy/1/1"), server.url("/ok/2"), server.url("/ok/3")]
    _, kept = get(tmp_path, urls, per_host=1, robots=False)
    assert [kept[url].image for url in urls] == [png(1), png(2), png(3)]
    first, *others = [moment for moment, _ in server.asked]
    assert min(others) - first >= 1.0


def test_a_host_is_asked_at_a_pace_and_few_times_at_once(tmp_path: Path, server: Server) -> None:
    urls = [server.url(f"/slow/{number}") for number in range(6)]
    get(tmp_path, urls, per_host=2, host_delay=0.03, robots=False)
    assert server.most_at_once == 2
    moments = sorted(moment for moment, _ in server.asked)
    assert moments[-1] - moments[0] >= 5 * 0.03


def test_a_window_and_a_number_of_threads_smaller_than_the_list_are_enough(tmp_path: Path, server: Server) -> None:
    urls = [server.url(f"/ok/{number}") for number in range(12)] + ["no url"] * 3
    done, _ = get(tmp_path, urls, window=2, at_once=1)
    assert (done.pictures, server.most_at_once) == (12, 1)


def test_robots_txt_is_obeyed_also_where_a_redirect_leads(tmp_path: Path, server: Server) -> None:
    server.robots = b"User-agent: *\nDisallow: /private/\nCrawl-delay: 0.1"
    urls = [server.url(path) for path in ("/private/1", "/moved/private/1", "/ok/2")]
    _, kept = get(tmp_path, urls)
    assert [kept[url].kind for url in urls] == ["refused", "refused", None]
    assert "robots.txt" in kept[urls[1]].reason
    assert server.times("/private/1") == 0
    assert server.times("/robots.txt") == 1
    moments = [moment for moment, _ in server.asked]
    assert min(second - first for first, second in pairwise(moments)) >= 0.09


def test_robots_txt_is_not_asked_where_that_is_wanted(tmp_path: Path, server: Server) -> None:
    server.robots = b"User-agent: *\nDisallow: /"
    _, kept = get(tmp_path, [server.url("/ok/1")], robots=False)
    assert kept[server.url("/ok/1")].kind is None
    assert server.times("/robots.txt") == 0


@pytest.mark.parametrize(("status", "kind"), [(404, None), (403, None), (500, "unreachable")])
def test_without_a_robots_txt_all_is_allowed_but_not_while_nobody_knows(
    tmp_path: Path, server: Server, status: int, kind: str | None
) -> None:
    server.robots = status
    url = server.url("/ok/1")
    _, kept = get(tmp_path, [url], tries=2)
    assert kept[url].kind == kind
    assert kind is None or kept[url].reason.startswith("its robots.txt: HTTP 500")


def test_a_host_that_always_fails_is_given_up(tmp_path: Path, server: Server) -> None:
    urls = [server.url(f"/noise/{number}") for number in range(9)] + [server.url("/ok/1")]
    _, kept = get(tmp_path, urls, tries=1, host_failures=3, per_host=1, robots=False)
    assert len(server.asked) == 3
    assert "3 times in a row" in kept[urls[-1]].reason


def test_a_fetch_that_is_stopped_keeps_what_it_had(tmp_path: Path, server: Server) -> None:
    def breaking() -> Iterator[str]:
        yield server.url("/ok/1")
        raise KeyboardInterrupt

    with Answers(tmp_path / "answers", write=True) as answers, pytest.raises(KeyboardInterrupt):
        fetch(breaking(), answers, FetchConfig(**FAST, window=1), random.Random(0))  # type: ignore[arg-type]
    with Answers(tmp_path / "answers") as answers:
        assert answers[server.url("/ok/1")].image == png(1)


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from hanmo.data.web.answers import Answers
from hanmo.data.web.config import FetchConfig
from hanmo.data.web.exchange import ExchangeConfig
from hanmo.data.web.polite import fetch
def urls():
    yield from sys.argv[2:]
    os.kill(os.getpid(), signal.SIGKILL)
with Answers(Path(sys.argv[1]), write=True) as answers:
    config = FetchConfig(window=1, host_delay=0.0, exchange=ExchangeConfig(private=True))
    fetch(urls(), answers, config, random.Random(0))
"""


def test_a_fetch_that_is_killed_leaves_whole_answers_and_goes_on(tmp_path: Path, root: Path, server: Server) -> None:
    urls = [server.url(f"/slow/{number}") for number in range(12)]  # more than a second: what is older is on disk
    path = os.pathsep.join([str(root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "answers"), *urls]
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode == -signal.SIGKILL
    done, kept = get(tmp_path, urls)
    assert done.known >= 5
    assert done.known + done.pictures == 12
    assert [kept[url].image for url in urls] == [png(number) for number in range(12)]


def test_answers_are_written_by_one_at_a_time_and_read_only_where_they_are(tmp_path: Path) -> None:
    with Answers(tmp_path / "answers", write=True), pytest.raises(OutputError, match="another fetch"):
        Answers(tmp_path / "answers", write=True)
    with pytest.raises(RequestError, match="fetch the list"):
        Answers(tmp_path / "none")
    (tmp_path / "text").write_text("no database " * 100, encoding="utf-8")
    with pytest.raises(RequestError, match="no file of answers"):
        Answers(tmp_path / "text", write=True)


@pytest.mark.parametrize("wrong", [{"at_once": 0}, {"host_delay": -1.0}, {"backoff": float("nan")}, {"window": 0}])
def test_a_config_that_cannot_be_meant_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        FetchConfig(**wrong)  # type: ignore[arg-type]
