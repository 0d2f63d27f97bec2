"""Colours and pairs of typefaces for pages (report section 3.4, complex rendering: many fonts, many colours).

A `Theme` is a handful of named colours; it gives four schemes, one for each ground that text may stand on: the
page, a card on it, a bold panel in the accent colour, a deep panel. Every ink of a scheme reaches the contrast
`READABLE` on its ground: what is given is tested, what is mixed is mixed until it does.
A `Pairing` is a face for headings, one for running text, a bold one of the same family, and one for figures.
This module does not know layouts or captions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from hanmo.data.synthesize.coverage import FontFace, suits
from hanmo.data.synthesize.grounds import (
    BLACK,
    BLUSH,
    BROWN,
    BURGUNDY,
    CELADON,
    CHARCOAL,
    CHICK,
    GOLDEN,
    INDIGO,
    IVORY,
    LILAC,
    MIDNIGHT,
    MINT,
    MIST,
    MOSS,
    NAVY,
    PAPER,
    PEACH,
    PEARL,
    PINE,
    PLUM,
    READABLE,
    RGB,
    RUST,
    SAND,
    SKY,
    SLATE,
    TEAL,
    VERMILION,
    WHITE,
    Color,
    contrast,
)
from hanmo.errors import RequestError

Fill = Literal["page", "card", "bold", "deep"]
FILLS: tuple[Fill, ...] = ("page", "card", "bold", "deep")

COBALT = Color("cobalt blue", "钴蓝色", (29, 78, 190))
AZURE = Color("azure", "天青色", (86, 156, 224))
CORAL = Color("coral", "珊瑚色", (240, 122, 96))
JADE = Color("jade green", "翡翠绿", (20, 112, 86))
VIOLET = Color("violet", "紫罗兰色", (98, 62, 180))
LIME = Color("lime", "青柠色", (198, 226, 92))
AQUA = Color("aqua", "浅水蓝", (122, 214, 208))
NIGHT = Color("near-black blue", "近黑的深蓝", (14, 18, 30))
GRAPHITE = Color("graphite", "石墨色", (36, 39, 48))
FOREST = Color("deep forest green", "深林绿", (16, 40, 34))
COCOA = Color("dark cocoa", "深可可色", (44, 28, 24))
OCHRE = Color("ochre", "赭黄色", (205, 140, 40))
ROSE = Color("rose", "玫瑰色", (214, 92, 120))
SAGE = Color("sage", "鼠尾草绿", (146, 172, 142))


@dataclass(frozen=True)
class Theme:
    """Colours that go together.

    Attributes:
        ground: of the page.
        surface: of cards on it.
        ink: of text on both.
        accent: of headings and marks on both; the ground of bold panels.
        deep: the ground of deep panels.
        bright: of headings and marks on deep panels.
        second: a colour for charts and art.
        third: another.
    """

    ground: Color
    surface: Color
    ink: Color
    accent: Color
    deep: Color
    bright: Color
    second: Color
    third: Color

    @property
    def dark(self) -> bool:
        """Whether the page is darker than its ink."""
        return sum(self.ground.rgb) < sum(self.ink.rgb)


@dataclass(frozen=True)
class Scheme:
    """The inks on one ground: text, quieter text, headings; hairlines, and a faint tint of the ground.

    `far` is where a gradient from the ground ends: the ground itself where an ink would be hard to read on another.
    """

    ground: Color
    ink: Color
    muted: RGB
    accent: Color
    line: RGB
    soft: RGB
    far: RGB


THEMES = (
    Theme(IVORY, WHITE, CHARCOAL, VERMILION, BROWN, GOLDEN, OCHRE, SAGE),
    Theme(WHITE, MIST, NAVY, COBALT, NAVY, AQUA, AZURE, CORAL),
    Theme(PEARL, WHITE, SLATE, COBALT, MIDNIGHT, GOLDEN, AZURE, GOLDEN),
    Theme(PAPER, WHITE, PINE, RUST, PINE, PEACH, SAGE, OCHRE),
    Theme(MINT, WHITE, PINE, JADE, PINE, LIME, OCHRE, CORAL),
    Theme(BLUSH, WHITE, BURGUNDY, BURGUNDY, PLUM, PEACH, ROSE, OCHRE),
    Theme(LILAC, WHITE, INDIGO, VIOLET, INDIGO, GOLDEN, ROSE, AZURE),
    Theme(SAND, IVORY, BROWN, TEAL, TEAL, CHICK, OCHRE, CORAL),
    Theme(WHITE, PEARL, BLACK, VERMILION, BLACK, CORAL, CHARCOAL, GOLDEN),
    Theme(CHICK, WHITE, CHARCOAL, RUST, MOSS, GOLDEN, OCHRE, SAGE),
    Theme(CELADON, WHITE, PINE, TEAL, PINE, CHICK, JADE, OCHRE),
    Theme(SKY, WHITE, NAVY, INDIGO, NAVY, GOLDEN, COBALT, CORAL),
    Theme(NIGHT, GRAPHITE, PEARL, AQUA, MIDNIGHT, AQUA, CORAL, GOLDEN),
    Theme(MIDNIGHT, NAVY, MIST, GOLDEN, NIGHT, GOLDEN, AZURE, CORAL),
    Theme(FOREST, PINE, IVORY, LIME, NIGHT, LIME, SAGE, GOLDEN),
    Theme(COCOA, BROWN, SAND, PEACH, BLACK, GOLDEN, CORAL, OCHRE),
    Theme(PLUM, INDIGO, LILAC, GOLDEN, MIDNIGHT, PEACH, ROSE, AQUA),
    Theme(BURGUNDY, PLUM, IVORY, PEACH, NIGHT, PEACH, ROSE, GOLDEN),
)


@cache
def scheme(theme: Theme, fill: str) -> Scheme:
    """The inks on the ground that `fill` names: "page", "card", "bold" or "deep"."""
    inks: tuple[Color, ...]
    accents: tuple[Color, ...]
    match fill:
        case "page":
            ground, inks, accents = theme.ground, (theme.ink,), (theme.accent,)
        case "card":
            ground, inks, accents = theme.surface, (theme.ink,), (theme.accent,)
        case "bold":
            ground = theme.accent
            inks = (theme.surface, theme.ground, WHITE, theme.deep, BLACK) if not theme.dark else (theme.deep, BLACK)
            accents = (theme.bright, CHICK, *inks)
        case "deep":
            ground, inks, accents = theme.deep, (theme.ground, theme.surface, WHITE), (theme.bright,)
            inks = (theme.ink, WHITE) if theme.dark else inks
        case _:
            raise ValueError(fill)  # a fault of ours: `template` knows only FILLS
    ink, accent = (next(c for c in among if _ratio(c.rgb, ground.rgb) >= READABLE) for among in (inks, accents))
    muted = next(
        mixed
        for share in (0.66, 0.72, 0.78, 0.84, 0.9, 1.0)
        if _ratio(mixed := mix(ink.rgb, ground.rgb, share), ground.rgb) >= READABLE + 0.1 or share == 1.0
    )
    ends = (mix(ground.rgb, other.rgb, 0.62) for other in (theme.deep, theme.accent, theme.second))
    inks_all = (ink.rgb, muted, accent.rgb)
    far = next((end for end in ends if min(_ratio(one, end) for one in inks_all) > READABLE + 0.2), ground.rgb)
    return Scheme(ground, ink, muted, accent, mix(ink.rgb, ground.rgb, 0.18), mix(ink.rgb, ground.rgb, 0.06), far)


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """A colour between two; `share` of `one`."""
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _ratio(ink: RGB, ground: RGB) -> float:
    return contrast(ink, np.array([[ground]], dtype=np.uint8))


@dataclass(frozen=True)
class Pairing:
    """The faces of a page: of headings, of text, of text that stands out, and of figures in receipts."""

    heading: FontFace
    body: FontFace
    strong: FontFace
    figures: FontFace


def choose_pairing(rng: random.Random, faces: Sequence[FontFace], script: str) -> Pairing:
    """A pairing for `script`: text without serifs two times of three, headings bold, of the same or another family.

    Raises:
        RequestError: None of `faces` can set `script`.
    """
    able = [face for face in faces if not face.italic and suits(face, script)]
    if not able:
        raise RequestError(f"none of the {len(faces)} fonts can set {script} text; add one that can")
    text = [face for face in able if face.kind != "mono"] or able
    sans = [face for face in text if face.kind != "serif"]
    serif = [face for face in text if face.kind == "serif"]
    body = _regular(rng.choice(_designs(sans if sans and (not serif or rng.random() < 0.7) else serif)))
    bold = [face for face in (serif if serif and rng.random() < 0.5 else text) if face.bold] or text
    heading = rng.choice(rng.choice(_designs(bold)))
    kin = [face for face in bold if face.family == body.family]
    # Two different faces with serifs quarrel; often one family does for all.
    if kin and (rng.random() < 0.45 or body.kind == heading.kind == "serif"):
        heading = kin[0]
    mono = [face for face in able if face.kind == "mono"]
    figures = _regular(rng.choice(_designs(mono))) if mono else body
    return Pairing(heading, body, _bold(body, able), figures)


def _designs(faces: Sequence[FontFace]) -> list[list[FontFace]]:
    """Faces by design, each as often as another; of a design's regions one is enough."""
    families = {face.design: face.family for face in reversed(faces)}
    return [[face for face in faces if face.family == families[design]] for design in sorted(families)]


def _regular(family: list[FontFace]) -> FontFace:
    plain = ("Regular", "Book", "Roman", "Medium", "Normal")
    return min(family, key=lambda face: (face.style not in plain, face.bold, face.style))


def _bold(face: FontFace, among: Sequence[FontFace]) -> FontFace:
    kin = [other for other in among if other.family == face.family and other.bold]
    return min(kin, key=lambda other: len(other.style), default=face)
