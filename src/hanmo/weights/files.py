"""Writing files so that nothing half-written is ever left: beside the target first, then renamed.

A reader sees the old file or the new one, never a part. What the operating system refuses (a full disk, a
missing folder, no permission) becomes one clear line. This module knows no format.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hanmo.errors import OutputError

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the file would be too large",
}


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends well, and vanishes when it does not.

    Raises:
        OutputError: the parent folder is missing or not writable, `path` is a folder, or the disk is full.
    """
    check_parent(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file, such as {path / 'out.png'}")
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            yield file  # type: ignore[misc]
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(usual_mode())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(refusal(path, error)) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path` when the block ends well, and vanishes when it does not.

    The caller has decided that a folder already at `path` may be replaced.

    Raises:
        OutputError: as for `atomic_file`.
    """
    check_parent(path)
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path} is a file: give the name of a folder")
    temporary = old = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part"))
        yield temporary
        temporary.chmod(usual_mode(folder=True))
        if path.exists():
            empty = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".old"))
            old = path.replace(empty)
        temporary.replace(path)
    except OSError as error:
        if old is not None and not path.exists():
            old.replace(path)
        raise OutputError(refusal(path, error)) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        if old is not None and path.exists():  # never the only copy
            shutil.rmtree(old, ignore_errors=True)


def check_parent(path: Path) -> None:
    """See early, before any work, whether something can be written at `path`.

    Raises:
        OutputError: the parent is missing, is no folder, or may not be written to.
    """
    parent = path.parent
    if not parent.exists():
        raise OutputError(f"{path} cannot be written: the folder {parent} does not exist; make it first")
    if not parent.is_dir():
        raise OutputError(f"{path} cannot be written: {parent} is not a folder")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: no permission in the folder {parent}")


def refusal(path: Path, error: OSError) -> str:
    """One line that says why the operating system refused to write `path`."""
    if error.errno in _FULL:
        return (
            f"{path} cannot be written: {_FULL[error.errno]}; free some space or write elsewhere "
            "(nothing was left behind)"
        )
    return f"{path} cannot be written: {error.strerror or error}; write elsewhere (nothing was left behind)"


def usual_mode(folder: bool = False) -> int:
    """Permissions of a new file or folder, as the user's umask has them."""
    mask = os.umask(0)
    os.umask(mask)
    return (0o777 if folder else 0o666) & ~mask
