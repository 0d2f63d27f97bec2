"""Any OpenAI-compatible images endpoint as a generator, so that other systems are judged by the same code.

    generate   POST {url}/images/generations   JSON: model, prompt, n = 1, and seed and size where they are known
    edit       POST {url}/images/edits         the same as multipart/form-data, with the source pictures

The answer holds the picture (`b64_json`) or says where it is (`url`), which is fetched without the key. What passes
(429, 5xx, no connection) is tried again after the time that the endpoint asks for, or ever longer ones. A redirect
would carry the key to another host, and is not followed. Not every endpoint knows `seed`, nor keeps what it promises.
It does not know benchmarks or files of results.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import io
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from hanmo.errors import HanmoError, RequestError
from hanmo.evaluate.generators.multipart import Part, multipart
from hanmo.evaluate.generators.protocol import Order, Painted, Unpainted
from hanmo.evaluate.types import Json
from hanmo.pipeline.chat import NoRedirect
from hanmo.pipeline.pictures import open_picture

KEY = "HANMO_IMAGES_KEY"
_PASSING = {408, 425, 429, 500, 502, 503, 504, 529}
_REFUSED = {400, 403, 413, 422, 451}
"""Status codes that speak of this one prompt; others speak of the key, the address or the model."""
_LARGEST = 64 << 20
_LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class EndpointConfig:
    """Whom to ask, and how patiently.

    Attributes:
        url: the base, such as https://host/v1.
        model: name that the endpoint knows.
        key_env: environment variable that holds the key; none is sent where it is not set.
        size: (width, height) where a prompt asks for none; None leaves it to the endpoint.
        seeded: send `seed`; some endpoints refuse a field that they do not know.
        seconds: for one try, from the question to the last byte.
        tries: how often to ask for one picture, 1 or more.
        pause: seconds before the second try; twice as many before each further one.
    """

    url: str
    model: str
    key_env: str = KEY
    size: tuple[int, int] | None = None
    seeded: bool = True
    seconds: float = 300.0
    tries: int = 5
    pause: float = 1.0


class _Passing(Exception):  # noqa: N818 - not a fault: it passes
    """A try that failed in a way that another may not.

    Args:
        message: why, in a few words, without secrets.
        wait: seconds that the endpoint asks to wait.
    """

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class EndpointGenerator:
    """An endpoint that paints; see `protocol.Generator`.

    Raises:
        RequestError: a URL that is none, or a key that cannot be sent.
    """

    batch = 1
    concurrent = True

    def __init__(self, config: EndpointConfig) -> None:
        parts = urllib.parse.urlsplit(config.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise RequestError(f"the endpoint {config.url!r} is no base URL: give one such as https://host/v1")
        key = os.environ.get(config.key_env, "").strip()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise RequestError(f"the endpoint's key holds spaces or characters outside ASCII: check {config.key_env}")
        self._config, self._key, self._base = config, key, config.url.rstrip("/")
        self._open = urllib.request.build_opener(NoRedirect).open

    def describe(self) -> Mapping[str, Json]:
        """See `Generator`; what an endpoint does behind its name is not known here."""
        config = self._config
        size = None if config.size is None else list(config.size)
        return {"kind": "endpoint", "name": config.model, "url": self._base, "size": size, "seeded": config.seeded}

    def check(self, orders: Sequence[Order]) -> None:
        """See `Generator`."""
        if any(order.prompt.task == "reconstruct" for order in orders):
            raise RequestError("an images endpoint cannot reconstruct pictures: use --model or --pictures")

    def paint(self, orders: Sequence[Order], sources: Sequence[Sequence[Image.Image]]) -> list[Painted]:
        """See `Generator`.

        Raises:
            RequestError: the address, the key or the model is refused.
            HanmoError: no answer in all tries.
        """
        return [self._painted(order, own) for order, own in zip(orders, sources, strict=True)]

    def _painted(self, order: Order, sources: Sequence[Image.Image]) -> Painted:
        path, kind, body = self._question(order, sources)
        headers = {"Content-Type": kind, "Accept": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        pause = self._config.pause
        for attempt in range(1, self._config.tries + 1):
            try:
                request = urllib.request.Request(self._base + path, body, headers, method="POST")
                answer = self._send(request)
                return answer if isinstance(answer, Unpainted) else self._picture(answer)
            except _Passing as error:
                if attempt == self._config.tries:
                    raise HanmoError(
                        f"{self._base} gave no picture in {attempt} tries ({error}): the same command goes on later"
                    ) from None
                time.sleep(min(max(error.wait, pause), _LONGEST_WAIT))
                pause *= 2
        raise RequestError(f"{self._config.tries} tries are not allowed: give 1 or more")

    def _question(self, order: Order, sources: Sequence[Image.Image]) -> tuple[str, str, bytes]:
        """Path, type and body of the request for one picture."""
        size = order.prompt.size or self._config.size
        fields: dict[str, Any] = {"model": self._config.model, "prompt": order.prompt.text, "n": 1}
        fields |= {} if size is None else {"size": f"{size[0]}x{size[1]}"}
        fields |= {"seed": order.seed} if self._config.seeded else {}
        if order.prompt.task == "generate":
            return "/images/generations", "application/json", json.dumps(fields).encode()
        name = "image" if len(sources) == 1 else "image[]"
        parts = [Part(field, str(value).encode()) for field, value in fields.items()]
        parts += [Part(name, _png(one), f"source-{number}.png", "image/png") for number, one in enumerate(sources)]
        kind, body = multipart(parts)
        return "/images/edits", kind, body

    def _send(self, request: urllib.request.Request) -> bytes | Unpainted:
        """The body of the answer, or why this prompt is refused.

        Raises:
            _Passing: another try may help.
            RequestError: it does not.
        """
        try:
            return self._read(request, self._open)
        except urllib.error.HTTPError as error:
            with error:
                said = _said(error)
                if error.code in _PASSING:
                    raise _Passing(said, _wait(error.headers.get("Retry-After", ""))) from None
            if error.code in _REFUSED:
                return Unpainted(said)
            hint = f"check the key in {self._config.key_env}" if error.code == 401 else "check the URL and the model"
            raise RequestError(f"{request.full_url} {said}: {hint}") from None

    def _read(self, request: urllib.request.Request, visit: Callable[..., Any]) -> bytes:
        """All bytes of an answer, in time; an HTTPError is the caller's."""
        end, data = time.monotonic() + self._config.seconds, bytearray()
        try:
            with visit(request, timeout=self._config.seconds) as reply:
                while block := reply.read1(1 << 16):
                    data += block
                    if len(data) > _LARGEST:
                        raise RequestError(f"{request.full_url} sent more than {_LARGEST >> 20} MB for one picture")
                    if time.monotonic() > end:
                        raise _Passing(f"no whole answer within {self._config.seconds:g} s")
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise _Passing(f"no answer within {self._config.seconds:g} s") from None
            raise _Passing(f"it could not be asked: {str(reason)[:100] or type(reason).__name__}") from None
        return bytes(data)

    def _picture(self, answer: bytes) -> Image.Image:
        """The picture of an answer, in RGB."""
        try:
            first = json.loads(answer)["data"][0]
            coded, url = first.get("b64_json"), first.get("url")
            data = base64.b64decode(coded, validate=True) if coded else self._fetched(str(url))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, binascii.Error):
            raise _Passing("its answer holds neither b64_json nor url") from None
        try:
            with Image.open(io.BytesIO(data)) as picture:
                return open_picture(picture)
        except (OSError, RequestError, Image.DecompressionBombError):
            raise _Passing("what it sent is no picture") from None

    def _fetched(self, url: str) -> bytes:
        """What lies at the address that an answer names; the key stays here."""
        head, comma, coded = url.partition(",")
        if comma and head.startswith("data:") and head.endswith(";base64"):
            return base64.b64decode(coded, validate=True)
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(url)
        try:
            return self._read(urllib.request.Request(url, headers={"Accept": "image/*"}), urllib.request.urlopen)
        except urllib.error.HTTPError as error:
            with error:
                raise _Passing(f"the picture's address {_said(error)}") from None


def _said(error: urllib.error.HTTPError) -> str:
    """What an endpoint says of a refusal, in a few words."""
    body = error.read(1 << 16)
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        message = error.reason
    return f"answered {error.code}: {' '.join(str(message).split())[:200]}"


def _wait(asked: str) -> float:
    """Seconds of a Retry-After header; a date is not read."""
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0


def _png(picture: Image.Image) -> bytes:
    into = io.BytesIO()
    picture.save(into, format="PNG")
    return into.getvalue()
