"""The sign that a run is alive: `running.json` in its folder, with the process and the machine, while it trains.

It is removed when the run ends, well or not; a killed run leaves it, and then the process is gone. It does not know
what the process does.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

SIGN = "running.json"
Presence = Literal["running", "elsewhere", "gone"]
"""A process of this machine that lives; a sign of another machine, whose processes cannot be seen; neither."""


@contextmanager
def present(folder: Path) -> Iterator[None]:
    """Leave the sign in a run's folder while the block runs; a disk without room for it is no reason to stop."""
    sign = folder / SIGN
    with suppress(OSError):
        sign.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n", encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            sign.unlink(missing_ok=True)


def presence(folder: Path) -> Presence:
    """Whether somebody works on the run."""
    try:
        sign = json.loads((folder / SIGN).read_text(encoding="utf-8"))
        pid, host = int(sign["pid"]), str(sign["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return "gone"
    if host != socket.gethostname():
        return "elsewhere"
    return "running" if _lives(pid) else "gone"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process
    return True
