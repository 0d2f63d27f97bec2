"""A text set for the face of a thing (report section 3.4, compositional rendering): where its ink goes.

A passage with one glyph that its font lacks is refused whole. Letters shrink until the text fits; what still
does not fit is cut at the end of a sentence, if the caller lets it.
This module does not know materials, light or cameras. Boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import features

from hanmo.data.synthesize.coverage import MissingGlyph, missing
from hanmo.data.synthesize.inking import Box, Type, ink, largest, width
from hanmo.data.synthesize.layout import Line
from hanmo.data.synthesize.paragraph_style import upright
from hanmo.data.synthesize.passages import VERSE, Passage
from hanmo.data.synthesize.scenes.noise import Map
from hanmo.errors import RequestError


@dataclass(frozen=True)
class Written:
    """A set text.

    Attributes:
        ink: 0 (none) to 1.
        title: As it is written; empty where there is none.
        body: The parts as they are written; each begins a new line.
        lines: The text of each line (column, if vertical) and the box of its ink, in reading order.
        letters: The box of each character that is no space.
        size: Pixels per em of the body.
        left_out: How many sentences did not fit.
    """

    ink: Map
    title: str
    body: tuple[str, ...]
    lines: tuple[tuple[str, Box], ...]
    letters: tuple[Box, ...]
    size: int
    left_out: int


def write(
    passage: Passage, type_: Type, sizes: tuple[int, int], *, title: bool, stacked: bool
) -> Written | MissingGlyph | None:
    """The passage, as many sentences as fit; None where not even the first one does.

    Args:
        passage: The text.
        type_: What it is set in; the design has the size of the thing's map.
        sizes: The smallest and the largest letters, pixels per em.
        title: Whether the passage's title is written.
        stacked: Whether each sentence begins a new line; none is left out then, as on a sign.

    Raises:
        RequestError: Pillow was built without libraqm, which shapes the text.
    """
    if not features.check("raqm"):
        raise RequestError("this Pillow has no libraqm, which shapes text; install the wheel of Pillow")
    vertical = type_.design.vertical
    heading, *sentences = (
        upright(text) if vertical else text
        for text in (" ".join(text.split()) for text in (passage.title if title else "", *passage.sentences))
    )
    lacking = missing("".join(sentences), type_.face) or missing(heading, type_.title_face)
    if lacking is not None:
        return lacking
    joint = " " if passage.script == "en" else ""
    for count in range(len(sentences), len(sentences) - 1 if stacked else 0, -1):
        kept = sentences[:count]
        body = tuple(kept) if stacked else (joint.join(kept),)
        layout = None
        if stacked or passage.kind == VERSE:
            layout = largest(heading, body, passage.script, type_, sizes, 1.0, whole=True)
        broken = None if layout and passage.kind == VERSE else largest(heading, body, passage.script, type_, sizes, 1.0)
        # A line is broken where that makes its letters much larger; a column of two characters looks lost.
        if layout is None or (broken is not None and not vertical and broken.size > 1.35 * layout.size):
            layout = broken
        if layout is None:
            continue
        size = (type_.design.height, type_.design.width)
        canvas, lines = np.zeros(size, np.float32), []
        for line in layout.lines:
            mask, box = ink(line, type_)
            left, top, right, bottom = box
            part = canvas[top:bottom, left:right]
            np.maximum(part, mask.astype(np.float32) / np.float32(255.0), out=part)
            lines.append((line.text, box))
        boxes = tuple(
            box for line, (_, box) in zip(layout.lines, lines, strict=True) for box in _letters(line, box, type_)
        )
        return Written(canvas, heading, body, tuple(lines), boxes, layout.size, len(sentences) - count)
    return None


def _letters(line: Line, box: Box, type_: Type) -> Sequence[Box]:
    """Where each character of a line stands: its share of the line's box."""
    face = type_.title_face if line.title else type_.face
    found: list[Box] = []
    for run in line.runs:
        for number, char in enumerate(run.text):
            if char.isspace():
                continue
            if type_.design.vertical:
                top = int(run.y - 0.88 * line.size)
                found.append((box[0], max(top, box[1]), box[2], min(top + line.size, box[3])))
                continue
            left, right = (run.x + width(face, line.size, run.text[:end]) for end in (number, number + 1))
            found.append((max(int(left), box[0]), box[1], min(int(right) + 1, box[2]), box[3]))
    return [one for one in found if one[2] > one[0] and one[3] > one[1]]
