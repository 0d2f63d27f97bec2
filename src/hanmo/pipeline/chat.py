"""A chat endpoint over HTTP, as many servers speak it: messages in, one text out.

Only the widely understood part of the protocol is used: POST {url}/chat/completions with `model` and `messages`, no
stream. One call has one time limit for everything: name look-up, connection, and an answer that trickles. It
knows nothing of prompts; how often to try is the caller's business.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from hanmo.errors import RequestError

Message = Mapping[str, str]
"""`role` (system, user, assistant) and `content`."""

_LARGEST = 1 << 20
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Status codes that another try may change."""


class ChatError(Exception):
    """A call that gave no answer. It never leaves `rewrite`, which keeps the original prompt instead.

    Args:
        message: why, in a few words, without secrets.
        again: whether another try may help.
        wait: seconds that the endpoint asks to wait before it.
    """

    def __init__(self, message: str, again: bool, wait: float = 0.0) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait


@runtime_checkable
class Chat(Protocol):
    """A language model that answers."""

    name: str
    """What a record calls it."""

    def __call__(self, messages: Sequence[Message], seconds: float) -> str:
        """The answer to a conversation.

        Raises:
            ChatError: there is none, or not in time.
        """


class Endpoint:
    """An OpenAI-compatible endpoint.

    Args:
        url: its base, such as https://host/v1.
        model: name that the endpoint knows.
        key: sent as a bearer token; None sends none.

    Raises:
        RequestError: a URL that is none, or a key that cannot be sent.
    """

    def __init__(self, url: str, model: str, key: str | None = None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RequestError(f"the endpoint {url!r} is no base URL: give one such as https://host/v1")
        if key is not None and (not key.isascii() or not key.isprintable() or " " in key):
            raise RequestError("the endpoint's key holds spaces or characters outside ASCII: check HANMO_REWRITE_KEY")
        self.name = model
        self._url = url.rstrip("/") + "/chat/completions"
        self._key = key
        self._open = urllib.request.build_opener(_NoRedirect).open

    def __call__(self, messages: Sequence[Message], seconds: float) -> str:
        """See `Chat`."""
        return _within(seconds, lambda: self._ask(messages, seconds))

    def _ask(self, messages: Sequence[Message], seconds: float) -> str:
        body = json.dumps({"model": self.name, "messages": [dict(message) for message in messages], "stream": False})
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self._url, body.encode(), headers, method="POST")
        try:
            with self._open(request, timeout=seconds) as reply:
                data: bytes = reply.read(_LARGEST + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise ChatError(f"no answer within {seconds:g} s", again=True) from None
            said = str(reason) or type(reason).__name__
            raise ChatError(f"the endpoint could not be asked ({said[:100]})", again=True) from None
        if len(data) > _LARGEST:
            raise ChatError("the endpoint sent more than a megabyte", again=False)
        return _content(data)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Follow none, so that it becomes an HTTPError."""


def _refusal(error: urllib.error.HTTPError) -> ChatError:
    asked = error.headers.get("Retry-After", "")
    wait = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    return ChatError(f"the endpoint answered {error.code} {error.reason}"[:120], error.code in _PASSING, wait)


def _content(data: bytes) -> str:
    """The text of the first choice."""
    try:
        choice = json.loads(data)["choices"][0]
        content, finish = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ChatError("the endpoint sent no chat completion", again=True) from None
    if not isinstance(content, str):
        raise ChatError("the endpoint sent an answer without text", again=True)
    if finish == "length":
        raise ChatError("the answer was cut off", again=True)
    return content


def _within(seconds: float, call: Callable[[], str]) -> str:
    """What a call returns, if it does so in time. A call that does not is left behind; it ends with the process."""
    done: queue.Queue[str | Exception] = queue.Queue(1)

    def work() -> None:
        try:
            done.put(call())
        except Exception as error:
            done.put(error)

    threading.Thread(target=work, daemon=True, name="hanmo-chat").start()
    try:
        answer = done.get(timeout=seconds)
    except queue.Empty:
        raise ChatError(f"no answer within {seconds:g} s", again=True) from None
    if isinstance(answer, Exception):
        raise answer
    return answer
