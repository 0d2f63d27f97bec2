"""A server on this machine that does to its visitors what servers of the web do, for the tests of the fetch."""

from __future__ import annotations

import gzip
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from tiny_pictures import png

JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


def huge_png() -> bytes:
    """A few bytes that state 4 gigapixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 65536, 65536, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(1000))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@dataclass
class Server:
    port: int
    asked: list[tuple[float, str]] = field(default_factory=list)
    """When, and what for, of every request."""
    agents: set[str] = field(default_factory=set)
    robots: bytes | int = 404
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def times(self, path: str) -> int:
        return Counter(one for _, one in self.asked)[path]


@contextmanager
def serving() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with server.lock:
                server.asked.append((time.monotonic(), self.path))
                server.agents.add(self.headers["User-Agent"])
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            try:
                _answer(self, server)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the visitor has had enough
            finally:
                with server.lock:
                    server.at_once -= 1

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(http.server_address[1])
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


Visit = BaseHTTPRequestHandler


def _give(visit: Visit, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
    visit.send_response(status)
    for name, value in (headers or {}).items():
        visit.send_header(name, value)
    visit.end_headers()
    visit.wfile.write(body)


def _picture(visit: Visit, body: bytes, headers: dict[str, str] | None = None) -> None:
    _give(visit, 200, {"Content-Type": "image/png", "Content-Length": str(len(body)), **(headers or {})}, body)


def _answer(visit: Visit, server: Server) -> None:
    name, *rest = visit.path.split("/")[1:]
    if name in _PICTURES:
        _picture(visit, *_PICTURES[name])
    elif name in _OTHERS:
        _OTHERS[name](visit, server, rest)
    else:
        _give(visit, 404)


_GZIP = {"Content-Encoding": "gzip"}
_PICTURES: dict[str, tuple[bytes, dict[str, str]]] = {
    "page.png": (b"<html>not found</html>", {}),
    "lie": (png(2), {"Content-Type": "image/jpeg"}),
    "html": (png(2), {"Content-Type": "text/html; charset=utf-8"}),
    "plain-type": (png(3), {"Content-Type": "application/octet-stream"}),
    "jpg": (JPEG, {"Content-Type": "image/jpg"}),
    "gzip-bomb": (gzip.compress(bytes(30_000_000)), _GZIP),
    "gzip": (gzip.compress(png(5)), _GZIP),
    "gzip-cut": (gzip.compress(png(5))[:-20], _GZIP),
    "gzip-broken": (b"\x1f\x8b\x08\x00" + b"\xff" * 40, _GZIP),
    "brotli": (png(5), {"Content-Encoding": "br"}),
    "pixel-bomb": (huge_png(), {}),
    "cut": (png(6), {"Content-Length": "5000"}),
    "big": (png(4), {"Content-Length": str(10**12)}),
    "empty": (b"", {}),
    "noai": (png(7), {"X-Robots-Tag": "noai, noimageai"}),
}


def _robots(visit: Visit, server: Server, rest: list[str]) -> None:
    if isinstance(server.robots, int):
        _give(visit, server.robots)
    else:
        _give(visit, 200, {}, server.robots)


def _numbered(visit: Visit, server: Server, rest: list[str]) -> None:
    _picture(visit, png(int(rest[0])))


def _slow(visit: Visit, server: Server, rest: list[str]) -> None:
    time.sleep(0.1)
    _picture(visit, png(int(rest[0])))


def _drip(begin: bytes) -> Callable[[Visit, Server, list[str]], None]:
    def drip(visit: Visit, server: Server, rest: list[str]) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n" + begin + png(1):
            visit.wfile.write(bytes([byte]))
            visit.wfile.flush()
            time.sleep(0.02)

    return drip


def _endless(visit: Visit, server: Server, rest: list[str]) -> None:
    _give(visit, 200, {"Content-Type": "image/png"}, png(4))
    while True:
        visit.wfile.write(bytes(65536))


def _busy(visit: Visit, server: Server, rest: list[str]) -> None:
    """The first visitor is sent away for /busy/THIS/n."""
    if server.times(visit.path) == 1:
        _give(visit, 429, {"Retry-After": unquote(rest[0])})
    else:
        _picture(visit, png(int(rest[1])))


def _failing(visit: Visit, server: Server, rest: list[str]) -> None:
    """The visit number /failing/THIS/n is the first that succeeds."""
    if server.times(visit.path) < int(rest[0]):
        _give(visit, 503)
    else:
        _picture(visit, png(int(rest[1])))


_OTHERS: dict[str, Callable[[Visit, Server, list[str]], None]] = {
    "robots.txt": _robots,
    "ok": _numbered,
    "private": _numbered,
    "slow": _slow,
    "stall": lambda visit, server, rest: time.sleep(1.5),
    "drip-head": _drip(b"X-Long: " + b"a" * 100),
    "drip-body": _drip(b"\r\n"),
    "moved": lambda visit, server, rest: _give(visit, 302, {"Location": "/" + "/".join(rest)}),
    "circle": lambda visit, server, rest: _give(visit, 301, {"Location": "circle"}),
    "to-file": lambda visit, server, rest: _give(visit, 307, {"Location": "file:///etc/passwd"}),
    "to-nowhere": lambda visit, server, rest: _give(visit, 302),
    "endless": _endless,
    "noise": lambda visit, server, rest: visit.wfile.write(b"\x00\x01\x02 no HTTP at all\r\n\r\n") and None,
    "busy": _busy,
    "failing": _failing,
    "status": lambda visit, server, rest: _give(visit, int(rest[0])),
}
