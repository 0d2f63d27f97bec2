"""A page's tree of boxes as HTML with CSS (report section 3.4, complex rendering).

All lengths are rem, so that one number, the root's font size, makes a page smaller: it is the u of `boxes`. Texts carry
their number, so that the browser can say where each stands. Faces are named by the caller, who serves the files.
This module does not know browsers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from itertools import count

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.pages.boxes import PILL, Art, Box, Letters, Paint
from hanmo.data.synthesize.pages.flow import BALANCED

STYLE = """
html, body { margin: 0; padding: 0; background: #fff; }
#page { overflow: hidden; }
#page * { box-sizing: border-box; margin: 0; flex-shrink: 0; }
.r, .c { display: flex; }
.c { flex-direction: column; }
.r > .g, .r > * { min-width: 0; }
.t { display: block; white-space: normal; overflow-wrap: normal; line-break: strict; font-synthesis: none; }
.t.whole { white-space: nowrap; }
.t.clauses { word-break: keep-all; overflow-wrap: break-word; }
.t.even { text-wrap: balance; }
.a { position: relative; overflow: hidden; }
.a svg { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
"""
_FLEX = {"start": "flex-start", "end": "flex-end", "center": "center", "stretch": "stretch", "between": "space-between"}
_FIT = {"cover": "xMidYMid slice", "contain": "xMidYMid meet", "stretch": "none"}
Name = Callable[[FontFace], str]


def page_html(root: Box, width: int, height: int, name: Name) -> str:
    """The markup of a page.

    Args:
        root: Its tree.
        width: pixels.
        height: pixels.
        name: The CSS family under which a face is served.
    """
    numbers = count()

    def box(one: Box, flow: str) -> str:
        if flow == "row" and one.grow and any(one.pad):
            # CSS adds padding to a share of a row; here it is part of it.
            inner = box(replace(one, grow=1.0), "column")
            return f'<div class="c" style="flex:{one.grow:g} 0 0">{inner}</div>'
        style = [*_size(one, flow), *(_paint(one.paint) if one.paint else ())]
        if any(one.pad):
            style.append("padding:" + " ".join(f"{side:g}rem" for side in one.pad))
        if one.letters is not None:
            return _text(one.letters, style, next(numbers), name)
        if one.art is not None:
            return f'<div class="a" style="{";".join(style)}">{_svg(one.art)}</div>'
        style += [f"gap:{one.gap:g}rem", f"align-items:{_FLEX[one.align]}", f"justify-content:{_FLEX[one.justify]}"]
        inner = "".join(box(child, one.flow) for child in one.children)
        return f'<div class="{one.flow[0]}" style="{";".join(style)}">{inner}</div>'

    return f'<div id="page" class="c" style="width:{width}px;height:{height}px">{box(_filling(root), "column")}</div>'


def _filling(root: Box) -> Box:
    """The root takes the whole page."""
    return replace(root, grow=1.0)


def _size(box: Box, flow: str) -> list[str]:
    style = []
    if box.width is not None:
        style.append(f"width:{box.width:g}rem")
    if box.height is not None:
        style.append(f"height:{box.height:g}rem")
    if box.grow:
        # As in `flow`: along a row a share is all there is, along a column it is added to the content.
        style.append(f"flex:{box.grow:g} 0 {'0' if flow == 'row' else 'auto'}")
    return style


def _text(letters: Letters, style: list[str], number: int, name: Name) -> str:
    even = letters.align == "centre" or letters.role in BALANCED
    kind = " whole" if letters.whole else " even" if even else ""
    kind += " clauses" if letters.clauses else ""
    style = [
        *style,
        f"font-family:'{name(letters.face)}'",
        f"font-size:{letters.size:g}rem",
        f"line-height:{letters.leading:g}",
        f"color:{_hex(letters.color)}",
        f"text-align:{'center' if letters.align == 'centre' else letters.align}",
    ]
    if letters.spacing:
        style.append(f"letter-spacing:{letters.spacing:g}em")
    language = "zh-CN" if letters.script == "zh" else "en"
    head = f'<div class="t{kind}" lang="{language}" data-n="{number}" style="{";".join(style)}">'
    return f"{head}{escape(letters.text)}</div>"


def _paint(paint: Paint) -> list[str]:
    style = []
    if paint.dash:
        color = _hex(paint.color or (0, 0, 0))
        # Dashes along the longer side: a gradient that repeats both ways shows only along it in a thin box.
        return [f"background:repeating-linear-gradient(90deg,{color} 0 .88rem,transparent .88rem 1.6rem)"]
    if paint.color is not None and paint.second is not None:
        style.append(f"background:linear-gradient(to bottom right,{_hex(paint.color)},{_hex(paint.second)})")
    elif paint.color is not None:
        style.append(f"background:{_hex(paint.color)}")
    if paint.radius:
        style.append("border-radius:" + ("999rem" if paint.radius >= PILL else f"{paint.radius:g}rem"))
    shadows = []
    if paint.border is not None:
        shadows.append(f"inset 0 0 0 max(1px,{paint.thick:g}rem) {_hex(paint.border)}")
    if paint.shadow:
        shadows.append("0 .6rem 2rem rgba(15,15,25,.16)")
    if shadows:
        style.append("box-shadow:" + ",".join(shadows))
    return style


def _svg(art: Art) -> str:
    parts = []
    for shape in art.shapes:
        points = " ".join(f"{1000 * x:.2f},{1000 * y:.2f}" for x, y in shape.points)
        if shape.line:
            stroke = f'fill="none" stroke="{_hex(shape.color)}" stroke-linecap="round" stroke-linejoin="round"'
            width = f'style="stroke-width:{shape.line:g}rem" vector-effect="non-scaling-stroke"'
            parts.append(f'<polyline points="{points}" {stroke} {width}/>')
        else:
            parts.append(f'<polygon points="{points}" fill="{_hex(shape.color)}"/>')
    return f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="{_FIT[art.fit]}">{"".join(parts)}</svg>'


def _hex(color: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
