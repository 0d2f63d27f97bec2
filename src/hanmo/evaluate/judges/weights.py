"""Where a judge's network lies, which one it is, and reading it once.

Whether weights are there is asked before anything is generated; they are read at first use. What is recorded names
them: the commit of a hub's snapshot, or a digest of the files of a folder. This module reads no tensors.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hanmo.errors import WeightsError
from hanmo.weights.hub import resolve

T = TypeVar("T")

PATTERNS = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")
"""Files of a repository that are fetched."""

_END = 1 << 20


@dataclass(frozen=True)
class Found:
    """A network on this machine.

    Attributes:
        name: as it was asked for.
        folder: where its files lie.
        kind: `model_type` of its config.json.
        digest: which weights they are, see `digest`.
    """

    name: str
    folder: Path
    kind: str
    digest: str


def find(model: str, kinds: Sequence[str] = ()) -> Found:
    """A network of the transformers library, fetched first when it is a hub id that is not here yet.

    Args:
        model: a folder, or an id on the hub, which may name a revision: "owner/name@refs/pr/1".
        kinds: model types that are allowed; empty allows all.

    Raises:
        WeightsError: it is not here and cannot be fetched, has no safetensors, or is of another kind.
    """
    name, _, revision = model.partition("@") if not Path(model).expanduser().exists() else (model, "", "")
    folder = resolve(name, revision=revision or None, patterns=PATTERNS)
    try:
        kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        raise WeightsError(f"{model} has no config.json that can be read: give the folder of a model") from None
    if kinds and kind not in kinds:
        raise WeightsError(f"{model} is a {kind}; allowed here: {', '.join(kinds)}")
    if not any(folder.glob("*.safetensors")):
        raise WeightsError(
            f"{model} has no safetensors here, and pickles are not read: go online once, name a revision that has "
            "them (owner/name@revision), or convert its weights"
        )
    return Found(model, folder, str(kind), digest(folder))


def digest(folder: Path) -> str:
    """Which weights these are: the commit of a hub's snapshot, else a digest of the folder's files.

    The digest is of each file's name, size, first and last mebibyte: cheap for files of any size, and other weights
    have another one unless they were changed to deceive.
    """
    if folder.parent.name == "snapshots":
        return f"commit {folder.name}"
    found = hashlib.sha256()
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
        size = path.stat().st_size
        found.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            found.update(file.read(_END))
            file.seek(max(_END, size - _END))
            found.update(file.read(_END))
    return f"sha256 of ends {found.hexdigest()[:16]}"


class Once(Generic[T]):
    """Something that is made at first use, by one thread; the others wait for it.

    Args:
        make: called once; what it raises is raised, and the next use tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[T] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """What was made."""
        with self._lock:
            if self._made is None:
                self._made = (self._make(),)
            return self._made[0]
