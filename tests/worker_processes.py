"""Producers in processes of their own, for tests of what happens when they come and go."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def command(address: str, checkpoint: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that joins the link at an address as soon as there is one; killed in the end."""
    words = [sys.executable, "-m", "hanmo.producer.worker", f"http://{address}", "--checkpoint", checkpoint]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*words, "--batch", "1"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
