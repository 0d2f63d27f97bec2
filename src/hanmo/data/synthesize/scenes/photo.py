"""Text on a flat part of a user's picture (report section 3.4, compositional rendering).

The letters are laid on the picture as paint: they take its light and shade and let its texture through. The
place is given as a quad, or the largest even part of the picture is looked for.
This module does not know what the picture shows: the caller says what the text stands on.
H W: rows and columns; quads are in pixels, from the upper left corner clockwise as one reads.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32
from PIL import Image

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, bold_sibling
from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.inking import Box, Type
from hanmo.data.synthesize.layout import Design
from hanmo.data.synthesize.paragraph import NoRoom
from hanmo.data.synthesize.paragraph_captions import quoted
from hanmo.data.synthesize.paragraph_style import choose_face
from hanmo.data.synthesize.passages import Passage
from hanmo.data.synthesize.scenes.measure import Point, Quad, contrast, in_parts
from hanmo.data.synthesize.scenes.noise import Map, blur, like, step
from hanmo.data.synthesize.scenes.scene import Illegible, SceneLine
from hanmo.data.synthesize.scenes.surface import linear, mixed
from hanmo.data.synthesize.scenes.ways import PAINTS
from hanmo.data.synthesize.scenes.writing import Written, write
from hanmo.errors import RequestError

_EVEN = 0.003  # the mean square of the steps from pixel to pixel, of 1, that an even part does not exceed
_SCALE = 2.0  # pixels of the text's map per pixel of the picture


@dataclass(frozen=True)
class Where:
    """What the text stands on, in the words that a caption takes: "the wall beside the door"."""

    en: str
    zh: str


@dataclass(frozen=True)
class OnPicture:
    """A user's picture with a text on it; the fields are those of `scene.Scene`."""

    picture: Image.Image
    quad: Quad
    lines: tuple[SceneLine, ...]
    title: str
    body: tuple[str, ...]
    caption_en: str
    caption_zh: str
    ink: Color
    contrast: float


def flat_region(picture: Image.Image, least: float = 0.25) -> Quad | None:
    """The largest upright rectangle of the picture that is even enough to write on; None where there is none.

    Args:
        picture: Any.
        least: How large it is at least, as a share of the picture's width and height.
    """
    shrink = 128 / max(picture.size)
    size = (max(8, round(picture.width * shrink)), max(8, round(picture.height * shrink)))
    grey = np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX), np.float32) / np.float32(255.0)
    steps = np.hypot(np.diff(grey, axis=1, append=grey[:, -1:]), np.diff(grey, axis=0, append=grey[-1:])).astype(
        np.float32
    )
    total = cv2.integral(steps**2)  # squares: one hard edge spoils a place more than a rough wall does
    best: tuple[float, tuple[int, int, int, int]] | None = None
    for share_x in np.arange(0.9, least - 0.01, -0.08):
        for share_y in np.arange(0.9, least - 0.01, -0.08):
            wide, tall = max(2, int(size[0] * share_x)), max(2, int(size[1] * share_y))
            if best is not None and wide * tall <= best[0]:
                continue
            sums = total[tall:, wide:] - total[:-tall, wide:] - total[tall:, :-wide] + total[:-tall, :-wide]
            top, left = (
                np.unravel_index(int(sums[1:-1, 1:-1].argmin()), sums[1:-1, 1:-1].shape)
                if min(sums.shape) > 2
                else (0, 0)
            )
            if sums[top, left] / (wide * tall) <= _EVEN:
                best = float(wide * tall), (int(left), int(top), int(left) + wide, int(top) + tall)
    if best is None:
        return None
    x, y, right, bottom = (float(edge / shrink) for edge in best[1])
    return (x, y), (right, y), (right, bottom), (x, bottom)


def write_on(
    rng: random.Random,
    picture: Image.Image,
    where: Where,
    passages: Sequence[Passage],
    faces: Sequence[FontFace],
    quad: Quad | None = None,
    *,
    smallest: int = 14,
    readable: float = 1.8,
) -> OnPicture | MissingGlyph | NoRoom | Illegible:
    """One of `passages` painted on a flat part of the picture.

    Args:
        rng: Chooses passage, face, colour and wear.
        picture: Any; what comes back is RGB and of the same size.
        where: What the text stands on.
        passages: Short ones look best.
        faces: One of them is taken.
        quad: Where to write; looked for where it is None.
        smallest: Letters are no smaller, pixels per em.
        readable: As in `SceneConfig`.

    Raises:
        RequestError: No passage or face; a quad outside the picture; no even part in the picture.
    """
    if not passages:
        raise RequestError("there is no passage to write; give one at least")
    quad = quad or flat_region(picture)
    if quad is None:
        raise RequestError(
            "the picture has no even part that is large enough to write on; give a quad, or another picture"
        )
    if any(not (0 <= x <= picture.width and 0 <= y <= picture.height) for x, y in quad):
        raise RequestError(
            f"the quad {quad} leaves the picture of {picture.width}x{picture.height}; give corners inside it"
        )
    passage = rng.choice(passages)
    face = choose_face(rng, passage, faces)
    noise = np.random.default_rng(rng.getrandbits(64))
    corners = np.array(quad, np.float32)
    wide = (np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    tall = (np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2
    columns, rows = max(8, round(float(wide) * _SCALE)), max(8, round(float(tall) * _SCALE))
    design = Design(columns, rows, round(min(rows, columns) * 0.08), align=rng.choice(("centre", "left")), middle=True)
    sizes = (round(smallest * _SCALE), round(min(rows, columns) * 0.6))
    written = write(passage, Type(face, bold_sibling(face, tuple(faces)), design), sizes, title=False, stacked=True)
    if written is None:
        return NoRoom(passage.sentences[0], columns, rows)
    if isinstance(written, MissingGlyph):
        return written
    frame = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(frame, corners).astype(np.float32)
    pixels = np.asarray(picture.convert("RGB"))
    place = _place(matrix, picture.width, picture.height)
    ink = cv2.remap(blur(written.ink, 0.6), place[..., 0], place[..., 1], cv2.INTER_AREA, borderValue=0.0)
    color = _ink_for(rng, pixels, place, rows, columns)
    result = _laid(noise, pixels, np.asarray(ink, np.float32), color, written.size / _SCALE)
    ratio = contrast(result, written.ink, in_parts(written.lines, max(2, written.size // 12)), place, 1.0)
    if ratio < readable:
        return Illegible(" ".join(written.body), ratio, readable)
    return _finished(result, written, matrix, where, color, ratio)


def _laid(
    noise: np.random.Generator, pixels: np.ndarray, ink: Map, color: Color, em: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Paint on the picture: its colour times the picture's own light, worn off here and there."""
    value = pixels.astype(np.float32) / np.float32(255.0)
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    bright = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    usual = max(float(np.median(bright[ink > 0.2])), 0.02) if (ink > 0.2).any() else 0.5
    tone = np.clip(0.12 + 0.88 * bright / usual, 0.1, 1.8)[..., None]
    worn = step(like(noise, ink, max(3.0, em * 0.2), 4), 1.5, 2.6)
    share = (ink * (0.95 - 0.55 * worn)).astype(np.float32)
    # White paint in shade is grey, and black paint in the sun is not quite black.
    result = mixed(light, (linear(color.rgb) * 0.9 * tone).astype(np.float32), share)
    back = np.where(result <= 0.0031308, 12.92 * result, 1.055 * np.maximum(result, 1e-6) ** (1 / 2.4) - 0.055)
    return np.asarray(np.where(ink[..., None] > 0, np.rint(np.clip(back, 0.0, 1.0) * 255.0), pixels), np.uint8)


def _ink_for(
    rng: random.Random, pixels: np.ndarray, place: Float32[np.ndarray, "H W c"], rows: int, columns: int
) -> Color:
    """One of the colours that stand out most from the place."""
    inside = (place[..., 0] >= 0) & (place[..., 0] < columns) & (place[..., 1] >= 0) & (place[..., 1] < rows)
    red, green, blue = (int(value) for value in np.median(pixels[inside], axis=0))
    under = linear((red, green, blue)) @ np.array([0.2126, 0.7152, 0.0722])

    def far(color: Color) -> float:
        own = float(linear(color.rgb) @ np.array([0.2126, 0.7152, 0.0722]))
        return abs(float(np.log((own + 0.05) / (float(under) + 0.05))))

    return rng.choice(sorted(PAINTS, key=far, reverse=True)[:3])


def _place(matrix: Float32[np.ndarray, "a b"], width: int, height: int) -> Float32[np.ndarray, "H W c"]:
    """Where on the text's map each pixel of the picture lies."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + np.float32(0.5)
    spots = np.stack([x, y, np.ones_like(x)], axis=2) @ np.linalg.inv(matrix.astype(np.float64)).T
    deep = np.where(np.abs(spots[..., 2:]) < 1e-9, 1e-9, spots[..., 2:])
    flat = np.where(spots[..., 2:] > 0, spots[..., :2] / deep, -1e5)
    return np.ascontiguousarray(np.dstack([flat.clip(-1e5, 1e5), np.ones_like(x)]), np.float32)


def _finished(
    result: np.ndarray, written: Written, matrix: Float32[np.ndarray, "a b"], where: Where, color: Color, ratio: float
) -> OnPicture:
    def seen(box: Box) -> Quad:
        left, top, right, bottom = (float(edge) for edge in box)
        spots = np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], np.float32)
        points: list[Point] = [(float(x), float(y)) for x, y in cv2.perspectiveTransform(spots, matrix)[0]]
        return points[0], points[1], points[2], points[3]

    boxes = [box for _, box in written.lines]
    whole = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    en = ", ".join(quoted(part, "en") for part in written.body)
    zh = "，".join(quoted(part, "zh") for part in written.body)
    count = len(written.lines)
    return OnPicture(
        picture=Image.fromarray(result),
        quad=seen(whole),
        lines=tuple(SceneLine(text, seen(box)) for text, box in written.lines),
        title=written.title,
        body=written.body,
        caption_en=f"On {where.en}, painted in {color.en} letters{f' in {count} lines' if count > 1 else ''}: {en}.",
        caption_zh=f"{where.zh}上漆着{color.zh}文字{f'，共{count}行' if count > 1 else ''}：{zh}。",
        ink=color,
        contrast=ratio,
    )
