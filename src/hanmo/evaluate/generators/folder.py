"""Pictures that another system made, in a folder, found by prompt id, number and seed.

For picture number n (from 0) of a prompt, the first of these that is there, as .png, .jpg, .jpeg or .webp:

    <id>-<seed>         as a run's own `pictures` folder has them; seeds are in the run's prompts.jsonl
    <id>/<n>            also with zeros before the number, such as <id>/0003
    <id>/samples/<n>    as GenEval's script writes them, with zeros before
    <id>                for number 0

The folder is read, never written to. This module does not know who painted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.generators.protocol import Order, Painted
from hanmo.evaluate.types import Json
from hanmo.pipeline.pictures import open_picture

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


class FolderGenerator:
    """Pictures that are there; see `protocol.Generator`.

    Args:
        folder: where they are.
        name: of the system that made them; None takes the folder's.

    Raises:
        RequestError: there is no such folder, or no picture in it.
    """

    batch = 1
    concurrent = True

    def __init__(self, folder: Path, name: str | None = None) -> None:
        if not folder.is_dir():
            raise RequestError(f"the folder of pictures {folder} does not exist: give one that does")
        self._folder, self._name = folder, name or folder.resolve().name
        paths = [path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file()]
        self._found = {
            path.with_suffix(path.suffix.lower()).relative_to(folder).as_posix(): path for path in sorted(paths)
        }
        if not paths:
            raise RequestError(f"the folder {folder} holds no picture ({', '.join(ENDINGS)}): give one that does")

    def describe(self) -> Mapping[str, Json]:
        """See `Generator`; the hash is over the names and bytes of all pictures in the folder."""
        found = hashlib.sha256()
        for name, path in self._found.items():
            found.update(f"{name}\0{path.stat().st_size}\0".encode())
            found.update(path.read_bytes())
        return {"kind": "folder", "name": self._name, "pictures_hash": f"sha256:{found.hexdigest()}"}

    def check(self, orders: Sequence[Order]) -> None:
        """See `Generator`: every picture must be there."""
        missing = [order for order in orders if self._path(order) is None]
        if missing:
            first, more = missing[0], len(missing) - 1
            also = f", nor those of {more} more" if more else ""
            names = ", ".join(f"{first.prompt.id}{tail}.png" for tail in (f"-{first.seed}", f"/{first.number}", ""))
            raise RequestError(
                f"{self._folder} lacks picture {first.number} of the prompt {first.prompt.id}{also}: "
                f"looked for {names} (or {', '.join(ENDINGS[1:])})"
            )

    def paint(self, orders: Sequence[Order], sources: Sequence[Sequence[Image.Image]]) -> list[Painted]:
        """See `Generator`; the pictures in RGB, upright, as they are."""
        painted: list[Painted] = []
        for order in orders:
            self.check([order])
            path = self._path(order)
            assert path is not None  # `check` has seen it
            painted.append(open_picture(path))
        return painted

    def _path(self, order: Order) -> Path | None:
        names = (stem + ending for stem in _stems(order) for ending in ENDINGS)
        return next((self._found[name] for name in names if name in self._found), None)


def _stems(order: Order) -> Iterator[str]:
    """Names without an ending, the best first."""
    id, number = order.prompt.id, order.number
    yield f"{id}-{order.seed}"
    yield f"{id}/{number}"
    for zeros in range(2, 7):
        yield f"{id}/{number:0{zeros}d}"
    for zeros in range(1, 7):
        yield f"{id}/samples/{number:0{zeros}d}"
    if number == 0:
        yield id
