"""A link to a broker on another machine (report section 4.1.1). See `server` for what is said.

Every call may be made again: one that was cut off, or that finds the server away, is tried anew until patience ends. A
lease whose answer was lost runs out and comes back; samples that were put twice are known by their ids. What is
received is one buffer, and tensors are made on it without a copy. Connections are kept until `close`; any thread may
call.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hanmo.errors import HanmoError, RequestError
from hanmo.producer import wire
from hanmo.producer.identity import Identity, identity_from
from hanmo.producer.link import Claim, Lease, Link, Meta, Put, Stats
from hanmo.producer.sample import Sample
from hanmo.producer.server import LEASE, TOKEN

Result = TypeVar("Result")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


@dataclass(frozen=True)
class ClientConfig:
    """How a link is called.

    Args:
        patience: seconds for which a call is tried again before it is an error.
        timeout: seconds without a byte, beyond what the call itself waits, after which a try is given up.
        token: that the server wants.
    """

    patience: float = 300.0
    timeout: float = 30.0
    token: str = ""


@dataclass(frozen=True)
class _Answer:
    """Of a call: the lease's id, where there is one, and the body."""

    status: int
    lease: str
    body: bytearray


class HttpLink(Link):
    """See `Link`.

    Args:
        address: such as http://10.0.0.5:8123.
        config: see `ClientConfig`.

    Raises:
        RequestError: the address is none.
    """

    def __init__(self, address: str, config: ClientConfig | None = None) -> None:
        parts = urlsplit(address)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise RequestError(f"{address!r} is no link: give its address, such as http://10.0.0.5:8123")
        self._address, self._host, self._port = address, parts.hostname, parts.port
        self._config = config or ClientConfig()
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def __enter__(self) -> HttpLink:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close connections."""
        self.close()

    def close(self) -> None:
        """Close the connections that no call is using; a later call opens another."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Connections do not travel, everything else does."""
        return HttpLink, (self._address, self._config)

    def meta(self) -> Meta:
        """See `Link`."""
        return _meta(self._json("meta"))

    def stats(self) -> Stats:
        """See `Link`."""
        return Stats(**self._json("stats"))

    def configure(self, config: Mapping[str, Any]) -> Meta:
        """See `Link`."""
        return _meta(self._json("configure", {"config": dict(config)}))

    def claim(self) -> Claim | None:
        """See `Link`."""
        known = self._json("claim")
        return Claim(**known) if known else None

    def renew(self, claim: str) -> bool:
        """See `Link`."""
        return bool(self._json("renew", {"id": claim})["held"])

    def finish(self, claim: str, done: bool = True) -> bool:
        """See `Link`."""
        return bool(self._json("finish", {"id": claim, "done": done})["held"])

    def ack(self, lease: str) -> bool:
        """See `Link`."""
        return bool(self._json("ack", {"id": lease})["held"])

    def nack(self, lease: str) -> bool:
        """See `Link`."""
        return bool(self._json("nack", {"id": lease})["held"])

    def put(self, samples: Sequence[Sample], identity: Identity, wait: float = 10.0) -> Put:
        """See `Link`."""
        parts = wire.packed(samples, identity)
        return self._call(f"put?wait={wait}", parts, wait, lambda answer: Put(**json.loads(answer.body)))

    def lease(self, count: int, bucket: str | None = None, wait: float = 1.0) -> Lease | None:
        """See `Link`."""
        asked = json.dumps({"count": count, "bucket": bucket, "wait": wait}).encode()
        return self._call("lease", [asked], wait, _lease)

    def _json(self, name: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        known: dict[str, Any] = self._call(
            name, [json.dumps(given or {}).encode()], 0.0, lambda answer: json.loads(answer.body)
        )
        return known

    def _call(
        self, name: str, parts: Sequence[bytes | memoryview], wait: float, read: Callable[[_Answer], Result]
    ) -> Result:
        """What is read from the answer; tried again while the server cannot be heard or understood."""
        until = time.monotonic() + self._config.patience
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = self._try(name, parts, wait)
                if answer.status < 400:
                    return read(answer)
                break
            except (OSError, http.client.HTTPException, HanmoError, ValueError) as error:
                if time.monotonic() + pause > until:
                    raise HanmoError(
                        f"the link {self._address} does not answer ({type(error).__name__}: {error}): see whether it "
                        "runs and can be reached"
                    ) from None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        raise RequestError(f"{self._address}: {json.loads(answer.body)['error']}")

    def _try(self, name: str, parts: Sequence[bytes | memoryview], wait: float) -> _Answer:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        connection = kept or http.client.HTTPConnection(self._host, self._port)
        connection.timeout = wait + self._config.timeout
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        try:
            answer = self._exchange(connection, name, parts)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return answer

    def _exchange(
        self, connection: http.client.HTTPConnection, name: str, parts: Sequence[bytes | memoryview]
    ) -> _Answer:
        headers = {"Content-Length": str(sum(len(part) for part in parts)), TOKEN: self._config.token}
        connection.request("POST", f"/{name}", body=iter(parts), headers=headers)
        answer = connection.getresponse()
        body = bytearray(int(answer.headers.get("Content-Length", "0")))
        with memoryview(body) as view:
            at = 0
            while at < len(body):
                count = answer.readinto(view[at:])
                if not count:
                    raise http.client.IncompleteRead(b"", len(body) - at)
                at += count
        answer.read()
        if answer.will_close:
            connection.close()
        return _Answer(answer.status, answer.headers.get(LEASE, ""), body)


def _meta(known: Mapping[str, Any]) -> Meta:
    return Meta(int(known["version"]), identity_from(known["identity"]), known["config"])


def _lease(answer: _Answer) -> Lease | None:
    if not answer.body:
        return None
    manifest, samples = wire.unpacked(answer.body)
    return Lease(answer.lease, tuple(samples), manifest.identity)
