"""Blocks of screens and pictures: navigation bars, forms, switches, goods, art, bar codes (report section 3.4).

This module does not know where a block will stand.
"""

from __future__ import annotations

import random
from dataclasses import replace

from hanmo.data.synthesize.pages.art import PICTURES, picture
from hanmo.data.synthesize.pages.blocks_text import tint
from hanmo.data.synthesize.pages.boxes import PILL, Art, Box, Paint
from hanmo.data.synthesize.pages.document import Block
from hanmo.data.synthesize.pages.icons import ICONS, bar_code, icon
from hanmo.data.synthesize.pages.setting import FLEX, SIZES, Setting, bar
from hanmo.data.synthesize.pages.theme import mix


def nav(block: Block, s: Setting) -> Box:
    """A navigation bar: a mark and the name on the left, links on the right."""
    first = sum(map(ord, s.seed)) % len(ICONS)
    mark = Box("art", art=icon(ICONS[first], s.scheme.accent.rgb, s.scheme.ground.rgb), width=3.0, height=3.0)
    name = s.text(block.lead[0], SIZES["lead"], None, "heading", whole=True, leading=1.3)
    links = tuple(
        s.text(
            link,
            SIZES["small"],
            s.scheme.muted if index else s.scheme.accent.rgb,
            "body" if index else "strong",
            whole=True,
        )
        for index, (link, *_) in enumerate(block.rows)
    )
    brand = Box("row", (mark, name), gap=1.2, align="center")
    return Box("row", (brand, Box("row", links, gap=3.0, align="center")), justify="between", align="center", gap=2.5)


def tabs(block: Block, s: Setting) -> Box:
    """Tabs; the first is chosen and underlined."""
    made = []
    for index, (name, *_) in enumerate(block.rows):
        color = s.scheme.muted if index else s.scheme.accent.rgb
        label = s.text(name, SIZES["small"], color, "body" if index else "strong", whole=True, align="centre")
        under = bar(s.scheme.line if index else s.scheme.accent.rgb, height=0.15 if index else 0.35)
        made.append(Box("column", (label, under), gap=0.9, grow=1.0, justify="between"))
    return Box("row", tuple(made))


def bottom(block: Block, s: Setting) -> Box:
    """The bar at the bottom of a phone's screen: icons with a word under each, the first chosen."""
    made = []
    for index, (name, *_) in enumerate(block.rows):
        color = s.scheme.muted if index else s.scheme.accent.rgb
        mark = Box(
            "art",
            art=icon(("house", "lens", "heart", "star")[index % 4], color, s.scheme.ground.rgb),
            width=3.2,
            height=3.2,
        )
        label = s.text(
            name, SIZES["tiny"], color, "body" if index else "strong", whole=True, align="centre", leading=1.3
        )
        made.append(Box("column", (Box("row", (mark,), justify="center"), label), gap=0.5, grow=1.0))
    return Box("row", tuple(made))


def search(block: Block, s: Setting) -> Box:
    """A field to search in."""
    mark = Box("art", art=icon("lens", s.scheme.muted, tint(s)), width=2.4, height=2.4)
    words = s.text(
        block.rows[0][0],
        SIZES["body"],
        s.scheme.muted if s.fill != "page" else s.scheme.ink.rgb,
        grow=1.0,
        align="left",
        leading=1.35,
    )
    return Box(
        "row", (mark, words), gap=1.4, align="center", pad=(1.3, 2.2, 1.3, 2.2), paint=Paint(tint(s), radius=PILL)
    )


def fields(block: Block, s: Setting) -> Box:
    """A form: a name over each field with a value in it."""
    made = []
    for name, value, *_ in block.rows:
        label = s.text(name, SIZES["small"], None, "strong", align="left", leading=1.35)
        entry = s.text(
            value,
            SIZES["body"],
            s.scheme.muted,
            align="left",
            leading=1.35,
            pad=(1.2, 1.8, 1.2, 1.8),
            paint=Paint(None, radius=0.9, border=s.scheme.line, thick=0.2),
        )
        made.append(Box("column", (label, entry), gap=0.8))
    return Box("column", tuple(made), gap=1.9)


def settings(block: Block, s: Setting) -> Box:
    """Names with a switch each; the row's second part says "on" or "off"."""
    made: list[Box] = []
    for index, (name, state, *_) in enumerate(block.rows):
        if index:
            made.append(bar(s.scheme.line, height=0.15))
        on = state == "on"
        ground = s.scheme.accent.rgb if on else mix(s.scheme.ink.rgb, s.scheme.ground.rgb, 0.28)
        knob = bar(s.scheme.ground.rgb, width=2.3, height=2.3, radius=PILL)
        switch = Box(
            "row",
            (knob,),
            width=5.4,
            height=3.0,
            pad=(0.35, 0.35, 0.35, 0.35),
            justify="end" if on else "start",
            paint=Paint(ground, radius=PILL),
        )
        made.append(
            Box(
                "row",
                (s.text(name, SIZES["body"], grow=1.0, align="left"), switch),
                gap=2.0,
                align="center",
                pad=(1.2, 0.0, 1.2, 0.0),
            )
        )
    return Box("column", tuple(made))


def goods(block: Block, s: Setting) -> Box:
    """Cards of goods with a picture, a name and a price, side by side."""
    inner = Setting(s.theme, s.pairing, s.script, "card" if s.fill == "page" else s.fill, s.align, s.seed, s.role)
    names = tuple(PICTURES)
    first = sum(map(ord, s.seed)) % len(names)
    made = []
    for index, (name, about, price, *_) in enumerate(block.rows):
        art = picture(names[(first + index) % len(names)], s.theme, f"{s.seed} {index}")
        words = (
            inner.text(name, SIZES["body"], None, "strong", align="left", leading=1.3),
            inner.text(about, SIZES["tiny"], inner.scheme.muted, align="left", leading=1.35),
            inner.text(
                price, SIZES["lead"], inner.scheme.accent.rgb, "heading", align="left", whole=True, leading=1.35
            ),
        )
        made.append(
            Box(
                "column",
                (
                    replace(_art(art, float(block.options.get("height", "13")), 1.0), grow=1.0),
                    Box("column", words[:2], gap=0.4, pad=(1.5, 0.6, 0.8, 0.6)),
                    Box("column", words[2:], pad=(0.0, 0.6, 0.6, 0.6)),
                ),
                pad=(1.0, 1.0, 1.0, 1.0),
                grow=1.0,
                paint=Paint(inner.scheme.ground.rgb, radius=1.7, border=inner.scheme.line, thick=0.16),
            )
        )
    return Box("row", tuple(made), gap=1.8)


def art(block: Block, s: Setting) -> Box:
    """A procedural picture at least `height` high; it takes what else the page can give where it grows."""
    name = block.options.get("art") or art_name(s.seed)
    return _art(
        picture(name, s.theme, s.seed),
        float(block.options.get("height", "16")),
        float(block.options.get("radius", "1.6")),
    )


def art_name(seed: str) -> str:
    """Which picture a page with this seed shows."""
    return random.Random(f"picture {seed}").choice(tuple(PICTURES))


def barcode(block: Block, s: Setting) -> Box:
    """Bars in the ink of the text."""
    made = Box(
        "art",
        art=bar_code(random.Random(f"bars {s.seed}"), s.scheme.ink.rgb),
        height=float(block.options.get("height", "7")),
    )
    return Box("column", (made,))


def divider(block: Block, s: Setting) -> Box:
    """A line; `style` is hair, dash or short (thick, in the accent colour)."""
    match block.options.get("style", "hair"):
        case "dash":
            return Box("column", (Box("column", height=0.25, paint=Paint(s.scheme.muted, dash=True)),))
        case "stub":  # between the parts of a ticket, upright
            return Box("column", width=0.25, paint=Paint(s.scheme.muted, dash=True))
        case "short":
            mark = bar(s.scheme.accent.rgb, width=7.0, height=0.7)
            return Box("row", (mark,), justify=FLEX[s.align])
    return bar(s.scheme.line, height=0.15)


def space(block: Block, s: Setting) -> Box:
    """Nothing, `height` high; it grows where it is told to."""
    return Box("column", height=None if "grow" in block.options else float(block.options.get("height", "2")))


def _art(drawn: Art, height: float, radius: float) -> Box:
    """Art that covers a box at least `height` high."""
    spacer = Box("column", (Box("column", height=height),), width=0.0)
    return Box("row", (spacer, Box("art", art=drawn, grow=1.0, paint=Paint(None, radius=radius))))
