"""A broker for other machines: HTTP with the semantics of remote calls, on the standard library (report section 4.1.1).

    POST /lease {"count": 8, "bucket": null, "wait": 1.0}   -> samples (`wire`), the lease's id in a header; or 204
    POST /put?wait=10  samples (`wire`)                     -> {"settled": 8, "stale": 0}
    POST /ack, /nack, /claim, /renew, /finish, /configure, /meta, /stats    JSON -> JSON

Bodies are numbers and JSON; nothing that is received is executed. Who may reach the port may read and feed the link, so
it listens to this machine alone unless told otherwise, and to others only with a token: give both within a cluster's
own network, since nothing is encrypted. It does not know what is sent.
"""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hanmo.errors import HanmoError, OutputError, RequestError
from hanmo.log import get_logger
from hanmo.producer import wire
from hanmo.producer.link import Link

_log = get_logger(__name__)
LARGEST_BODY = 2 << 30
"""Bytes of one call."""
LONGEST_WAIT = 30.0
"""Seconds that a call may wait here; who wants to wait longer calls again."""
LEASE, TOKEN = "X-Hanmo-Lease", "X-Hanmo-Token"
VARIABLE = "HANMO_LINK_TOKEN"
"""Of the environment, where servers and workers find the token."""
HERE = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine reaches, for which no token is needed."""


@contextmanager
def serving(link: Link, host: str = "127.0.0.1", port: int = 0, token: str = "") -> Iterator[str]:
    """Offer a link over HTTP while the block runs; gives its address, such as http://127.0.0.1:8123.

    Args:
        link: a broker.
        host: where to listen; 0.0.0.0 is everywhere.
        port: 0 takes a free one.
        token: that callers must show; needed where `host` is not this machine.

    Raises:
        RequestError: another host without a token.
        OutputError: the port is taken.
    """
    if host not in HERE and not token:
        raise RequestError(
            f"a link that listens on {host} needs a token: give one ({VARIABLE}), or listen on 127.0.0.1"
        )
    handler = type("Handler", (_Handler,), {"link": link, "token": token})
    try:
        server = _Server((host, port), handler)
    except OSError as error:
        raise OutputError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="link", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, *given: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """The call, or the line of calls, is over."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Callers that keep a connection are to notice, too."""
        super().server_close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away is no fault."""
        _log.debug("the call from %s ended early", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    link: Link
    token: str
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Not to stderr."""
        _log.debug(format, *args)

    def do_POST(self) -> None:
        """One call."""
        body = self._body()
        if body is None:
            return
        if self.token and not hmac.compare_digest(self.headers.get(TOKEN, "").encode(), self.token.encode()):
            self._answer(403, {"error": "this link wants a token, and not that one"})
            return
        try:
            self._call(body)
        except RequestError as error:
            self._answer(400, {"error": str(error)})
        except (HanmoError, ValueError, KeyError, TypeError) as error:
            self._answer(422, {"error": f"this call cannot be understood: {error}"})

    def _body(self) -> bytearray | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._answer(413, {"error": f"a body of {length or 'unknown'} bytes; at most {LARGEST_BODY} are read"})
            return None
        body = bytearray(int(length))
        with memoryview(body) as view:
            at = 0
            while at < len(body):
                count = self.rfile.readinto(view[at:])
                if not count:
                    self.close_connection = True
                    return None
                at += count
        return body

    def _call(self, body: bytearray) -> None:
        parts = urlsplit(self.path)
        name, link = parts.path.removeprefix("/"), self.link
        if name == "put":
            wait = min(float(parse_qs(parts.query)["wait"][0]), LONGEST_WAIT)
            manifest, samples = wire.unpacked(body)
            return self._answer(200, asdict(link.put(samples, manifest.identity, wait)))
        given = json.loads(body or b"{}")
        match name:
            case "lease":
                return self._lease(int(given["count"]), given["bucket"], min(float(given["wait"]), LONGEST_WAIT))
            case "ack" | "nack" | "renew":
                return self._answer(200, {"held": getattr(link, name)(str(given["id"]))})
            case "finish":
                return self._answer(200, {"held": link.finish(str(given["id"]), bool(given["done"]))})
            case "claim":
                claim = link.claim()
                return self._answer(200, {} if claim is None else asdict(claim))
            case "meta":
                return self._answer(200, asdict(link.meta()))
            case "stats":
                return self._answer(200, asdict(link.stats()))
            case "configure":
                return self._answer(200, asdict(link.configure(dict(given["config"]))))
        return self._answer(404, {"error": f"there is no call {name!r}"})

    def _lease(self, count: int, bucket: str | None, wait: float) -> None:
        lease = self.link.lease(count, bucket, wait)
        if lease is None:
            self._head(204, 0)
            return
        parts = wire.packed(lease.samples, lease.identity)
        try:
            self._head(200, sum(len(part) for part in parts), lease.id)
            for part in parts:
                self.wfile.write(part)
        except OSError:
            self.link.nack(lease.id)  # nobody is there to train on them
            raise

    def _answer(self, status: int, known: dict[str, Any]) -> None:
        body = json.dumps(known).encode()
        self._head(status, len(body))
        self.wfile.write(body)

    def _head(self, status: int, length: int, lease: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if lease:
            self.send_header(LEASE, lease)
        self.end_headers()
