"""The ink of a set text, and the largest size at which it fits (report section 3.4, text rendering).

This module does not know colours, captions or what the ink is laid on. Sizes are pixels per em; boxes are
(left, top, right, bottom) in pixels, right and bottom excluded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.layout import Design, Layout, Line, arrange
from hanmo.errors import HanmoError

Box = tuple[int, int, int, int]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Ink = tuple[Pixels, Box]


@dataclass(frozen=True)
class Type:
    """What a text is set in and how: the faces of its body and its title, and its design."""

    face: FontFace
    title_face: FontFace
    design: Design


def largest(
    title: str,
    body: tuple[str, ...],
    script: str,
    type_: Type,
    sizes: tuple[int, int],
    fill: float,
    *,
    whole: bool = False,
) -> Layout | None:
    """The text at the largest size that fits, made smaller by `fill`; None where even the smallest does not.

    Args:
        title: May be empty.
        body: Each begins a new line.
        script: "en" or "zh".
        type_: What it is set in.
        sizes: The smallest and the largest.
        fill: The share of the largest size that is taken, 0 to 1.
        whole: No part of the body may take more than one line.
    """
    smallest, most = sizes

    def measure(text: str, size: int, heading: bool) -> float:
        return width(type_.title_face if heading else type_.face, size, text)

    def at(size: int) -> Layout | None:
        return arrange(title, list(body), script, type_.design, size, measure, whole=whole)

    if at(smallest) is None:
        return None
    size = max(most, smallest)
    while size > smallest and at(size) is None:
        size = max(smallest, min(size - 1, round(size * 0.96)))
    wanted = max(smallest, round(size * fill))
    # A smaller size nearly always fits too; a justified line that comes out too loose sends us further down.
    return next((found for found in map(at, [*range(wanted, smallest - 1, -1), size]) if found is not None), None)


def ink(line: Line, type_: Type) -> Ink:
    """How much ink each pixel gets (0 to 255) within the box of all that get some.

    Raises:
        HanmoError: The font maps every character and still draws nothing.
    """
    design = type_.design
    face = type_.title_face if line.title else type_.face
    image = Image.new("L", (design.width, design.height))
    pen = ImageDraw.Draw(image)
    # "vert" is what a font draws in a vertical text: marks in the upper right, brackets turned.
    features = ["vert"] if design.vertical else None
    for run in line.runs:
        pen.text((run.x, run.y), run.text, fill=255, font=font(face, line.size), anchor="ls", features=features)
    box = image.getbbox()
    if box is None:
        raise HanmoError(f"{face.name} draws nothing for {line.text!r} although it maps every character")
    return np.asarray(image.crop(box)), box


@lru_cache(maxsize=256)
def font(face: FontFace, size: int) -> ImageFont.FreeTypeFont:
    """A face at a size, shaped by libraqm."""
    return ImageFont.truetype(str(face.path), size, index=face.index, layout_engine=ImageFont.Layout.RAQM)


@lru_cache(maxsize=100_000)
def width(face: FontFace, size: int, text: str) -> float:
    """How far a text goes in a face."""
    return float(font(face, size).getlength(text))
