"""An images endpoint on this machine: a real HTTP server in a thread, which paints solid colours or fails as told.

It knows the wire format only: JSON for generations, multipart/form-data for edits; nothing of our client.
"""

from __future__ import annotations

import base64
import email
import email.policy
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from colours import NAMED, solid
from PIL import Image


@dataclass
class Reply:
    """What the server sends.

    Attributes:
        status: of HTTP.
        body: the whole of it.
        headers: more of them.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Asked:
    """What the server was asked.

    Attributes:
        path: of the URL.
        key: the Authorization header.
        fields: by name, texts.
        pictures: by name of the field, opened.
    """

    path: str
    key: str | None
    fields: dict[str, Any]
    pictures: list[tuple[str, Image.Image]] = field(default_factory=list)


@dataclass
class Server:
    """What a test sees of it."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    visits: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Authorization of every GET."""


Script = Callable[[Server, Asked], Reply]


def painted(server: Server, asked: Asked) -> Reply:
    """The colour that the prompt names, in the size that was asked for."""
    return answer({"b64_json": base64.b64encode(png(asked)).decode()})


def elsewhere(server: Server, asked: Asked) -> Reply:
    """An address at which the picture lies."""
    return answer({"url": server.url + "/moved/" + next(name for name in NAMED if name in asked.fields["prompt"])})


def answer(picture: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps({"created": 1, "data": [picture]}).encode())


def refusal(status: int, message: str, **headers: str) -> Reply:
    return Reply(status, json.dumps({"error": {"message": message}}).encode(), headers)


def png(asked: Asked) -> bytes:
    width, height = (int(side) for side in str(asked.fields.get("size", "24x24")).split("x"))
    colour = next(name for name in NAMED if name in asked.fields["prompt"])
    into = io.BytesIO()
    solid(colour, int(asked.fields.get("seed", 0)), (width, height)).save(into, format="PNG")
    return into.getvalue()


@contextmanager
def serving(*script: Script | Reply) -> Iterator[Server]:
    """Replies in order, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = read(self.path, self.headers["Content-Type"], body)
            asked.key = self.headers.get("Authorization")
            server.asked.append(asked)
            step = script[min(len(server.asked), len(script)) - 1]
            self._send(step if isinstance(step, Reply) else step(server, asked))

        def do_GET(self) -> None:
            server.visits.append((self.path, self.headers.get("Authorization")))
            _, _, colour = self.path.rpartition("/")
            if "/moved/" in self.path:
                self._send(Reply(302, b"", {"Location": f"/there/{colour}"}))
            else:
                self._send(Reply(200, png(Asked(self.path, None, {"prompt": colour}))))

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}/v1")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def read(path: str, kind: str, body: bytes) -> Asked:
    """A request's fields and pictures; forms are read by the standard library's parser of e-mails."""
    if kind == "application/json":
        return Asked(path, None, json.loads(body))
    form = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP)
    fields: dict[str, Any] = {}
    pictures = []
    for part in form.iter_parts():
        name = str(part.get_param("name", header="Content-Disposition"))
        data = part.get_payload(decode=True)
        if part.get_filename() is None:
            fields[name] = data.decode()
        else:
            pictures.append((name, Image.open(io.BytesIO(data))))
    return Asked(path, None, fields, pictures)
