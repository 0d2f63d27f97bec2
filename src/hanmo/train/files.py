"""The folder of a run: `runs/NAME` with the resolved recipe, log, metrics, snapshots, pictures and `export/`.

It does not know what is trained.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hanmo.config import dump_recipe
from hanmo.errors import OutputError
from hanmo.log import get_logger
from hanmo.train.snapshots import newest_snapshot

log = get_logger(__name__)


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The recipe as it was resolved."""
        return self.path / "recipe.toml"

    @property
    def snapshots(self) -> Path:
        """Where snapshots are kept."""
        return self.path / "checkpoints"

    @property
    def previews(self) -> Path:
        """Where sheets of pictures are kept."""
        return self.path / "previews"

    @property
    def export(self) -> Path:
        """The result: a checkpoint folder of the published layout."""
        return self.path / "export"


def open_run(path: Path, recipe: object, resume: bool) -> RunFolder:
    """Make, or find again, the folder of a run and write the resolved recipe into it.

    Raises:
        OutputError: the folder cannot be written, or holds a run already and `resume` was not asked for.
    """
    folder = RunFolder(path)
    if not resume and newest_snapshot(folder.snapshots):
        raise OutputError(f"{path} holds a run already; resume it, or choose another name")
    text = dump_recipe(recipe)
    try:
        for place in (folder.snapshots, folder.previews):
            place.mkdir(parents=True, exist_ok=True)
        if resume and folder.recipe.exists():
            _tell_changes(folder.recipe.read_text(encoding="utf-8"), text)
        folder.recipe.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write into {path}: {error.strerror}; choose another run.folder") from error
    return folder


def _tell_changes(before: str, after: str) -> None:
    """Log the lines of the recipe that a resume changes."""
    old, new = set(before.splitlines()), set(after.splitlines())
    for line in sorted(new - old):
        log.info("changed since the run began: %s", line)


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Write the package's log records to `path` as well, while the block runs."""
    root = logging.getLogger("hanmo")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
