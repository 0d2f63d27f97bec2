"""What a vision-language model once answered: a run is judged again offline, for nothing, with the same figures.

    Recording(vlm, path)   asks the model, and writes each answer
    Replay(path)           says it again; a question that is not in the file is `Unjudged`

The file is JSON lines. The first says who answered; each other one has the `key` of a question and its `answer`, and
for the person who reads it the words, the pictures' digests, the seed and the temperature. A last line that was cut
off is ignored, and removed by the next recording. A question that was asked twice has its last answer.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from hanmo.data.annotate.journal import read_lines, write_line
from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.judges.protocols import VLM, Unjudged
from hanmo.evaluate.types import Json
from hanmo.weights.files import check_parent, refusal

HEAD = "hanmo_answers"
"""Key of the first line; its value is the version of the format."""
_VERSION = 1


def picture_digest(image: Image.Image) -> str:
    """SHA-256 of a picture's size and RGB pixels, whatever file they came in."""
    pixels = image.convert("RGB")
    return hashlib.sha256(f"{pixels.width}x{pixels.height}\n".encode() + pixels.tobytes()).hexdigest()


def question_key(images: Sequence[Image.Image], prompt: str, system: str | None, seed: int) -> str:
    """SHA-256 that names a question: its words, its pictures in their order, its seed."""
    return _key([picture_digest(image) for image in images], prompt, system, seed)


class Replay:
    """A judge that says again what was recorded.

    Args:
        path: of JSON lines with `key` and `answer`.

    Raises:
        RequestError: the file is missing, or a line is neither a head nor an answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._judge: Json = None
        self._answers: dict[str, str] = {}
        for number, line in enumerate(read_lines(path).lines, start=1):
            match line:
                case {"key": str(key), "answer": str(answer)}:
                    self._answers[key] = answer
                case {"judge": judge} if HEAD in line:
                    self._judge = judge
                case _:
                    raise RequestError(f"line {number} of {path} is no recorded answer: it needs key and answer")
        said = json.dumps(sorted(self._answers.items()))
        self._version = hashlib.sha256(said.encode()).hexdigest()[:16]

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`; the version is a digest of the answers, and `judge` is who gave them, if the file says so."""
        settings = {"judge": self._judge}
        return {"kind": "replay", "name": self._path.name, "version": self._version, "settings": settings}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """See `VLM`; the temperature names no question, since a recording has one answer to each."""
        key = question_key(images, prompt, system, seed)
        if key not in self._answers:
            raise Unjudged(
                f"{self._path.name} has no answer to {' '.join(prompt.split())[:60]!r} "
                f"(pictures {len(images)}, seed {seed}, key {key[:12]})"
            )
        return self._answers[key]


class Recording:
    """A judge that writes down what another one answers. Threads, and processes, may ask at once.

    Args:
        vlm: who answers.
        path: of the file, which is begun or continued.

    Raises:
        RequestError: the file has answers of another judge, or is no recording.
        OutputError: it cannot be written.
    """

    def __init__(self, vlm: VLM, path: Path) -> None:
        self._vlm = vlm
        self._path = path
        self._turn = threading.Lock()
        check_parent(path)
        head = {HEAD: _VERSION, "judge": dict(vlm.describe())}
        with self._writing() as descriptor:
            found = read_lines(path).lines
            if not found:
                write_line(path, descriptor, head)
            elif found[0] != json.loads(json.dumps(head)):
                raise RequestError(f"{path} is not a recording of this judge, {head['judge']}: give another file")

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`: as the one who answers."""
        return self._vlm.describe()

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """See `VLM`.

        Raises:
            OutputError: the disk is full.
        """
        answer = self._vlm.ask(images, prompt, system=system, temperature=temperature, seed=seed)
        pictures = [picture_digest(image) for image in images]
        line = {"key": _key(pictures, prompt, system, seed), "prompt": prompt, "system": system, "pictures": pictures}
        with self._writing() as descriptor:
            write_line(self._path, descriptor, line | {"seed": seed, "temperature": temperature, "answer": answer})
        return answer

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """The file, open for this writer alone, and without a line that another one could not finish."""
        with self._turn:
            try:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            except OSError as error:
                raise OutputError(refusal(self._path, error)) from None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    os.ftruncate(descriptor, self._path.read_bytes().rfind(b"\n") + 1)
                yield descriptor
            finally:
                os.close(descriptor)


def _key(pictures: Sequence[str], prompt: str, system: str | None, seed: int) -> str:
    return hashlib.sha256(json.dumps([prompt, system, list(pictures), seed]).encode()).hexdigest()
