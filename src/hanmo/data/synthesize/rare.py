"""Paragraphs that show every character of 通用规范汉字表 (report section 3.4: rare characters are rendered too).

Picture `index` of a set shows the characters that `hanzi.share` deals it, grouped by marks into what looks
like sentences; nothing may be cut, and the font is one that has them all. A picture is a function of its index
and the seed, so a set may be made in any order, by any number of processes.
This module does not know how pictures are set or coloured.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from hanmo.data.synthesize.coverage import FontFace, bold_sibling, missing
from hanmo.data.synthesize.hanzi import share
from hanmo.data.synthesize.paragraph import Paragraph, draw_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig, choose_face, choose_style
from hanmo.data.synthesize.passages import Passage
from hanmo.errors import RequestError


def rare_paragraph(
    index: int,
    pictures: int,
    times: int,
    seed: int,
    faces: Sequence[FontFace],
    config: ParagraphConfig | None = None,
) -> Paragraph:
    """Picture `index` of a set of `pictures` in which each of the 8,105 characters is drawn `times` times.

    Raises:
        RequestError: A number outside its range, fewer characters than pictures, no face that has the picture's
            characters, or more of them than fit.
    """
    config = config or ParagraphConfig()
    chars = share(index, pictures, times, seed)
    if not chars:
        raise RequestError(
            f"{pictures} pictures are more than there are characters to show; make fewer, or raise times"
        )
    rng = random.Random(f"rare {seed} {index}")
    passage = Passage("zh", _sentences(rng, chars))
    text = "".join(passage.sentences)
    able = [face for face in faces if missing(text, face) is None]
    if not able:
        lacks = min((found for face in faces if (found := missing(text, face))), key=lambda one: one.char, default=None)
        raise RequestError(
            f"none of the {len(faces)} fonts has all characters of picture {index}"
            + (f" (for one, {lacks.font} lacks U+{ord(lacks.char):04X} {lacks.char})" if lacks else "")
            + "; add a font that covers 通用规范汉字表"
        )
    face = choose_face(rng, passage, able)
    style = choose_style(rng, passage, face, bold_sibling(face, tuple(able)), config)
    outcome = draw_paragraph(passage, replace(style, sentences=len(passage.sentences)), config.smallest, cut=False)
    if not isinstance(outcome, Paragraph):
        raise RequestError(
            f"{len(chars)} characters do not fit {config.width}x{config.height} pixels at {config.smallest} px; "
            "make more pictures, or larger ones"
        )
    return outcome


def _sentences(rng: random.Random, chars: str) -> tuple[str, ...]:
    """`chars` in their order, with a mark after every few and a full stop after every second or third of those."""
    sentences, at = [], 0
    while at < len(chars):
        groups = []
        for _ in range(rng.randint(2, 3)):
            size = rng.randint(4, 7)
            groups.append(chars[at : at + size])
            at += size
        sentences.append("，".join(filter(None, groups)) + "。")
    return tuple(sentences)
