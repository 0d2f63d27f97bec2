"""A picture of a paragraph (report section 3.4, pure rendering: text on a plain or gradient background).

The text comes from passages that the caller gives, its look from a `random.Random`: font, size, leading,
columns, alignment, horizontal or vertical, ground and colours. The letters shrink until the text fits; a text
that does not fit at the smallest size is cut at the end of a sentence, and the caption quotes what was drawn.
A font that lacks one glyph of the text refuses the paragraph whole: a `MissingGlyph` comes back, no picture.
This module does not know files of pictures or shards. Boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, bold_sibling, missing
from hanmo.data.synthesize.grounds import READABLE, RGB, contrast, paint
from hanmo.data.synthesize.layout import Design, Layout, Line, arrange
from hanmo.data.synthesize.paragraph_captions import Facts, chinese, english
from hanmo.data.synthesize.paragraph_style import ParagraphConfig, Style, choose_face, choose_style, upright
from hanmo.data.synthesize.passages import VERSE, Passage
from hanmo.errors import HanmoError, RequestError

Box = tuple[int, int, int, int]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Ink = tuple[Pixels, Box]


@dataclass(frozen=True)
class TextLine:
    """One line as it was drawn (a column, if vertical): its exact text and the box of its ink."""

    text: str
    box: Box
    title: bool


@dataclass(frozen=True)
class Paragraph:
    """A picture and what is written in it.

    Attributes:
        picture: RGB.
        lines: Every line in reading order, the title's first.
        title: As drawn; empty where there is none.
        body: As drawn: one text, or several that each begin a new line, as in a poem.
        caption_en: Quotes title and body verbatim, tells layout, colours and ground.
        caption_zh: The same in Chinese.
        style: Everything that was chosen.
        size: Pixels per em of the body.
        contrast: The lowest WCAG ratio of letters and the ground under them, 4.5 to 21.
        left_out: How many sentences of the passage did not fit and were cut.
    """

    picture: Image.Image
    lines: tuple[TextLine, ...]
    title: str
    body: tuple[str, ...]
    caption_en: str
    caption_zh: str
    style: Style
    size: int
    contrast: float
    left_out: int


@dataclass(frozen=True)
class NoRoom:
    """The outcome of a text that does not fit at the smallest size: its first sentence, or all if none may go."""

    text: str
    width: int
    height: int

    def __str__(self) -> str:
        """One line for a rejects table."""
        return f"{self.text!r} does not fit {self.width}x{self.height} pixels at the smallest size; it was dropped"


Outcome = Paragraph | MissingGlyph | NoRoom


def sample_paragraph(
    rng: random.Random, passages: Sequence[Passage], faces: Sequence[FontFace], config: ParagraphConfig | None = None
) -> Outcome:
    """A paragraph of one of `passages` in one of `faces`, or why there is none.

    Raises:
        RequestError: No passage, no face for the passage's script, or Pillow lacks libraqm.
    """
    config = config or ParagraphConfig()
    if not passages:
        raise RequestError("there is no passage to draw; give one at least")
    passage = rng.choice(passages)
    face = choose_face(rng, passage, faces)
    style = choose_style(rng, passage, face, bold_sibling(face, tuple(faces)), config)
    return draw_paragraph(passage, style, config.smallest)


def draw_paragraph(passage: Passage, style: Style, smallest: int = 14, *, cut: bool = True) -> Outcome:
    """The picture of `passage` in `style`: its sentences from the first on, as many as fit.

    Args:
        passage: The text.
        style: The look.
        smallest: Letters are never smaller, pixels per em.
        cut: Leave out sentences at the end that do not fit; False: all of them, or `NoRoom`.

    Raises:
        RequestError: Pillow was built without libraqm, which shapes the text.
    """
    if not features.check("raqm"):
        raise RequestError("this Pillow has no libraqm, which shapes text; install the wheel of Pillow")
    title = _written(passage.title, style) if style.title else ""
    sentences = [_written(sentence, style) for sentence in passage.sentences[: style.sentences]]
    lacking = missing("".join(sentences), style.face) or missing(title, style.title_face)
    if lacking is not None:
        return lacking
    for count in range(len(sentences), 0 if cut else len(sentences) - 1, -1):
        body = _blocks(passage.script, sentences[:count], style)
        layout = None
        if passage.kind == VERSE:  # a line of a poem is broken only where letters would be too small
            layout = _largest(title, body, passage.script, style, smallest, whole=True)
        layout = layout or _largest(title, body, passage.script, style, smallest)
        inks = [_ink(line, style) for line in layout.lines] if layout is not None else []
        if layout is not None and all(_inside(box, style.design) for _, box in inks):
            return _finished(title, body, layout, inks, style, len(sentences) - count)
    return NoRoom(sentences[0] if cut else "".join(sentences), style.design.width, style.design.height)


def _written(text: str, style: Style) -> str:
    """The text as it is drawn: one space for any white space, vertical quotation marks in a vertical text."""
    text = " ".join(text.split())
    return upright(text) if style.design.vertical else text


def _blocks(script: str, sentences: list[str], style: Style) -> tuple[str, ...]:
    if style.stacked:
        return tuple(sentences)
    return ((" " if script == "en" else "").join(sentences),)


def _largest(
    title: str, body: tuple[str, ...], script: str, style: Style, smallest: int, *, whole: bool = False
) -> Layout | None:
    """The text at the largest size that fits, made smaller by what the style asks."""

    def width(text: str, size: int, heading: bool) -> float:
        return _width(style.title_face if heading else style.face, size, text)

    def at(size: int) -> Layout | None:
        return arrange(title, list(body), script, style.design, size, width, whole=whole)

    if at(smallest) is None:
        return None
    size = max(style.largest, smallest)
    while size > smallest and at(size) is None:
        size = max(smallest, min(size - 1, round(size * 0.96)))
    wanted = max(smallest, round(size * style.fill))
    # A smaller size nearly always fits too; a justified line that comes out too loose sends us further down.
    return next((found for found in map(at, [*range(wanted, smallest - 1, -1), size]) if found is not None), None)


def _finished(
    title: str, body: tuple[str, ...], layout: Layout, inks: list[Ink], style: Style, left_out: int
) -> Paragraph:
    design, palette = style.design, style.palette
    ground = paint(palette, style.direction, design.width, design.height)
    canvas = ground.copy()
    lines, ratios = [], []
    for line, (mask, box) in zip(layout.lines, inks, strict=True):
        ink = palette.accent.rgb if line.title else palette.ink.rgb
        left, top, right, bottom = box
        ratios.append(contrast(ink, ground[top:bottom, left:right]))
        _lay(canvas, mask, box, ink)
        lines.append(TextLine(line.text, box, line.title))
    if layout.rule is not None:
        left, top, right, bottom = layout.rule
        canvas[top:bottom, left:right] = palette.accent.rgb
    if min(ratios) < READABLE:  # a test measures every palette, so this is a fault of ours
        raise HanmoError(f"{palette.ink.en} letters on {palette.ground.en} reach a contrast of only {min(ratios):.2f}")
    facts = Facts(
        title=title,
        body=body,
        design=design,
        palette=palette,
        direction=style.direction,
        kind=style.face.kind,
        weight=" ".join(("bold",) * style.face.bold + ("italic",) * style.face.italic),
        size=_size_word(layout.size, design),
        lines=sum(not line.title for line in lines),
    )
    return Paragraph(
        picture=Image.fromarray(canvas),
        lines=tuple(lines),
        title=title,
        body=body,
        caption_en=english(facts),
        caption_zh=chinese(facts),
        style=style,
        size=layout.size,
        contrast=min(ratios),
        left_out=left_out,
    )


def _size_word(size: int, design: Design) -> str:
    share = size / min(design.width, design.height)
    return "large" if share >= 0.065 else "small" if share < 0.04 else "middle"


def _ink(line: Line, style: Style) -> Ink:
    """How much ink each pixel gets within the box of all that get some."""
    design = style.design
    font = _font(style.title_face if line.title else style.face, line.size)
    image = Image.new("L", (design.width, design.height))
    pen = ImageDraw.Draw(image)
    for run in line.runs:
        pen.text((run.x, run.y), run.text, fill=255, font=font, anchor="ls", features=_features(style))
    box = image.getbbox()
    if box is None:
        raise HanmoError(f"{style.face.name} draws nothing for {line.text!r} although it maps every character")
    return np.asarray(image.crop(box)), box


def _inside(box: Box, design: Design) -> bool:
    """Whether a box keeps out of the margins; a font whose glyphs reach far beyond their advance may not."""
    left, top, right, bottom = box
    return min(left, top, design.width - right, design.height - bottom) >= design.margin


def _lay(canvas: Pixels, mask: Pixels, box: Box, ink: RGB) -> None:
    left, top, right, bottom = box
    share = mask.astype(np.float64)[:, :, None] / 255.0
    under = canvas[top:bottom, left:right].astype(np.float64)
    canvas[top:bottom, left:right] = np.rint(under + share * (np.array(ink) - under)).astype(np.uint8)


def _features(style: Style) -> list[str] | None:
    # "vert" is what a font draws in a vertical text: marks in the upper right, brackets turned.
    return ["vert"] if style.design.vertical else None


@lru_cache(maxsize=256)
def _font(face: FontFace, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(face.path), size, index=face.index, layout_engine=ImageFont.Layout.RAQM)


@lru_cache(maxsize=100_000)
def _width(face: FontFace, size: int, text: str) -> float:
    return float(_font(face, size).getlength(text))
