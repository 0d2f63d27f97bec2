"""Blocks that hold figures: tables, charts, key figures, programmes, price lists, bills (report section 3.4).

Charts are made of the same boxes as all else, so that bars are as long as their values and labels are real text.
This module does not know where a block will stand.
"""

from __future__ import annotations

import re

from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.pages.blocks_text import detail
from hanmo.data.synthesize.pages.boxes import PILL, Box, Paint
from hanmo.data.synthesize.pages.document import Block
from hanmo.data.synthesize.pages.icons import curve as curve_art
from hanmo.data.synthesize.pages.icons import donut as donut_art
from hanmo.data.synthesize.pages.setting import SIZES, Align, Setting, bar
from hanmo.data.synthesize.pages.theme import mix

_FIGURE = re.compile(r"[\d$¥+\-–.,:%″′°k ]+(?:万|min|分钟|C)?")


def table(block: Block, s: Setting) -> Box:
    """A table; `style` is lines, zebra or solid (a filled head)."""
    style = block.options.get("style", "lines")
    widths = _shares((block.lead, *block.rows))
    # Figures stand at the right edge, but not beside a column of words that begins there.
    figures = all(_FIGURE.fullmatch(cell) for row in block.rows for cell in row[1:])
    aligns: list[Align] = ["right" if figures and index else "left" for index in range(len(block.lead))]
    bold = Setting(
        s.theme, s.pairing, s.script, "bold" if s.fill in ("page", "card") else s.fill, s.align, s.seed, s.role
    )
    solid = style == "solid"
    pad = (1.15, 1.6, 1.15, 1.6)
    head = Box(
        "row",
        tuple(
            (bold if solid else s).text(
                cell, SIZES["small"], None if solid else s.scheme.accent.rgb, "strong", align=align, grow=width
            )
            for cell, align, width in zip(block.lead, aligns, widths, strict=True)
        ),
        gap=1.6,
        pad=pad,
        align="center",
        paint=Paint(bold.scheme.ground.rgb, radius=0.8) if solid else None,
    )
    parts = [head] if solid else [head, bar(s.scheme.accent.rgb, height=0.25)]
    for number, cells in enumerate(block.rows):
        made = tuple(
            s.text(cell, SIZES["body"], None, "body" if index else "strong", align=align, grow=width)
            for index, (cell, align, width) in enumerate(zip(cells, aligns, widths, strict=True))
        )
        shaded = style == "zebra" and number % 2 == 0
        parts.append(
            Box(
                "row",
                made,
                gap=1.6,
                pad=pad,
                align="center",
                paint=Paint(s.scheme.soft, radius=0.6) if shaded else None,
            )
        )
        if style == "lines" and number < len(block.rows) - 1:
            parts.append(bar(s.scheme.line, height=0.15))
    return Box("column", tuple(parts), gap=0.3 if solid else 0.0)


def columns(block: Block, s: Setting) -> Box:
    """A chart of upright bars with their values over and labels under them; the lead is its title."""
    values = _values(block)
    most = max(values)
    tone = s.scheme.accent.rgb
    made = []
    for (label, value, *_), number in zip(block.rows, values, strict=True):
        color = tone if number == most else mix(tone, s.scheme.ground.rgb, 0.5)
        made.append(
            Box(
                "column",
                (
                    Box("column", grow=most - number + 0.001),
                    s.text(value, SIZES["small"], None, "strong", align="centre", leading=1.3, whole=True),
                    Box("column", height=0.5),
                    Box("column", grow=number, paint=Paint(color, radius=0.5)),
                    Box("column", height=0.8),
                    s.text(label, SIZES["small"], s.scheme.muted, align="centre", leading=1.3, whole=True),
                ),
                grow=1.0,
            )
        )
    chart = Box("row", tuple(made), gap=1.1, grow=1.0)
    space = Box("column", height=float(block.options.get("height", "16")))
    # The chart is at least as high as its space asks and takes what else the page can give.
    body = Box("row", (Box("column", (space,), width=0.0), chart), grow=1.0)
    return _chart(block, s, body)


def bars(block: Block, s: Setting) -> Box:
    """A chart of lying bars between their labels and values."""
    values = _values(block)
    most = max(values)
    tone = s.scheme.accent.rgb
    made = []
    for (label, value, *_), number in zip(block.rows, values, strict=True):
        track = Box(
            "row",
            (
                Box(
                    "column",
                    grow=number,
                    paint=Paint(tone if number == most else mix(tone, s.scheme.ground.rgb, 0.5), radius=PILL),
                ),
                Box("column", grow=most - number + 0.001),
            ),
            height=1.9,
            grow=5.0,
            paint=Paint(s.scheme.soft, radius=PILL),
        )
        label_box = s.text(label, SIZES["small"], grow=2.1, align="left", leading=1.3, whole=True)
        figure = s.text(value, SIZES["small"], None, "strong", grow=0.8, align="right", leading=1.3, whole=True)
        made.append(Box("row", (label_box, track, figure), gap=1.6, align="center"))
    return _chart(block, s, Box("column", tuple(made), gap=1.7, grow=1.0, justify="between"))


def donut(block: Block, s: Setting) -> Box:
    """A ring chart and its legend."""
    colors = series(s, len(block.rows))
    ring = Box("art", art=donut_art(_values(block), colors), width=16.0, height=16.0)
    legend = tuple(
        Box(
            "row",
            (
                bar(color, width=1.6, height=1.6, radius=0.4),
                s.text(label, SIZES["small"], grow=1.0, align="left", leading=1.3, whole=True),
                s.text(value, SIZES["small"], None, "strong", whole=True, leading=1.3),
            ),
            gap=1.3,
            align="center",
        )
        for (label, value, *_), color in zip(block.rows, colors, strict=True)
    )
    return _chart(
        block, s, Box("row", (ring, Box("column", legend, gap=1.1, grow=1.0)), gap=3.2, align="center", grow=1.0)
    )


def curve(block: Block, s: Setting) -> Box:
    """A chart of one line over its area, labels under it and values under those."""
    tone, ground = s.scheme.accent.rgb, s.scheme.ground.rgb
    art = curve_art(_values(block), tone, mix(tone, ground, 0.16), s.scheme.line)
    height = float(block.options.get("height", "14"))
    labels = tuple(
        Box(
            "column",
            (
                s.text(value, SIZES["small"], None, "strong", align="centre", leading=1.3, whole=True),
                s.text(label, SIZES["small"], s.scheme.muted, align="centre", leading=1.3, whole=True),
            ),
            gap=0.2,
            grow=1.0,
        )
        for label, value, *_ in block.rows
    )
    space = Box("column", (Box("column", height=height),), width=0.0)
    body = Box(
        "column", (Box("row", (space, Box("art", art=art, grow=1.0)), grow=1.0), Box("row", labels)), gap=1.0, grow=1.0
    )
    return _chart(block, s, body)


def stats(block: Block, s: Setting) -> Box:
    """Key figures with a word under each, side by side; `boxed=yes` each on a card, `style=list` one under another."""
    boxed = block.options.get("boxed") == "yes"
    inner = Setting(
        s.theme, s.pairing, s.script, "card" if boxed and s.fill == "page" else s.fill, s.align, s.seed, s.role
    )
    size = SIZES[block.options.get("size", "h2")]
    made = tuple(
        Box(
            "column",
            (
                inner.text(value, size, inner.scheme.accent.rgb, "heading", whole=True, leading=1.15),
                inner.text(label, SIZES["small"], inner.scheme.muted, leading=1.35),
            ),
            gap=0.5,
            grow=1.0,
            pad=(2.0, 2.0, 2.0, 2.0) if boxed else (0.0, 0.0, 0.0, 0.0),
            paint=Paint(inner.scheme.ground.rgb, radius=1.4, border=inner.scheme.line, thick=0.16) if boxed else None,
        )
        for value, label, *_ in block.rows
    )
    if block.options.get("style") == "list":
        return Box("column", made, gap=2.6, justify="between")
    return Box("row", made, gap=1.8 if boxed else 2.4)


def events(block: Block, s: Setting) -> Box:
    """A programme: hours on the left, what happens on the right."""
    made: list[Box] = []
    for index, (hour, what, *_) in enumerate(block.rows):
        if index:
            made.append(bar(s.scheme.line, height=0.15))
        cells = (
            Box(
                "column",
                (s.text(hour, SIZES["lead"], s.scheme.accent.rgb, "heading", whole=True, align="left", leading=1.35),),
                width=10.5,
            ),
            s.text(what, SIZES["body"], grow=1.0, align="left"),
        )
        made.append(Box("row", cells, gap=1.5, pad=(1.15, 0.0, 1.15, 0.0), align="center"))
    return Box("column", tuple(made))


def details(block: Block, s: Setting) -> Box:
    """Names and values in two columns; `style=spread` the values at the right edge."""
    spread = block.options.get("style") == "spread"
    made = []
    for name, value, *_ in block.rows:
        left = detail(name, s, muted=True)
        if spread:
            made.append(
                Box(
                    "row",
                    (left, s.text(value, SIZES["body"], None, "strong", grow=1.0, align="right")),
                    gap=2.0,
                    align="center",
                )
            )
        else:
            made.append(Box("column", (left, detail(value, s, voice="strong")), gap=0.2, grow=1.0))
    if spread:
        return Box("column", tuple(made), gap=0.9)
    return Box("row", tuple(made), gap=2.4)


def prices(block: Block, s: Setting) -> Box:
    """A list of goods: name and price on a line, a note under them; `style=plain` without hairlines."""
    made: list[Box] = []
    for index, (name, about, price, *_) in enumerate(block.rows):
        if index and block.options.get("style") != "plain":
            made.append(bar(s.scheme.line, height=0.15))
        top = (
            s.text(name, SIZES["lead"], None, "heading", grow=1.0, align="left", leading=1.3),
            s.text(price, SIZES["lead"], s.scheme.accent.rgb, "strong", whole=True, leading=1.3),
        )
        under = s.text(about, SIZES["small"], s.scheme.muted, align="left", leading=1.35)
        made.append(Box("column", (Box("row", top, gap=2.0), under), gap=0.3))
    return Box("column", tuple(made), gap=1.5, justify="between")


def lines(block: Block, s: Setting) -> Box:
    """Lines of a bill: what, and how much; `size` and `tone=strong` for sums."""
    size = SIZES[block.options.get("size", "body")]
    voice = "strong" if block.options.get("tone") == "strong" else "body"
    made = []
    for name, _, price, *_ in block.rows:
        cells = (
            s.text(name, size, None, "strong" if voice == "strong" else "body", grow=1.0, align="left", leading=1.35),
            s.text(
                price, size, None, "strong" if voice == "strong" else "body", whole=True, align="right", leading=1.35
            ),
        )
        made.append(Box("row", cells, gap=2.0))
    return Box("column", tuple(made), gap=0.9)


def seats(block: Block, s: Setting) -> Box:
    """Small names over large values, side by side: row, seat, gate."""
    made = tuple(
        Box(
            "column",
            (
                s.text(name, SIZES["small"], s.scheme.muted, whole=True, leading=1.3),
                s.text(value, SIZES["h2"], None, "heading", whole=True, leading=1.15),
            ),
            gap=0.2,
            grow=1.0,
        )
        for name, value in zip(block.lead, block.rows[0], strict=False)
    )
    return Box("row", made, gap=2.0)


def series(s: Setting, count: int) -> tuple[RGB, ...]:
    """Colours for the pieces of a chart."""
    base = (s.scheme.accent.rgb, s.theme.second.rgb, s.theme.third.rgb)
    ground = s.scheme.ground.rgb
    return tuple(base[index % 3] if index < 3 else mix(base[index % 3], ground, 0.5) for index in range(count))


def _chart(block: Block, s: Setting, body: Box) -> Box:
    if not block.lead:
        return body
    head = s.text(block.lead[0], SIZES["lead"], None, "heading", align="left", leading=1.3)
    return Box("column", (head, body), gap=2.0, grow=1.0)


def _values(block: Block) -> list[float]:
    return [float(re.sub(r"[^\d.]", "", row[1])) for row in block.rows]


def _shares(rows: tuple[tuple[str, ...], ...]) -> list[float]:
    """The widths of a table's columns: by their longest cells, but none is a sliver."""
    longest = [
        max(sum(2 if ord(char) > 0x2E80 else 1 for char in row[index]) for row in rows) for index in range(len(rows[0]))
    ]
    return [max(4.0, float(length)) + 1.5 for length in longest]
