"""The four kinds of judges, as protocols (report section 5: detectors, OCR, vision-language models, embedders).

A benchmark says which it needs by role (`Benchmark.needs`): "detector", "ocr", "vlm", or "embedder:NAME" for one of
several embedders, such as "embedder:clip". It is handed a `Judges` that has at least those, and knows nothing of
networks, endpoints or files. Several threads may ask one judge at once: who cannot take that waits inside. Pictures
are PIL images in RGB; boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from hanmo.data.ocr import Line
from hanmo.errors import HanmoError, RequestError
from hanmo.evaluate.types import Json

FloatBox: TypeAlias = tuple[float, float, float, float]
_J = TypeVar("_J")


class Unjudged(HanmoError):  # noqa: N818 - not a fault: a judge had no usable answer
    """A judge gave no usable answer, however often it was asked; the message says why. It counts as unjudged."""


@dataclass(frozen=True, eq=False)
class Detection:
    """One object that a detector found.

    Attributes:
        label: name of its class.
        box: (left, top, right, bottom) in pixels, not necessarily whole.
        score: how sure the detector is, 0-1.
        mask: which pixels are its own [H, W]; None from a detector without masks.
    """

    label: str
    box: FloatBox
    score: float
    mask: Bool[np.ndarray, "H W"] | None = None


@runtime_checkable
class Judge(Protocol):
    """What every judge says of itself."""

    def describe(self) -> Mapping[str, Json]:
        """Kind, name, version, settings: what a result file records. The same answer, the same judge."""


@runtime_checkable
class Detector(Judge, Protocol):
    """Finds objects."""

    def detect(self, image: Image.Image) -> list[Detection]:
        """All objects, the surest first, whatever their score: thresholds are the benchmark's."""


@runtime_checkable
class OCR(Judge, Protocol):
    """Reads text."""

    def read(self, image: Image.Image) -> list[Line]:
        """The lines of a picture, from top to bottom."""


@runtime_checkable
class VLM(Judge, Protocol):
    """Answers questions about pictures."""

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """The answer to one question. Another `seed` may give another answer where the judge samples.

        Raises:
            Unjudged: no answer could be had.
        """


@runtime_checkable
class Embedder(Judge, Protocol):
    """Places pictures, and texts if it can, in one space, as rows of length 1."""

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        """One row for each picture."""

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        """One row for each text.

        Raises:
            RequestError: it knows no texts.
        """


@dataclass(frozen=True)
class Judges:
    """The judges of a run; a benchmark asks only for those that it `needs`.

    Attributes:
        detector: finds objects.
        ocr: reads text.
        vlm: answers questions.
        embedders: by name, such as "clip".
    """

    detector: Detector | None = None
    ocr: OCR | None = None
    vlm: VLM | None = None
    embedders: Mapping[str, Embedder] = field(default_factory=dict)

    def get(self, role: str) -> Judge | None:
        """The judge of a role ("detector", "ocr", "vlm", "embedder:NAME"); None where it is missing.

        Raises:
            RequestError: a role that does not exist.
        """
        match role.split(":"):
            case ["detector"]:
                return self.detector
            case ["ocr"]:
                return self.ocr
            case ["vlm"]:
                return self.vlm
            case ["embedder", name]:
                return self.embedders.get(name)
        raise RequestError(f"the judge's role {role!r} does not exist: detector, ocr, vlm or embedder:NAME")

    def the_detector(self) -> Detector:
        """The detector. Like its three siblings, it raises Unjudged where the judge is missing."""
        return _there(self.detector, "detector")

    def the_ocr(self) -> OCR:
        """The reader of text."""
        return _there(self.ocr, "ocr")

    def the_vlm(self) -> VLM:
        """The one who answers questions."""
        return _there(self.vlm, "vlm")

    def the_embedder(self, name: str) -> Embedder:
        """An embedder by its name."""
        return _there(self.embedders.get(name), f"embedder:{name}")


def _there(judge: _J | None, role: str) -> _J:
    if judge is None:
        raise Unjudged(f"no judge for the role {role}")
    return judge
