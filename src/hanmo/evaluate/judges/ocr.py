"""Who reads text: RapidOCR on this machine, or a vision-language model (report section 5.2.2, text rendering).

    RapidReader   PP-OCRv6 through RapidOCR with the settings that were measured, see `hanmo.data.ocr`
    VLMReader     any VLM, asked as LongText-Bench and OneIG-Bench ask Qwen2.5-VL

This module does not know what text was asked for, nor how strictly to compare: see `evaluate/text.py`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from PIL import Image

from hanmo.data import ocr as rapid
from hanmo.data.ocr import Box, Line
from hanmo.evaluate.judges.protocols import VLM
from hanmo.evaluate.judges.weights import Once
from hanmo.evaluate.types import Json

NOTHING = "No text recognized"
QUESTION = (
    "Recognize the text in the image, only reply with the text content, but avoid repeating previously mentioned "
    f"content. If no text is recognized, please reply with '{NOTHING}'."
)
"""Word for word as the script of LongText-Bench (X-Omni, Apache-2.0) asks, which OneIG-Bench's does too."""


class RapidReader:
    """RapidOCR; its models are read at first use, and one picture is read at a time.

    Args:
        threads: CPU threads.

    Raises:
        RequestError: RapidOCR is not installed, or too old.
    """

    def __init__(self, threads: int = 1) -> None:
        rapid.check_installed()
        self._threads = threads
        self._engine = Once(lambda: rapid.OCR(threads))
        self._turn = threading.Lock()

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`; threads are left out, since no reading depends on them."""
        return {
            "kind": "OCR",
            "name": "RapidOCR (PP-OCRv6 small)",
            "version": version("rapidocr"),
            "settings": {"text_score": 0.0, "angle_classifier": False},
        }

    def read(self, image: Image.Image) -> list[Line]:
        """See `OCR`."""
        with self._turn:
            return self._engine().read(image)

    def read_box(self, image: Image.Image, box: Box | None = None) -> str:
        """The one line of text in `box` (default: the whole picture), without looking for it; "" if there is none.

        Raises:
            RequestError: the box holds no pixel of the picture.
        """
        return self.read_boxes([image], [box])[0]

    def read_boxes(self, images: Sequence[Image.Image], boxes: Sequence[Box | None] | None = None) -> list[str]:
        """`read_box` for many pictures, such as the glyphs that show what this judge can read at all.

        Raises:
            RequestError: a box holds no pixel of its picture, or there are not as many boxes as pictures.
        """
        with self._turn:
            return self._engine().read_boxes(images, boxes)


class VLMReader:
    """A vision-language model that is asked to read.

    It says neither where a line is nor how sure it is: each line has the whole picture's box and the score 1.

    Args:
        vlm: who is asked.
        question: what it is asked.
    """

    def __init__(self, vlm: VLM, question: str = QUESTION) -> None:
        self._vlm = vlm
        self._question = question

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`."""
        asked = hashlib.sha256(self._question.encode()).hexdigest()[:12]
        judge = self._vlm.describe()
        settings = {"question": asked, "judge": dict(judge)}
        return {"kind": "OCR by a VLM", "name": judge["name"], "version": judge["version"], "settings": settings}

    def read(self, image: Image.Image) -> list[Line]:
        """See `OCR`; lines are in the order in which they were said.

        Raises:
            Unjudged: the model gave no answer.
        """
        said = self._vlm.ask([image], self._question)
        if said.strip().strip("'\"").rstrip(".") == NOTHING:
            return []
        whole = (0, 0, *image.size)
        return [Line(line.strip(), whole, 1.0) for line in said.splitlines() if line.strip()]
