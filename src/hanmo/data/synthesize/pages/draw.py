"""Painting a page that has flowed, with Pillow (report section 3.4, complex rendering).

Grounds with round corners, gradients, borders and shadows, procedural art, then the letters; edges are smoothed by
drawing at four times the size. The box of a line is that of its ink. The contrast of letters and the pixels under
them is measured. This module does not know templates or captions. H W: rows and columns of the page.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFilter

from hanmo.data.synthesize.grounds import contrast
from hanmo.data.synthesize.pages.boxes import PILL, Art, Paint
from hanmo.data.synthesize.pages.flow import Flowed, Rect, SetLine, advance, font
from hanmo.data.synthesize.pages.result import PageLine
from hanmo.errors import HanmoError

Pixels = UInt8[np.ndarray, "H W 3"]
_FINER = 4
_SHADOW = 0.16  # how dark a shadow is


def paint_boxes(flowed: Flowed, size: tuple[int, int], unit: float) -> Image.Image:
    """Everything but the letters, RGB."""
    canvas = Image.new("RGB", size, "white")
    for box, rect in flowed.boxes:
        if box.paint is not None:
            _ground(canvas, box.paint, rect, unit)
        if box.art is not None:
            _art(canvas, box.art, rect, unit, box.paint.radius if box.paint else 0.0)
    return canvas


def write(canvas: Image.Image, lines: list[SetLine]) -> tuple[Image.Image, tuple[PageLine, ...], float]:
    """The letters on `canvas`; the lines as drawn, and the lowest contrast of any of them."""
    under = np.asarray(canvas)
    out = canvas.copy()
    written, lowest = [], 21.0
    for line in lines:
        mask = Image.new("L", canvas.size)
        pen = ImageDraw.Draw(mask)
        face = font(line.letters.face, line.size)
        if line.letters.spacing:
            for index, char in enumerate(line.text):
                step = (
                    advance(line.letters.face, line.size, line.text[:index]) + index * line.letters.spacing * line.size
                )
                pen.text((line.x + step, line.y), char, fill=255, font=face, anchor="ls")
        else:
            pen.text((line.x, line.y), line.text, fill=255, font=face, anchor="ls")
        box = mask.getbbox()
        if box is None:
            raise HanmoError(f"{line.letters.face.name} draws nothing for {line.text!r} at {line.x:.0f}, {line.y:.0f}")
        left, top, right, bottom = box
        lowest = min(lowest, contrast(line.letters.color, under[top:bottom, left:right]))
        out.paste(line.letters.color, box, mask.crop(box))
        written.append(PageLine(line.text, box, line.letters.role, line.first))
    return out, tuple(written), lowest


def _ground(canvas: Image.Image, paint: Paint, rect: Rect, unit: float) -> None:
    area = _pixels(rect)
    if area[2] <= area[0] or area[3] <= area[1]:
        return
    size = area[2] - area[0], area[3] - area[1]
    if paint.dash:
        _dashes(canvas, paint, area, unit)
        return
    mask = _rounded(size, _radius(paint, size, unit))
    if paint.shadow:
        _shadow(canvas, mask, area, unit)
    if paint.color is not None and paint.second is not None:
        canvas.paste(_gradient(paint, size), area[:2], mask)
    elif paint.color is not None:
        canvas.paste(paint.color, area, mask)
    if paint.border is not None:
        thick = max(1, round(paint.thick * unit))
        hole = Image.new("L", size)
        inner = size[0] - 2 * thick, size[1] - 2 * thick
        if min(inner) > 0:
            hole.paste(_rounded(inner, max(0.0, _radius(paint, size, unit) - thick)), (thick, thick))
        ring = np.asarray(mask).astype(np.int16) - np.asarray(hole)
        canvas.paste(paint.border, area, Image.fromarray(np.clip(ring, 0, 255).astype(np.uint8)))


def _dashes(canvas: Image.Image, paint: Paint, area: tuple[int, int, int, int], unit: float) -> None:
    left, top, right, bottom = area
    pen = ImageDraw.Draw(canvas)
    flat = right - left >= bottom - top
    step = max(4.0, 1.6 * unit)
    start, stop = (left, right) if flat else (top, bottom)
    for index in range(math.ceil((stop - start) / step)):
        low = round(start + index * step)
        high = min(stop, round(low + 0.55 * step)) - 1
        if high >= low:
            pen.rectangle((low, top, high, bottom - 1) if flat else (left, low, right - 1, high), fill=paint.color)


def _shadow(canvas: Image.Image, mask: Image.Image, area: tuple[int, int, int, int], unit: float) -> None:
    reach = math.ceil(3 * unit)
    soft = Image.new("L", (mask.width + 2 * reach, mask.height + 2 * reach))
    soft.paste(mask, (reach, reach))
    soft = soft.filter(ImageFilter.GaussianBlur(unit)).point(lambda value: value * _SHADOW)
    canvas.paste((15, 15, 25), (area[0] - reach, area[1] - reach + round(0.6 * unit)), soft)


def _gradient(paint: Paint, size: tuple[int, int]) -> Image.Image:
    assert paint.color is not None  # the caller looked
    assert paint.second is not None
    x = np.linspace(0.0, 1.0, size[0])[None, :, None]
    y = np.linspace(0.0, 1.0, size[1])[:, None, None]
    start, stop = np.array(paint.color, dtype=np.float64), np.array(paint.second, dtype=np.float64)
    # CSS's "to bottom right": the way is measured along the corner's direction across the other diagonal.
    return Image.fromarray(np.rint(start + (x + y) / 2 * (stop - start)).astype(np.uint8))


def _art(canvas: Image.Image, art: Art, rect: Rect, unit: float, radius: float) -> None:
    area = _pixels(rect)
    size = area[2] - area[0], area[3] - area[1]
    if min(size) <= 0:
        return
    fine = size[0] * _FINER, size[1] * _FINER
    across, down = fine
    if art.fit != "stretch":
        across = down = max(fine) if art.fit == "cover" else min(fine)
    left, top = (fine[0] - across) / 2, (fine[1] - down) / 2
    image = canvas.crop(area).resize(fine, Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(image)
    for shape in art.shapes:
        points = [(left + x * across, top + y * down) for x, y in shape.points]
        if shape.line:
            thick = max(1, round(shape.line * unit * _FINER))
            pen.line(points, fill=shape.color, width=thick, joint="curve")
            for x, y in (points[0], points[-1]):
                pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=shape.color)
        else:
            pen.polygon(points, fill=shape.color)
    small = image.resize(size, Image.Resampling.BOX)
    canvas.paste(small, area[:2], _rounded(size, _radius(Paint(radius=radius), size, unit)))


def _pixels(rect: Rect) -> tuple[int, int, int, int]:
    left, top = round(rect.x), round(rect.y)
    right, bottom = round(rect.x + rect.width), round(rect.y + rect.height)
    # A hairline keeps at least one pixel.
    return left, top, max(right, left + (rect.width > 0)), max(bottom, top + (rect.height > 0))


def _radius(paint: Paint, size: tuple[int, int], unit: float) -> float:
    return min(size) / 2 if paint.radius >= PILL else min(paint.radius * unit, min(size) / 2)


def _rounded(size: tuple[int, int], radius: float) -> Image.Image:
    if radius < 0.5:
        return Image.new("L", size, 255)
    fine = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
    ImageDraw.Draw(fine).rounded_rectangle((0, 0, fine.width - 1, fine.height - 1), radius * _FINER, fill=255)
    return fine.resize(size, Image.Resampling.BOX)
