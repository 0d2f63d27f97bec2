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

import numpy as np
from PIL import Image, features

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, bold_sibling, missing
from hanmo.data.synthesize.grounds import READABLE, RGB, contrast, paint
from hanmo.data.synthesize.inking import Box, Ink, Pixels, Type, ink, largest
from hanmo.data.synthesize.layout import Design, Layout
from hanmo.data.synthesize.paragraph_captions import Facts, chinese, english
from hanmo.data.synthesize.paragraph_style import ParagraphConfig, Style, choose_face, choose_style, upright
from hanmo.data.synthesize.passages import VERSE, Passage
from hanmo.errors import HanmoError, RequestError


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
    type_ = Type(style.face, style.title_face, style.design)
    for count in range(len(sentences), 0 if cut else len(sentences) - 1, -1):
        body = _blocks(passage.script, sentences[:count], style)
        layout, sizes = None, (smallest, style.largest)
        if passage.kind == VERSE:  # a line of a poem is broken only where letters would be too small
            layout = largest(title, body, passage.script, type_, sizes, style.fill, whole=True)
        layout = layout or largest(title, body, passage.script, type_, sizes, style.fill)
        inks = [ink(line, type_) for line in layout.lines] if layout is not None else []
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


def _finished(
    title: str, body: tuple[str, ...], layout: Layout, inks: list[Ink], style: Style, left_out: int
) -> Paragraph:
    design, palette = style.design, style.palette
    ground = paint(palette, style.direction, design.width, design.height)
    canvas = ground.copy()
    lines, ratios = [], []
    for line, (mask, box) in zip(layout.lines, inks, strict=True):
        color = palette.accent.rgb if line.title else palette.ink.rgb
        left, top, right, bottom = box
        ratios.append(contrast(color, ground[top:bottom, left:right]))
        _lay(canvas, mask, box, color)
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


def _inside(box: Box, design: Design) -> bool:
    """Whether a box keeps out of the margins; a font whose glyphs reach far beyond their advance may not."""
    left, top, right, bottom = box
    return min(left, top, design.width - right, design.height - bottom) >= design.margin


def _lay(canvas: Pixels, mask: Pixels, box: Box, ink: RGB) -> None:
    left, top, right, bottom = box
    share = mask.astype(np.float64)[:, :, None] / 255.0
    under = canvas[top:bottom, left:right].astype(np.float64)
    canvas[top:bottom, left:right] = np.rint(under + share * (np.array(ink) - under)).astype(np.uint8)
