"""The client of a chat endpoint, against a real server on this machine."""

from __future__ import annotations

import socket
import time

import pytest
from endpoint import Answer, serving

from hanmo.errors import RequestError
from hanmo.pipeline.chat import Chat, ChatError, Endpoint, Reply, picture_part, text_part

ASKED = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "一张红色的卡片"}]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_messages_go_out_and_the_text_comes_back() -> None:
    with serving("好的 “OK”") as server:
        chat = Endpoint(server.url + "/", "some-model", "secret")
        assert isinstance(chat, Chat)
        assert chat(ASKED, 5.0) == "好的 “OK”"
    (seen,) = server.requests
    assert (seen["path"], seen["authorization"]) == ("/v1/chat/completions", "Bearer secret")
    assert (seen["model"], seen["messages"], seen["stream"]) == ("some-model", ASKED, False)


def test_a_message_may_hold_a_picture_and_the_request_further_fields() -> None:
    parts = [picture_part("data:image/png;base64,AA=="), text_part("what is it?")]
    with serving("a dot") as server:
        chat = Endpoint(server.url, "m", extra={"temperature": 0, "max_tokens": 9})
        assert chat.reply([{"role": "user", "content": parts}], 5.0) == Reply("a dot")
    (seen,) = server.requests
    assert seen["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "text", "text": "what is it?"},
    ]
    assert (seen["temperature"], seen["max_tokens"], seen["stream"]) == (0, 9, False)
    with pytest.raises(RequestError, match="'stream' is not allowed"):
        Endpoint("http://host", "m", extra={"stream": True})


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [('{"total_tokens": 21}', 21), ("{}", None), ("null", None), ("[]", None), ('{"total_tokens": -1}', None),
     ('{"total_tokens": "21"}', None), ('{"total_tokens": true}', None)],
)  # fmt: skip
def test_the_tokens_of_an_answer_are_known_where_the_endpoint_says_them(usage: str, tokens: int | None) -> None:
    body = '{"choices": [{"message": {"content": "yes"}}], "usage": ' + usage + "}"
    with serving(Answer(raw=body.encode())) as server:
        assert Endpoint(server.url, "m").reply(ASKED, 5.0) == Reply("yes", tokens)


def test_without_a_key_none_is_sent() -> None:
    with serving("yes") as server:
        Endpoint(server.url, "m")(ASKED, 5.0)
    assert server.requests[0]["authorization"] is None


@pytest.mark.parametrize(("status", "again"), [(500, True), (503, True), (429, True), (401, False), (404, False)])
def test_a_refusal_says_its_status_and_whether_to_try_again(status: int, again: bool) -> None:
    with serving(Answer(status=status)) as server, pytest.raises(ChatError, match=f"answered {status}") as caught:
        Endpoint(server.url, "m", "secret")(ASKED, 5.0)
    assert (caught.value.again, caught.value.wait) == (again, 0.0)
    assert "secret" not in str(caught.value)


def test_the_wait_that_the_endpoint_asks_for_is_passed_on() -> None:
    with serving(Answer(status=429, headers={"Retry-After": "7"})) as server, pytest.raises(ChatError) as caught:
        Endpoint(server.url, "m")(ASKED, 5.0)
    assert caught.value.wait == 7.0


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}', b"\xff\xfe",
     b'{"choices": [{"message": {"content": null}}]}', b"[" * 100_000],
)  # fmt: skip
def test_rubbish_is_no_answer(body: bytes) -> None:
    with serving(Answer(raw=body)) as server, pytest.raises(ChatError, match="sent") as caught:
        Endpoint(server.url, "m")(ASKED, 5.0)
    assert caught.value.again


def test_an_answer_that_was_cut_off_is_none() -> None:
    with serving(Answer("a red", finish="length")) as server, pytest.raises(ChatError, match="cut off"):
        Endpoint(server.url, "m")(ASKED, 5.0)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with serving(Answer("x" * (1 << 21))) as server, pytest.raises(ChatError, match="megabyte"):
        Endpoint(server.url, "m")(ASKED, 5.0)


@pytest.mark.parametrize("answer", [Answer("late", stall=20.0), Answer("late", drip=0.1)])
def test_a_stall_and_a_trickle_end_at_the_time_limit(answer: Answer) -> None:
    with serving(answer) as server:
        began = time.perf_counter()
        with pytest.raises(ChatError, match=r"no answer within 0\.5 s"):
            Endpoint(server.url, "m")(ASKED, 0.5)
        assert time.perf_counter() - began < 2.0


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with serving("no") as other, serving(Answer(status=302, headers={"Location": other.url})) as server:
        with pytest.raises(ChatError, match="answered 302"):
            Endpoint(server.url, "m", "secret")(ASKED, 5.0)
        assert other.requests == []


def test_nobody_there_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ChatError, match="could not be asked") as caught:
        Endpoint(f"http://127.0.0.1:{port}", "m")(ASKED, 5.0)
    assert caught.value.again


@pytest.mark.parametrize("url", ["", "host/v1", "file:///etc/passwd", "ftp://host", "http://"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(RequestError, match="no base URL"):
        Endpoint(url, "m")


@pytest.mark.parametrize("key", ["a b", "a\nX-Other: 1", "ключ"])
def test_a_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(RequestError, match="HANMO_REWRITE_KEY") as caught:
        Endpoint("http://host", "m", key)
    assert key not in str(caught.value)
    with pytest.raises(RequestError, match="check ANOTHER_KEY"):
        Endpoint("http://host", "m", key, key_name="ANOTHER_KEY")


def test_an_endpoint_lists_its_models_or_says_that_it_has_no_list() -> None:
    with serving("unasked") as server:
        chat = Endpoint(server.url, "m", "secret")
        server.listing = Answer(raw=b'{"object": "list", "data": [{"id": "a"}, {"id": "b"}]}')
        assert chat.models(5.0) == ["a", "b"]
        assert server.looks == ["Bearer secret"]
        for nothing in (Answer(raw=b"<html>"), Answer(raw=b"[1]"), Answer(raw=b" " * 2**21), Answer(status=404)):
            server.listing = nothing
            assert chat.models(5.0) == []
        for refusal in (401, 503):
            server.listing = Answer(status=refusal)
            with pytest.raises(ChatError) as caught:
                chat.models(5.0)
            assert caught.value.status == refusal
    assert server.requests == []
    with pytest.raises(ChatError, match="could not be asked"):
        chat.models(5.0)
