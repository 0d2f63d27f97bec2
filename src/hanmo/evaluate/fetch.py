"""Bringing a benchmark's files from their authors' home to this machine; Hanmo ships none of them.

A file gets its name only when all its bytes are there and are those that the protocol names, so what is there need
not be fetched again and a fetch may be stopped at any moment. The user is told each licence before; a file whose
licence text says "no licence" needs consent. This module does not know benchmarks, nor how consent is asked for.
"""

from __future__ import annotations

import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.files import digest_like
from hanmo.log import progress
from hanmo.weights.files import atomic_file

SECONDS = 60.0
"""Without a byte, after which a fetch is given up."""
_BLOCK = 1 << 16


def data_folder(given: str | Path | None = None) -> Path:
    """Where benchmarks' files lie: as given, else $HANMO_BENCH, else ~/.cache/hanmo/bench."""
    chosen = given or os.environ.get("HANMO_BENCH") or "~/.cache/hanmo/bench"
    return Path(chosen).expanduser()


def is_there(file: DataFile, data: Path) -> bool:
    """Whether the file lies in the data folder with the right bytes."""
    path = data / file.path
    return path.is_file() and digest_like(file.sha256, path.read_bytes()) == file.sha256


def needs_consent(file: DataFile) -> bool:
    """Whether its authors have given no licence."""
    return "no licence" in file.licence.lower()


def fetch(files: Sequence[DataFile], data: Path) -> list[Path]:
    """Fetch files; those that are there already are left alone.

    Args:
        files: each with a home.
        data: the data folder; made where it is missing.

    Returns:
        Where they lie, those that were there too.

    Raises:
        RequestError: a file has no home, cannot be had, or is not what the protocol names.
        OutputError: a file cannot be written.
    """
    for file in files:
        if file.url is None and not is_there(file, data):
            raise RequestError(f"{file.path} has no address to be fetched from: {file.licence}; put it into {data}")
    with progress(len(files), "fetch") as bar:
        for file in files:
            if not is_there(file, data):
                _fetch(file, data / file.path)
            bar.update()
    return [data / file.path for file in files]


def _fetch(file: DataFile, path: Path) -> None:
    url = urllib.parse.quote(str(file.url), safe=":/?&=%#+~@,")
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise RequestError(f"{file.path} cannot be fetched from {file.url}: only http and https addresses are")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be made: {error.strerror}; choose another with --data") from None
    content = b"".join(_Blocks(url, file))
    found = digest_like(file.sha256, content)
    if found != file.sha256:
        raise RequestError(
            f"{file.url} is not the file that the protocol names ({found[:12]}, not {file.sha256[:12]}): nothing was "
            "kept; its home may have changed"
        )
    with atomic_file(path) as into:
        into.write(content)


class _Blocks:
    """The bytes behind an address, block by block, with its failures in one line."""

    def __init__(self, url: str, file: DataFile) -> None:
        self._file = file
        request = urllib.request.Request(url, headers={"User-Agent": "hanmo-eval"})
        try:
            self._reply = urllib.request.urlopen(request, timeout=SECONDS)
        except (OSError, http.client.HTTPException) as error:
            raise self._refusal(error) from None

    def __iter__(self) -> _Blocks:
        return self

    def __next__(self) -> bytes:
        try:
            block: bytes = self._reply.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            self._reply.close()
            raise self._refusal(error) from None
        if not block:
            self._reply.close()
            if self._reply.length:  # bytes that were promised
                raise self._refusal(ConnectionError("the connection was cut"))
            raise StopIteration
        return block

    def _refusal(self, error: Exception) -> RequestError:
        where = f"{self._file.url} cannot be fetched"
        if isinstance(error, urllib.error.HTTPError):
            with error:
                return RequestError(f"{where}: it answered {error.code} {error.reason}; its home may have changed")
        reason = getattr(error, "reason", None) or error
        return RequestError(
            f"{where}: {str(reason) or type(reason).__name__}; is there a network? The same command goes on, or bring "
            f"the file yourself, as {self._file.path}, and say where with --data"
        )
