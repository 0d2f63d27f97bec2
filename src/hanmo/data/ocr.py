"""The reader of text: PP-OCRv6 through RapidOCR on the CPU (report section 5.2.2, text rendering).

The optional extras `data` and `evaluate` bring RapidOCR (Apache-2.0, models inside the wheel). Version 3.10 or later is
required: its recogniser knows 8,103 of the 8,105 characters of the General Standard table, the older one
5,500.

Ways to read. `read` finds the lines of text anywhere in a picture, and `survey` also those that it cannot read.
`read_box` is told where the text is and only recognises it: a detector overlooks single characters, which is not the
painter's fault. Text that a low score would hide is kept: the score is reported, the decision is the caller's.

This module does not know what text was asked for, nor how strictly to compare: see `evaluate/text.py`.
Pictures are PIL images; boxes are (left, top, right, bottom) in pixels, right and bottom excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from PIL import Image

from hanmo.errors import RequestError

Box = tuple[int, int, int, int]

ENLARGE = 3
_MINIMUM = (3, 10)
# The recogniser pads a batch to its widest line, at least to this ratio of width to height.
_PADDED_RATIO = 320 / 48


@dataclass(frozen=True)
class Line:
    """One line of text in a picture: what it says, the upright box around it, how sure the judge is (0-1)."""

    text: str
    box: Box
    score: float


class OCR:
    """A loaded reader. Models are read at first use; one instance may not be shared by threads.

    Args:
        threads: CPU threads of the reader.

    Raises:
        RequestError: when RapidOCR is not installed, or is too old.
    """

    def __init__(self, threads: int = 1) -> None:
        check_installed()
        from rapidocr import RapidOCR

        self.name = f"rapidocr {version('rapidocr')} (PP-OCRv6 small)"
        self._engine: Any = RapidOCR(
            params={
                "Global.text_score": 0.0,
                "Global.use_cls": False,
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def read(self, image: Image.Image) -> list[Line]:
        """Find and read all lines of a picture, from top to bottom."""
        found = self._engine(_bgr(image))
        if found.boxes is None or found.txts is None:
            return []
        lines = [
            Line(text, _upright(corners, image.size), float(score))
            for text, corners, score in zip(found.txts, found.boxes, found.scores, strict=True)
        ]
        return sorted(lines, key=lambda line: (line.box[1], line.box[0]))

    def survey(self, image: Image.Image) -> list[Line]:
        """`read`, with the lines that were found and could not be read: of those the text is "" and the score 0.

        The reader knows Latin, Greek, Chinese and Japanese letters. Of a line in another script, which its detector
        sees as well as any, it reads nothing or nonsense, and `read` says nothing of it. Where the detector finds no
        line, nothing is recognised, which makes a picture without text the cheapest.
        """
        pixels = _bgr(image)
        try:
            found = self._engine(pixels, use_rec=False)
        finally:
            self._engine.use_rec = True  # RapidOCR keeps what it was told
        if found is None or found.boxes is None or not len(found.boxes):
            return []
        corners = np.asarray(found.boxes, dtype=np.float32)
        read = self._engine.recognize_txt(self._engine.crop_text_regions(pixels, corners))
        lines = []
        for text, four, score in zip(read.txts, corners, read.scores, strict=True):
            lines.append(Line(text.strip(), _upright(four, image.size), float(score) if text.strip() else 0.0))
        return sorted(lines, key=lambda line: (line.box[1], line.box[0]))

    def read_box(self, image: Image.Image, box: Box | None = None) -> str:
        """Read the one line of text in `box` (default: the whole picture), enlarged three times.

        Raises:
            RequestError: when the box holds no pixel of the picture.
        """
        return self.read_boxes([image], [box])[0]

    def read_boxes(self, images: Sequence[Image.Image], boxes: Sequence[Box | None] | None = None) -> list[str]:
        """`read_box` for many pictures at once; no text depends on the other pictures of the batch.

        Raises:
            RequestError: when a box holds no pixel of its picture, or there are more boxes than pictures.
        """
        boxes = [None] * len(images) if boxes is None else boxes
        if len(boxes) != len(images):
            raise RequestError(f"{len(images)} pictures came with {len(boxes)} boxes; give one box (or None) to each")
        crops = [_bgr(_enlarged(image, box)) for image, box in zip(images, boxes, strict=True)]
        usual = [i for i, crop in enumerate(crops) if crop.shape[1] <= _PADDED_RATIO * crop.shape[0]]
        texts = [""] * len(crops)
        for group in [usual, *([i] for i in range(len(crops)) if i not in set(usual))]:
            if group:
                for i, text in zip(group, self._engine.recognize_txt([crops[i] for i in group]).txts, strict=True):
                    texts[i] = text
        return texts


def check_installed() -> None:
    """Raise RequestError, saying what to install, unless a RapidOCR that is new enough is here."""
    want = ".".join(map(str, _MINIMUM))
    try:
        found = version("rapidocr")
    except PackageNotFoundError as error:
        raise RequestError(
            f"reading text in pictures needs rapidocr >= {want}, which is not installed; "
            "install it with: pip install 'hanmo[evaluate]' (or 'hanmo[data]')"
        ) from error
    if tuple(int(part) for part in found.split(".")[:2]) < _MINIMUM:
        raise RequestError(
            f"rapidocr {found} cannot read rare characters; version {want} or later is needed: "
            "pip install -U 'hanmo[data]'"
        )


def _enlarged(image: Image.Image, box: Box | None) -> Image.Image:
    left, top, right, bottom = box if box is not None else (0, 0, image.width, image.height)
    kept = (max(0, left), max(0, top), min(image.width, right), min(image.height, bottom))
    width, height = kept[2] - kept[0], kept[3] - kept[1]
    if width <= 0 or height <= 0:
        raise RequestError(
            f"the text box {box} holds no pixel of a picture of {image.width}x{image.height}; "
            "give (left, top, right, bottom) inside it"
        )
    return image.convert("RGB").crop(kept).resize((width * ENLARGE, height * ENLARGE), Image.Resampling.BICUBIC)


def _bgr(image: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.ascontiguousarray(np.asarray(image.convert("RGB"), dtype=np.uint8)[..., ::-1])


def _upright(corners: Any, size: tuple[int, int]) -> Box:
    """The upright box around four corners [4, 2], inside a picture of `size` (width, height)."""
    points = np.asarray(corners, dtype=np.float64)
    low = np.floor(points.min(axis=0)).astype(int)
    high = np.ceil(points.max(axis=0)).astype(int)
    return max(0, int(low[0])), max(0, int(low[1])), min(size[0], int(high[0])), min(size[1], int(high[1]))
