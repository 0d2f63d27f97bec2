"""Blocks that are read: titles, paragraphs, lists, quotations, badges, footers (report section 3.4, complex rendering).

Each function makes the box of one block from its texts and options. This module does not know where it will stand.
"""

from __future__ import annotations

from hanmo.data.synthesize.pages.boxes import PILL, Box, Paint
from hanmo.data.synthesize.pages.document import Block
from hanmo.data.synthesize.pages.icons import ICONS, icon
from hanmo.data.synthesize.pages.setting import FLEX, SIZES, Setting, Voice, bar
from hanmo.data.synthesize.pages.theme import mix, scheme


def kicker(block: Block, s: Setting) -> Box:
    """A small line of spaced letters over a title."""
    return s.text(
        block.rows[0][0],
        SIZES["small"],
        s.scheme.accent.rgb,
        "strong",
        spacing=0.12 if s.script == "en" else 0.1,
        whole=True,
    )


def title(block: Block, s: Setting) -> Box:
    """The page's title; `size` is a key of SIZES."""
    size = SIZES[block.options.get("size", "h1")]
    color = s.scheme.accent.rgb if block.options.get("tone") == "accent" else s.scheme.ink.rgb
    return s.text(block.rows[0][0], size, color, "heading")


def heading(block: Block, s: Setting) -> Box:
    """A heading within the page."""
    size = SIZES[block.options.get("size", "h3")]
    color = s.scheme.accent.rgb if block.options.get("tone") == "accent" else s.scheme.ink.rgb
    return s.text(block.rows[0][0], size, color, "heading", leading=1.25 if s.script == "en" else 1.35)


def subtitle(block: Block, s: Setting) -> Box:
    """What stands under a title, in quieter ink."""
    return s.text(block.rows[0][0], SIZES[block.options.get("size", "lead")], s.scheme.muted)


def text(block: Block, s: Setting) -> Box:
    """A paragraph."""
    return s.text(block.rows[0][0], SIZES[block.options.get("size", "body")])


def note(block: Block, s: Setting) -> Box:
    """A short line of small letters."""
    return s.text(block.rows[0][0], SIZES["small"], s.scheme.muted)


def bullets(block: Block, s: Setting) -> Box:
    """A list; `style` is dot, dash or check."""
    size = SIZES[block.options.get("size", "body")]
    line = size * (1.42 if s.script == "en" else 1.5)
    rows = []
    for point, *_ in block.rows:
        match block.options.get("style", "dot"):
            case "check":
                mark = Box("art", art=icon("check", s.scheme.accent.rgb, s.scheme.ground.rgb), width=size, height=line)
            case "dash":
                mark = _high(bar(s.scheme.accent.rgb, width=1.1 * size, height=0.12 * size), line)
            case _:
                mark = _high(bar(s.scheme.accent.rgb, width=0.42 * size, height=0.42 * size, radius=PILL), line)
        rows.append(Box("row", (mark, s.text(point, size, grow=1.0, align="left")), gap=1.5))
    return Box("column", tuple(rows), gap=0.62 * size)


def numbered(block: Block, s: Setting) -> Box:
    """Steps: a number in a disc, a name, a line about it; `style=row` sets them side by side."""
    steps = []
    bold = scheme(s.theme, "bold")
    for index, (name, about, *_) in enumerate(block.rows, 1):
        number = s.text(str(index), SIZES["body"], bold.ink.rgb, "strong", align="centre", leading=1.2, whole=True)
        disc = Box(
            "column", (number,), width=5.2, height=5.2, justify="center", paint=Paint(bold.ground.rgb, radius=PILL)
        )
        words = Box(
            "column",
            (
                s.text(name, SIZES["lead"], None, "heading", leading=1.3, align="left"),
                s.text(about, SIZES["small"], s.scheme.muted, align="left"),
            ),
            gap=0.4,
            grow=1.0,
        )
        if block.options.get("style") == "row":
            line = Box(
                "column",
                (
                    Box(
                        "row",
                        (disc, Box("column", (bar(s.scheme.line, height=0.25),), grow=1.0)),
                        gap=1.6,
                        align="center",
                    ),
                    _sized(words),
                ),
                gap=1.8,
                grow=1.0,
            )
            steps.append(line)
        else:
            steps.append(Box("row", (disc, words), gap=2.2, align="center"))
    if block.options.get("style") == "row":
        return Box("row", tuple(steps), gap=2.4)
    return Box("column", tuple(steps), gap=2.4, justify="between")


def features(block: Block, s: Setting) -> Box:
    """Cards with an icon, a name and a line each, side by side; `style=list` sets them one under another."""
    inner = Setting(s.theme, s.pairing, s.script, "card" if s.fill == "page" else s.fill, s.align, s.seed, s.role)
    cards = []
    first = sum(map(ord, s.seed)) % len(ICONS)
    for index, (name, about, *_) in enumerate(block.rows):
        mark = icon(ICONS[(first + index) % len(ICONS)], inner.scheme.accent.rgb, tint(inner))
        tile = Box(
            "column",
            (Box("art", art=mark, width=3.0, height=3.0),),
            width=6.0,
            height=6.0,
            justify="center",
            align="center",
            paint=Paint(tint(inner), radius=1.4),
        )
        words = (
            inner.text(name, SIZES["lead"], None, "heading", leading=1.3, align="left"),
            inner.text(about, SIZES["small"], inner.scheme.muted, align="left"),
        )
        paint = Paint(inner.scheme.ground.rgb, radius=1.6, border=inner.scheme.line, thick=0.16)
        if block.options.get("style") == "list":
            cards.append(
                Box(
                    "row",
                    (tile, Box("column", words, gap=0.4, grow=1.0)),
                    gap=2.2,
                    align="center",
                    pad=(1.8, 2.0, 1.8, 2.0),
                    paint=paint,
                )
            )
        else:
            cards.append(
                Box(
                    "column",
                    (Box("row", (tile,)), Box("column", words, gap=0.6)),
                    gap=1.8,
                    pad=(2.4, 2.2, 2.6, 2.2),
                    grow=1.0,
                    paint=paint,
                )
            )
    return Box("column" if block.options.get("style") == "list" else "row", tuple(cards), gap=1.8)


def quote(block: Block, s: Setting) -> Box:
    """A saying beside a bar, and who said it."""
    words, who, *_ = block.rows[0]
    texts = (
        s.text(
            words,
            SIZES[block.options.get("size", "h3")],
            None,
            "heading",
            leading=1.3 if s.script == "en" else 1.45,
            align="left",
        ),
        s.text(who, SIZES["small"], s.scheme.muted, align="left"),
    )
    return Box("row", (bar(s.scheme.accent.rgb, width=0.5), Box("column", texts, gap=1.2, grow=1.0)), gap=2.2)


def tags(block: Block, s: Setting) -> Box:
    """Pills with a word each."""
    pills = tuple(
        s.text(
            word,
            SIZES["small"],
            s.scheme.ink.rgb,
            whole=True,
            pad=(0.5, 1.6, 0.5, 1.6),
            leading=1.35,
            paint=Paint(tint(s), radius=PILL),
        )
        for word, *_ in block.rows
    )
    return Box("row", pills, gap=1.2, justify=FLEX[s.align])


def badge(block: Block, s: Setting) -> Box:
    """One pill in the accent colour."""
    bold = scheme(s.theme, "bold") if s.fill in ("page", "card") else None
    ground = bold.ground.rgb if bold else s.scheme.accent.rgb
    ink = bold.ink.rgb if bold else s.scheme.ground.rgb
    pill = s.text(
        block.rows[0][0],
        SIZES["small"],
        ink,
        "strong",
        whole=True,
        pad=(0.6, 1.9, 0.6, 1.9),
        leading=1.35,
        paint=Paint(ground, radius=PILL),
    )
    return Box("row", (pill,), justify=FLEX[s.align])


def button(block: Block, s: Setting) -> Box:
    """Buttons in a row: the first filled, the others outlined; `style=full` as wide as their place."""
    bold = scheme(s.theme, "bold") if s.fill in ("page", "card") else None
    made = []
    full = block.options.get("style") == "full"
    for index, (label, *_) in enumerate(block.rows):
        ground = bold.ground.rgb if bold else s.scheme.accent.rgb
        ink = bold.ink.rgb if bold else s.scheme.ground.rgb
        outline = index > 0
        paint = Paint(
            None if outline else ground, radius=1.2, border=s.scheme.accent.rgb if outline else None, thick=0.22
        )
        made.append(
            s.text(
                label,
                SIZES["body"],
                s.scheme.accent.rgb if outline else ink,
                "strong",
                align="centre",
                whole=True,
                pad=(1.25, 3.0, 1.25, 3.0),
                leading=1.3,
                grow=1.0 if full else 0.0,
                paint=paint,
            )
        )
    return Box("row", tuple(made), gap=1.6, justify=FLEX[s.align])


def footer(block: Block, s: Setting) -> Box:
    """Small texts along one line, spread over its length, under a hairline."""
    cells = tuple(s.text(cell, SIZES["tiny"], s.scheme.muted, whole=True) for (cell, *_) in block.rows)
    line = Box("row", cells, gap=2.0, justify="between" if len(cells) > 1 else FLEX[s.align])
    if block.options.get("style") == "plain":
        return line
    return Box("column", (bar(s.scheme.line, height=0.15), line), gap=1.3)


def tint(s: Setting) -> tuple[int, int, int]:
    """A faint mixture of the accent into the ground, on which all inks of the scheme still stand out."""
    return mix(s.scheme.accent.rgb, s.scheme.ground.rgb, 0.11)


def _high(mark: Box, line: float) -> Box:
    """A mark in the middle of the first line."""
    return Box("column", (mark,), height=line, justify="center", align="start")


def _sized(words: Box) -> Box:
    return Box("column", words.children, gap=words.gap)


def detail(text: str, s: Setting, *, voice: Voice = "body", muted: bool = False) -> Box:
    """A cell of a list of details."""
    return s.text(
        text, SIZES["small"] if muted else SIZES["body"], s.scheme.muted if muted else None, voice, align="left"
    )
