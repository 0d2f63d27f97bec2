"""One request and its answer, within bytes and seconds, over the standard library's HTTP.

The connection goes to an address that `address` has judged, whatever the name means by then; TLS is checked against
the name. Every wait for bytes ends at the total limit, so a server that drips its headers or its body holds a thread no
longer than one that is silent. A body is read up to its limit, compressed or not; what is longer is cut off early.

Environment variables that name a proxy do not count, cookies are never kept, and each request has a connection of its
own. It does not know what the answer means (`judge`), nor when to ask again (`polite`).
"""

from __future__ import annotations

import io
import socket
import ssl
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from typing import Any

from hanmo.data.web.address import Unfetched, Url, addresses
from hanmo.errors import ConfigError

_CHUNK = 64 << 10


@dataclass(frozen=True)
class ExchangeConfig:
    """How long one request may take, and who asks.

    Args:
        agent: the User-Agent header. Say who you are and how you can be reached; what stands before the first "/" is
            the name that robots.txt is asked for.
        connect_seconds: for the connection and, again, for its TLS.
        read_seconds: without a single byte.
        total_seconds: for everything from the connection to the last byte.
        private: whether this machine and private networks may be asked: for tests, or sets of your own.

    Raises:
        ConfigError: a time that is not positive, or a User-Agent that is no header.
    """

    agent: str = "hanmo-data/1 (collects pictures for research)"
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    total_seconds: float = 60.0
    private: bool = False

    def __post_init__(self) -> None:
        """See the class."""
        for name in ("connect_seconds", "read_seconds", "total_seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be more than 0")
        if not (self.agent.isascii() and self.agent.isprintable() and self.token):
            raise ConfigError(f"the User-Agent is {self.agent!r}; it must be a line of ASCII, such as 'me/1 (+mail)'")

    @property
    def token(self) -> str:
        """The name that robots.txt knows us by."""
        return self.agent.partition("/")[0].partition(" ")[0]


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Args:
        status: HTTP's number.
        headers: as they came.
        body: of a 200, decompressed; empty for any other status, whose body is not read.
    """

    status: int
    headers: HTTPMessage
    body: bytes


def exchange(url: Url, limit: int, config: ExchangeConfig, accept: str, cut: bool = False) -> Answer:
    """Ask once.

    Args:
        url: what for.
        limit: bytes of the body, compressed and decompressed.
        config: see `ExchangeConfig`.
        accept: the Accept header.
        cut: whether a longer body is cut at the limit instead of refused.

    Raises:
        Unfetched: there is no whole answer; never anything else that depends on the server.
    """
    deadline = time.monotonic() + config.total_seconds
    try:
        wire = _connect(url, deadline, config)
        connection = HTTPConnection(url.host, url.port)
        connection.sock = wire
        try:
            _send(connection, url, config, accept)
            with HTTPResponse(wire, method="GET") as response:  # type: ignore[arg-type]
                response.begin()
                body = _body(response, limit, cut) if response.status == 200 else b""
                return Answer(response.status, response.msg, body)
        finally:
            connection.close()
            wire.hang_up()
    except Unfetched:
        raise
    except ssl.SSLCertVerificationError as error:
        raise Unfetched("unreachable", f"{url.host} cannot prove its name: {error.verify_message}") from None
    except TimeoutError as error:
        raise Unfetched("unreachable", f"{url.host} took too long: {error}", again=True) from None
    except (OSError, HTTPException) as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise Unfetched("unreachable", f"{url.host} broke off: {said}", again=True) from None
    except Exception as error:  # whatever else a server can make a parser say
        said = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise Unfetched("unreachable", f"{url.host} gave no HTTP: {said}") from None


def _send(connection: HTTPConnection, url: Url, config: ExchangeConfig, accept: str) -> None:
    connection.putrequest("GET", url.target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", url.authority)
    connection.putheader("User-Agent", config.agent)
    connection.putheader("Accept", accept)
    connection.putheader("Accept-Encoding", "identity")
    connection.putheader("Connection", "close")
    connection.endheaders()


# --- the connection ---------------------------------------------------------------------------------


def _connect(url: Url, deadline: float, config: ExchangeConfig) -> _Wire:
    """To the first address of the host that answers."""
    last: OSError = OSError("it has no address")
    for address in addresses(url, config.private):
        seconds = min(config.connect_seconds, deadline - time.monotonic())
        if seconds <= 0:
            break
        try:
            plain = socket.create_connection((address, url.port), timeout=seconds)
        except OSError as error:
            last = error
            continue
        if url.scheme == "http":
            return _Wire(plain, deadline, config.read_seconds)
        try:
            return _Wire(_tls().wrap_socket(plain, server_hostname=url.host), deadline, config.read_seconds)
        except BaseException:
            plain.close()
            raise
    raise last


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Wire(io.RawIOBase):
    """A socket whose every wait ends with the exchange: what `http.client` needs of one, and no more."""

    def __init__(self, plain: socket.socket, deadline: float, seconds: float) -> None:
        super().__init__()
        self._plain, self._deadline, self._seconds = plain, deadline, seconds

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer was not there in time")
        self._plain.settimeout(min(self._seconds, left))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wait()
        return self._plain.recv_into(buffer)

    def sendall(self, data: Any) -> None:
        self._wait()
        self._plain.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def hang_up(self) -> None:
        with suppress(OSError):
            self._plain.close()


# --- the body ---------------------------------------------------------------------------------------


def _body(response: HTTPResponse, limit: int, cut: bool) -> bytes:
    encoding = (response.msg.get("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise Unfetched("unreadable", f"the content encoding {encoding[:40]!r} was not asked for and is not read")
    stated = response.length
    if stated is not None and stated > limit and not cut:
        raise Unfetched("too_large", f"{stated} bytes; the limit is {limit}")
    unpack = None if encoding == "identity" else zlib.decompressobj(wbits=47)  # of gzip and zlib, whichever it is
    body = bytearray()
    came = 0
    while chunk := response.read(min(_CHUNK, limit + 1 - came)):
        came += len(chunk)
        body += chunk if unpack is None else _unpacked(unpack, chunk, limit + 1 - len(body))
        if max(came, len(body)) > limit:
            if cut:
                return bytes(body[:limit])
            raise Unfetched("too_large", f"more than {limit} bytes, where the limit is; the rest was not read")
    if (stated is not None and came < stated) or (unpack is not None and not unpack.eof):
        raise Unfetched("unreachable", f"the answer broke off after {came} bytes", again=True)
    return bytes(body)


def _unpacked(unpack: Any, chunk: bytes, room: int) -> bytes:
    """Decompressed bytes, no more than there is room for: a small file may stand for gigabytes."""
    try:
        data: bytes = unpack.decompress(chunk, room)
    except zlib.error as error:
        raise Unfetched("damaged", f"its compressed body cannot be read: {error}") from None
    return data
