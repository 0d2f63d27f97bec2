"""A benchmark's own files, as they lie in the data folder: there, and unchanged.

`checked` gives the path of a file whose bytes are those that the protocol names. Fetching is `fetch.py`'s.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile


def checked(data: Path, file: DataFile, name: str) -> Path:
    """The path of a benchmark's file.

    Args:
        data: the data folder.
        file: which.
        name: the benchmark's, for the message.

    Raises:
        RequestError: it is not there, or its bytes are others than the protocol's.
    """
    path = data / file.path
    if not path.is_file():
        way = f"run: hanmo eval fetch {name}" if file.url else file.licence
        raise RequestError(f"{name} needs {path}, which is not there: {way} (or say where it is with --data FOLDER)")
    digest = digest_like(file.sha256, path.read_bytes())
    if digest != file.sha256:
        raise RequestError(
            f"{path} is not the file that {name} was published with ({digest[:12]}, not {file.sha256[:12]}): "
            f"remove it and run: hanmo eval fetch {name}"
        )
    return path


def digest_like(pin: str, content: bytes) -> str:
    """The digest of `content` in the form of `pin`, to compare the two.

    Args:
        pin: a sha256 in hexadecimal; or "git:" and the id that git gives the file (sha1 of a short header and the
            bytes), for a file that is known only from its repository's tree.
        content: a file's bytes.
    """
    if pin.startswith("git:"):
        return "git:" + hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return hashlib.sha256(content).hexdigest()
