"""From the blocks of a document to its tree of boxes (report section 3.4, complex rendering).

Containers set the ground on which their blocks stand and how their texts are aligned; a leaf's box comes from the
function that is named after its kind. This module does not know pixels or captions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hanmo.data.synthesize.pages import blocks_data, blocks_screen, blocks_text
from hanmo.data.synthesize.pages.boxes import NONE, Box, Paint, Sides
from hanmo.data.synthesize.pages.document import Block, Document
from hanmo.data.synthesize.pages.setting import Align, Setting
from hanmo.data.synthesize.pages.template import CONTAINERS
from hanmo.data.synthesize.pages.theme import Scheme

BUILDERS: dict[str, Callable[[Block, Setting], Box]] = {
    **{
        build.__name__: build
        for build in (
            *(blocks_text.kicker, blocks_text.title, blocks_text.heading, blocks_text.subtitle, blocks_text.text),
            *(blocks_text.note, blocks_text.bullets, blocks_text.numbered, blocks_text.features, blocks_text.quote),
            *(blocks_text.tags, blocks_text.badge, blocks_text.button, blocks_text.footer),
            *(blocks_data.table, blocks_data.columns, blocks_data.bars, blocks_data.donut, blocks_data.curve),
            *(blocks_data.stats, blocks_data.events, blocks_data.details, blocks_data.prices, blocks_data.lines),
            *(blocks_data.seats, blocks_screen.nav, blocks_screen.tabs, blocks_screen.bottom, blocks_screen.search),
            *(blocks_screen.fields, blocks_screen.settings, blocks_screen.goods, blocks_screen.barcode),
            *(blocks_screen.divider, blocks_screen.space),
        )
    },
    "picture": blocks_screen.art,
}


def compose(document: Document) -> Box:
    """The tree of boxes of a page; its root fills the page."""
    setting = Setting(
        document.theme,
        document.pairing,
        document.script,
        seed=document.seed,
        slip=document.kind == "receipt",
        graded=document.graded,
    )
    ground = document.root.options.get("fill", "page")
    root = _box(document.root, replace(setting, fill=ground), 0)
    if root.paint is None:
        root = replace(root, paint=Paint(replace(setting, fill=ground).scheme.ground.rgb))
    return root


def _box(block: Block, setting: Setting, number: int) -> Box:
    options = block.options
    fill = options.get("fill", "card" if block.kind == "card" else setting.fill)
    align: Align = {"left": "left", "centre": "centre", "right": "right"}.get(
        options.get("text", setting.align), "left"
    )  # type: ignore[assignment]
    inner = replace(setting, fill=fill, align=align, role=block.kind, seed=f"{setting.seed}.{number}")
    if block.kind not in CONTAINERS:
        box = BUILDERS[block.kind](block, inner)
    else:
        children = tuple(_box(child, inner, index) for index, child in enumerate(block.children))
        box = Box(
            "row" if block.kind == "row" else "column",
            children,
            gap=float(options.get("gap", "2.4")),
            align=options.get("align", "stretch"),  # type: ignore[arg-type]
            justify=options.get("justify", "start"),  # type: ignore[arg-type]
        )
    if block.kind == "card" or (block.kind in CONTAINERS and ("fill" in options or "shadow" in options)):
        box = replace(box, paint=_ground(block, inner))
    if "grow" in options:
        box = replace(box, grow=float(options["grow"]))
    if "width" in options:
        box = replace(box, width=float(options["width"]))
    if "height" in options and block.kind in CONTAINERS:
        box = replace(box, height=float(options["height"]))
    if "pad" in options or block.kind == "card":
        box = replace(box, pad=_sides(options.get("pad", "2.6")))
    return box


def shaded(block: Block, colors: Scheme, *, graded: bool) -> bool:
    """Whether a container's ground is a gradient."""
    return graded and "shade" in block.options and colors.far != colors.ground.rgb


def _ground(block: Block, setting: Setting) -> Paint:
    bordered = block.kind == "card" and setting.fill == "card" and "shadow" not in block.options
    return Paint(
        setting.scheme.ground.rgb,
        setting.scheme.far if shaded(block, setting.scheme, graded=setting.graded) else None,
        radius=float(block.options.get("radius", "1.8" if block.kind == "card" else "0")),
        border=setting.scheme.line if bordered else None,
        thick=0.16,
        shadow="shadow" in block.options,
    )


def _sides(text: str) -> Sides:
    """Padding as CSS writes it: "4", "4,6" (over and under, beside) or "4,6,2,6" (clockwise from the top)."""
    numbers = [float(part) for part in text.split(",")]
    match numbers:
        case [one]:
            return one, one, one, one
        case [over, beside]:
            return over, beside, over, beside
        case [top, right, bottom, left]:
            return top, right, bottom, left
    return NONE
