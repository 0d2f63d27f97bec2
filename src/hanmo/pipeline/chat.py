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
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from hanmo.errors import RequestError

Message = Mapping[str, Any]
"""`role` (system, user, assistant) and `content`: a text, or a list of parts (`text_part`, `picture_part`)."""

T = TypeVar("T")
_LARGEST = 1 << 20
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Status codes that another try may change."""
_NO_LIST = {404, 405, 429, 501}
"""Status codes of an endpoint that is there and does not list its models, or not now."""
_TOO_LONG = "the endpoint sent more than a megabyte"


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        text: what was said.
        tokens: read and written for it; None where nobody says.
    """

    text: str
    tokens: int | None = None


def text_part(text: str) -> dict[str, Any]:
    """Words, for a message whose content has several parts."""
    return {"type": "text", "text": text}


def picture_part(url: str) -> dict[str, Any]:
    """A picture, for a message whose content has several parts.

    Args:
        url: where it is, or a data URL that holds it.
    """
    return {"type": "image_url", "image_url": {"url": url}}


class ChatError(Exception):
    """A call that gave no answer. Callers catch it: `rewrite` keeps the original prompt instead.

    Args:
        message: why, in a few words, without secrets.
        again: whether another try may help.
        wait: seconds that the endpoint asks to wait before it.
        status: of HTTP, where the endpoint refused; else None.
    """

    def __init__(self, message: str, again: bool, wait: float = 0.0, status: int | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait
        self.status = status


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
        key_name: where the user has set it, for the message when it cannot be sent.
        extra: further fields of each request, such as {"temperature": 0}; not every endpoint knows every one.

    Raises:
        RequestError: a URL that is none, a key that cannot be sent, or a further field that is set here.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        key_name: str = "HANMO_REWRITE_KEY",
        extra: Mapping[str, object] | None = None,
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RequestError(f"the endpoint {url!r} is no base URL: give one such as https://host/v1")
        if key is not None and (not key.isascii() or not key.isprintable() or " " in key):
            raise RequestError(f"the endpoint's key holds spaces or characters outside ASCII: check {key_name}")
        taken = sorted({"model", "messages", "stream"} & set(extra or ()))
        if taken:
            raise RequestError(f"the endpoint's further field {taken[0]!r} is not allowed: it is set elsewhere")
        self.name = model
        self._base = url.rstrip("/")
        self._key = key
        self._extra = dict(extra or {})
        self._open = urllib.request.build_opener(NoRedirect).open

    def __call__(self, messages: Sequence[Message], seconds: float) -> str:
        """See `Chat`."""
        return self.reply(messages, seconds).text

    def reply(self, messages: Sequence[Message], seconds: float) -> Reply:
        """The answer to a conversation, and what it cost.

        Raises:
            ChatError: there is none, or not in time.
        """
        return _within(seconds, lambda: self._ask(messages, seconds))

    def models(self, seconds: float) -> list[str]:
        """The models that it lists, which is the cheapest question that shows whether it is there and takes the key.

        Returns:
            Their names; none where the endpoint is there but has no such list.

        Raises:
            ChatError: it is not there, or refuses.
        """
        return _within(seconds, lambda: self._list(seconds))

    def _list(self, seconds: float) -> list[str]:
        try:
            found = json.loads(self._send("/models", None, seconds))["data"]
            return [str(each["id"]) for each in found]
        except ChatError as error:
            if error.status in _NO_LIST or str(error) == _TOO_LONG:
                return []
            raise
        except (ValueError, LookupError, TypeError, RecursionError):
            return []

    def _ask(self, messages: Sequence[Message], seconds: float) -> Reply:
        asked = {"model": self.name, "messages": [dict(message) for message in messages], "stream": False}
        return _reply(self._send("/chat/completions", json.dumps(asked | self._extra).encode(), seconds))

    def _send(self, path: str, body: bytes | None, seconds: float) -> bytes:
        """What the endpoint sends back; a request without a body is a GET."""
        headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self._base + path, body, headers)
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
            raise ChatError(_TOO_LONG, again=False)
        return data


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Follow none, so that it becomes an HTTPError."""


def _refusal(error: urllib.error.HTTPError) -> ChatError:
    asked = error.headers.get("Retry-After", "")
    wait = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    return ChatError(
        f"the endpoint answered {error.code} {error.reason}"[:120], error.code in _PASSING, wait, error.code
    )


def _reply(data: bytes) -> Reply:
    """The first choice."""
    try:
        completion = json.loads(data)
        choice = completion["choices"][0]
        content, finish = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ChatError("the endpoint sent no chat completion", again=True) from None
    if not isinstance(content, str):
        raise ChatError("the endpoint sent an answer without text", again=True)
    if finish == "length":
        raise ChatError("the answer was cut off", again=True)
    return Reply(content, _tokens(completion.get("usage")))


def _tokens(usage: object) -> int | None:
    """The sum that an endpoint reports; None for anything that is no such sum."""
    total = usage.get("total_tokens") if isinstance(usage, Mapping) else None
    return total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What a call returns, if it does so in time. A call that does not is left behind; it ends with the process."""
    done: queue.Queue[tuple[T] | Exception] = queue.Queue(1)

    def work() -> None:
        try:
            done.put((call(),))
        except Exception as error:
            done.put(error)

    threading.Thread(target=work, daemon=True, name="hanmo-chat").start()
    try:
        answer = done.get(timeout=seconds)
    except queue.Empty:
        raise ChatError(f"no answer within {seconds:g} s", again=True) from None
    if isinstance(answer, Exception):
        raise answer
    return answer[0]
