"""Models that paint while the arena runs, such as an endpoint: into a folder, one picture after the other.

What is painted once is kept, and a restart goes on where it stopped. A model that fails FAILURES times in a row
drops out of the matches; its votes stay. This module does not know how a picture is made: it is given a callable.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from hanmo.errors import OutputError
from hanmo.evaluate.arena.sources import Question, named, sorted_pictures
from hanmo.log import get_logger

log = get_logger(__name__)

FAILURES = 3
Paint = Callable[[str, int], Image.Image]
"""(text of a prompt, seed) -> its picture."""


class Painter:
    """A model that paints in the background.

    Args:
        name: of the model.
        paint: makes one picture; may raise.
        questions: the prompts, painted in their order.
        folder: its own; made if it is missing.
        seed: of all pictures.
    """

    def __init__(self, name: str, paint: Paint, questions: Sequence[Question], folder: Path, seed: int = 0) -> None:
        self._name, self._paint, self._questions, self._folder, self._seed = named(name), paint, questions, folder, seed
        self._failed: str | None = None
        self._stop = threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder} cannot be made ({error.strerror}): give another place") from None
        self._files = {one: [path.name for path in paths] for one, paths in sorted_pictures(folder, questions).items()}
        self._thread = threading.Thread(target=self._work, name=f"painter of {name}", daemon=True)

    @property
    def name(self) -> str:
        """What the board calls it."""
        return self._name

    @property
    def failed(self) -> str | None:
        """The last error of a model that has dropped out."""
        return self._failed

    @property
    def busy(self) -> bool:
        """Whether more pictures are to come."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to paint what is missing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the picture that is being painted, and wait for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def pictures(self) -> Mapping[str, Sequence[str]]:
        """What is painted so far."""
        return dict(self._files)

    def path(self, picture: str) -> Path:
        """The file of a picture.

        Raises:
            KeyError: it has none of that name.
        """
        if not any(picture in names for names in self._files.values()):
            raise KeyError(picture)
        return self._folder / picture

    def _work(self) -> None:
        in_a_row = 0
        for question in self._questions:
            if self._stop.is_set():
                return
            if question.id in self._files:
                continue
            try:
                picture = self._paint(question.text, self._seed)
                file = f"{question.id}-{self._seed}.png"
                self._keep(picture, file)
            except Exception as error:  # whatever a stranger's model does, the arena goes on
                in_a_row += 1
                log.warning("%s could not paint %s: %s", self._name, question.id, " ".join(str(error).split())[:200])
                if in_a_row == FAILURES:
                    self._failed = f"{self._name} failed {FAILURES} times in a row: {error}"
                    log.warning("%s takes no more part in matches", self._name)
                    return
            else:
                in_a_row = 0
                self._files[question.id] = [file]

    def _keep(self, picture: Image.Image, file: str) -> None:
        """Write it in one go: a picture that is cut off is never shown."""
        handle, part = tempfile.mkstemp(dir=self._folder, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as out:
                picture.save(out, "PNG")
            Path(part).replace(self._folder / file)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
