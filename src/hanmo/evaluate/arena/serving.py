"""Listening: one process with uvicorn, until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from hanmo.errors import RequestError


def listen(app: ASGIApp, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        app: the pages.
        host: address to listen on; 0.0.0.0 or :: for all of the machine.
        port: 0 takes a free one.
        ready: is given a line with the address once visitors may come.

    Raises:
        RequestError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
        taken.listen(128)  # who comes before uvicorn is ready waits instead of being turned away
    except OSError as error:
        taken.close()
        raise RequestError(f"{host}:{port} cannot be listened on ({error.strerror}): give another --port") from None
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    ready(f"the arena is at http://{shown}:{taken.getsockname()[1]}/ (stop it with Ctrl-C)")
    config = uvicorn.Config(app, log_level="warning", server_header=False, access_log=False)
    try:
        uvicorn.Server(config).run(sockets=[taken])
    finally:
        taken.close()
