"""A chat endpoint on this machine: a real HTTP server in a thread, which answers as the test says.

It knows the wire format only; nothing of our client.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What the server sends.

    Attributes:
        content: of the message; None sends `raw` as it is.
        status: of HTTP.
        headers: more of them.
        raw: the whole body.
        stall: seconds before anything is sent.
        drip: seconds between the body's bytes.
        finish: why the model stopped.
    """

    content: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    stall: float = 0.0
    drip: float = 0.0
    finish: str = "stop"

    def body(self) -> bytes:
        if self.content is None:
            return self.raw
        message = {"role": "assistant", "content": self.content}
        return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": self.finish}]}).encode()


@dataclass
class Server:
    """What a test sees of it."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies received, each with `path` and `authorization`."""
    listing: Answer | None = None
    """What GET {url}/models is answered with; None: nobody may ask for it."""
    looks: list[str | None] = field(default_factory=list)
    """The `authorization` of each such GET."""

    @property
    def users(self) -> list[str]:
        """The last message of each request."""
        return [each["messages"][-1]["content"] for each in self.requests]


Script = Callable[[dict[str, Any]], Answer]


@contextmanager
def serving(*script: Answer | str | Script) -> Iterator[Server]:
    """Answers in order, the last one for ever."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen = body | {"path": self.path, "authorization": self.headers.get("Authorization")}
            server.requests.append(seen)
            step = script[min(len(server.requests), len(script)) - 1]
            answer = step if isinstance(step, Answer) else Answer(step) if isinstance(step, str) else step(seen)
            over.wait(answer.stall)
            try:
                self._send(answer)
            except (BrokenPipeError, ConnectionResetError):  # the client has given up
                self.close_connection = True

        def _send(self, answer: Answer) -> None:
            body = answer.body()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for byte in body if answer.drip else ():
                if over.is_set():
                    return
                self.wfile.write(bytes([byte]))
                time.sleep(answer.drip)
            if not answer.drip:
                self.wfile.write(body)

        def do_GET(self) -> None:
            assert server.listing is not None, "the client followed a redirect"
            assert self.path == "/v1/models", "the client followed a redirect"
            server.looks.append(self.headers.get("Authorization"))
            self._send(server.listing)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}/v1")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        over.set()
        http.shutdown()
        http.server_close()
        thread.join()
