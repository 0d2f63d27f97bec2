"""Judges that several threads may ask, of judges that only one at a time may: each waits for its turn.

Networks on this machine are no faster for being asked at once, and not all allow it. The VLM is left as it is: an
endpoint is what several threads are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock

import numpy as np
from jaxtyping import Float
from PIL import Image

from hanmo.data.ocr import Line
from hanmo.evaluate.judges.protocols import OCR, Detection, Detector, Embedder, Judges
from hanmo.evaluate.types import Json


def one_by_one(judges: Judges) -> Judges:
    """The same judges, where all but the VLM are asked by one thread at a time."""
    return replace(
        judges,
        detector=None if judges.detector is None else _Detector(judges.detector),
        ocr=None if judges.ocr is None else _OCR(judges.ocr),
        embedders={name: _Embedder(embedder) for name, embedder in judges.embedders.items()},
    )


class _Detector:
    def __init__(self, judge: Detector) -> None:
        self._judge, self._turn = judge, Lock()

    def describe(self) -> Mapping[str, Json]:
        return self._judge.describe()

    def detect(self, image: Image.Image) -> list[Detection]:
        with self._turn:
            return self._judge.detect(image)


class _OCR:
    def __init__(self, judge: OCR) -> None:
        self._judge, self._turn = judge, Lock()

    def describe(self) -> Mapping[str, Json]:
        return self._judge.describe()

    def read(self, image: Image.Image) -> list[Line]:
        with self._turn:
            return self._judge.read(image)


class _Embedder:
    def __init__(self, judge: Embedder) -> None:
        self._judge, self._turn = judge, Lock()

    def describe(self) -> Mapping[str, Json]:
        return self._judge.describe()

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        with self._turn:
            return self._judge.image(images)

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        with self._turn:
            return self._judge.text(texts)
