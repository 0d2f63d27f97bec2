"""Which weights painted: one hash over all safetensors files of a checkpoint.

    sha256:...           over the names and bytes of the files, up to LARGEST bytes in all
    sha256-headers:...   over the names, sizes and headers (names, shapes and places of tensors) of larger ones: it
                         tells models apart, but not two trainings of one model

Both read the files in the order of their names.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from hanmo.errors import RequestError

LARGEST = 4 << 30
"""Bytes that are hashed in full; a published checkpoint has some 58 GB."""


def model_hash(folder: Path, largest: int = LARGEST) -> str:
    """The hash of a checkpoint's weights, with its kind before it.

    Args:
        folder: a checkpoint in the published layout.
        largest: bytes up to which the files are read in full.

    Raises:
        RequestError: there is no safetensors file.
    """
    files = sorted(folder.rglob("*.safetensors"))
    if not files:
        raise RequestError(f"{folder} holds no safetensors file: give the folder of a checkpoint")
    whole = sum(path.stat().st_size for path in files) <= largest
    found = hashlib.sha256()
    for path in files:
        found.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            if whole:
                while block := file.read(1 << 20):
                    found.update(block)
            else:
                found.update(file.read(int.from_bytes(file.read(8), "little")))
    return f"{'sha256' if whole else 'sha256-headers'}:{found.hexdigest()}"
