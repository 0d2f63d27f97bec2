"""Faces in a picture, and whether they were made unrecognisable (report section 3.2, stage 6: face mosaic and blur).

Faces are found by YuNet through OpenCV's FaceDetectorYN. Its network, 230 to 320 kB, comes as one ONNX file that does
not lie in OpenCV's package: the config names a file here or a hub id. Blur and mosaic are measured without weights on
the box of a face, so they can be measured on any box:

    sharpness_ratio  0 ... 1   sharpness in the box over that of the rest; 1 where the box is as sharp or sharper
    mosaic           0 ... 1   share of the box's steps that lie on one regular grid, of the lesser axis

A portrait's ground is often soft and its face sharp, so only a face softer than its ground is suspect. A face that is
gone, under a black bar or a blur that leaves no features, is not found and so not judged. Letters: H W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Float64

from hanmo.data.filters.image_quality import Grey, sharpness
from hanmo.data.look import Pixels
from hanmo.data.ocr import Box
from hanmo.errors import WeightsError
from hanmo.weights.hub import is_hub_id, resolve

_MULTIPLE = 32
"""YuNet's coarsest stride: FaceDetectorYN pads to it."""

_SMALLEST_CELL = 3
_CELLS = 4
"""Steps of a grid that a box must have room for: fewer lie on some grid by chance."""


@dataclass(frozen=True)
class Face:
    """One face: the upright box around it, inside the picture, and how sure the detector is (0-1)."""

    box: Box
    score: float


def find_faces(picture: Pixels, model: str, score: float, longest: int) -> list[Face]:
    """Faces, largest first.

    Args:
        picture: sRGB, 0-255.
        model: a file of YuNet, a folder or a hub id with one.
        score: of the detector, from which something is a face, 0 to 1.
        longest: pixels of the longer side at which is looked; faces of less than about 10 pixels there are not found.

    Raises:
        WeightsError: there is no such file, or OpenCV cannot use it as YuNet.
    """
    height, width = picture.shape[:2]
    ratio = min(1.0, longest / max(height, width))
    size = (max(_MULTIPLE, round(width * ratio)), max(_MULTIPLE, round(height * ratio)))
    small = cv2.resize(picture[..., ::-1], size, interpolation=cv2.INTER_AREA)
    detector = _detector(model)
    detector.setInputSize(size)
    detector.setScoreThreshold(score)
    try:
        _, rows = detector.detect(np.ascontiguousarray(small))
    except cv2.error as error:
        raise WeightsError(_not_yunet(model, error)) from error
    faces = [_face(row, width / size[0], height / size[1], width, height) for row in ([] if rows is None else rows)]
    kept = [face for face in faces if face.box[2] > face.box[0] and face.box[3] > face.box[1]]
    return sorted(kept, key=lambda face: (-_area(face.box), face.box))


def yunet_file(model: str) -> Path:
    """Where YuNet's network is, fetched first when a hub id is given.

    Raises:
        WeightsError: there is none.
    """
    path = Path(model).expanduser()
    if is_hub_id(model) and path.suffix != ".onnx":
        path = resolve(model, patterns=("face_detection_yunet_*.onnx",))
    if path.is_dir():
        files = sorted(file for file in path.glob("*.onnx") if "int8" not in file.name)
        if not files:
            raise WeightsError(f"the folder {path} holds no .onnx file: put face_detection_yunet_2023mar.onnx there")
        return files[-1]
    if not path.is_file():
        raise WeightsError(
            f"there is no face detector {model!r}: give the file face_detection_yunet_2023mar.onnx of OpenCV's model "
            "zoo (MIT), a folder that holds it, or the hub id opencv/face_detection_yunet"
        )
    return path


@cache
def _detector(model: str) -> Any:
    file = yunet_file(model)
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns of a target that nobody asked for
    try:
        return cv2.FaceDetectorYN.create(str(file), "", (320, 320), nms_threshold=0.3)
    except cv2.error as error:
        raise WeightsError(_not_yunet(str(file), error)) from error
    finally:
        cv2.utils.logging.setLogLevel(level)


def _not_yunet(model: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:120]
    return f"OpenCV cannot use {model} as YuNet: give face_detection_yunet_2023mar.onnx or a later one ({reason})"


def _face(row: Float32[np.ndarray, " 15"], across: float, down: float, width: int, height: int) -> Face:
    left, top, wide, high = (float(value) for value in row[:4])
    box = (
        max(0, round(left * across)),
        max(0, round(top * down)),
        min(width, round((left + wide) * across)),
        min(height, round((top + high) * down)),
    )
    return Face(box, float(row[14]))


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


# --- what was done to a box -------------------------------------------------------------------------


def sharpness_ratio(grey: Grey, box: Box) -> float:
    """How sharp a box is against the rest of its picture, 0 to 1; 1 where there is no rest to compare with.

    The rest is looked at in four parts around the box, of which the second sharpest counts: one part may be sky, and
    one may hold a line of letters.
    """
    left, top, right, bottom = box
    parts = [grey[:top], grey[bottom:], grey[top:bottom, :left], grey[top:bottom, right:]]
    rest = sorted((sharpness(part) for part in parts if min(part.shape) >= 8), reverse=True)
    inside = sharpness(grey[top:bottom, left:right])
    around = rest[min(1, len(rest) - 1)] if rest else 0.0
    return 1.0 if inside >= around else inside / around


def mosaic(grey: Grey, box: Box) -> float:
    """How much of what changes in a box changes on one regular grid, 0 to 1; 0 for a box too small to tell.

    Cells may have any side from 3 pixels up, whole or not, because pictures are resized after they were censored.
    """
    left, top, right, bottom = box
    part = grey[top:bottom, left:right].astype(np.float32)
    return min(_on_grid(part), _on_grid(part.T))


def _on_grid(part: Float32[np.ndarray, "H W"]) -> float:
    """Share of the slopes along the last axis on the best grid, beyond what any grid of its cells holds by chance."""
    profile = np.abs(np.diff(part, axis=1)).mean(axis=0, dtype=np.float64)
    if len(profile) < _SMALLEST_CELL * _CELLS or not profile.any():
        return 0.0
    cells = np.arange(_SMALLEST_CELL, len(profile) / _CELLS + 0.01, 0.25)
    return max(_best_share(profile, float(cell)) for cell in cells)


def _best_share(profile: Float64[np.ndarray, " N"], cell: float) -> float:
    """Over every place, to half a pixel, where a grid of cells of this side may begin."""
    starts = np.arange(0, cell, 0.5)[:, None]
    places = np.rint(starts + cell * np.arange(int(len(profile) / cell) + 1)).astype(np.int64)
    within = places < len(profile)
    steps = np.where(within, profile[np.minimum(places, len(profile) - 1)], 0.0)
    counts = within.sum(axis=1)
    chance = counts / len(profile)
    share = (steps.sum(axis=1) / profile.sum() - chance) / (1 - chance)
    # Two edges of a shape lie on some grid always, but then its other lines are empty.
    means = steps.sum(axis=1, keepdims=True) / counts[:, None]
    held = ((steps > 0.1 * means) & within).sum(axis=1) / counts
    return float((share * held).max())
