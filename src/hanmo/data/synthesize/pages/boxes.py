"""What a page is made of before it is drawn (report section 3.4, complex rendering).

A page is a tree of boxes that flow in rows and columns, as CSS's flexible boxes do: both painters, the one with
Pillow and the one in a browser, are given the same tree. All lengths are in units of the page ("u": a hundredth of
the root of its area, times the scale at which everything fits), so that one number makes a page smaller.
This module does not know themes, templates, pixels or captions. Colours are (red, green, blue) in 0-255.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.grounds import RGB

Point = tuple[float, float]
Sides = tuple[float, float, float, float]  # top, right, bottom, left
NONE: Sides = (0.0, 0.0, 0.0, 0.0)
PILL = 99.0  # a radius that is always half the shorter side


@dataclass(frozen=True)
class Letters:
    """A text in one face, size and colour; it is broken into lines where its box is narrower.

    Attributes:
        text: Visible characters and single spaces.
        face: The font.
        size: u per em.
        color: of the ink.
        script: "en" or "zh": how it is broken.
        leading: from one baseline to the next, in em.
        align: "left", "centre" or "right".
        spacing: added after every character, in em.
        role: The kind of block that it belongs to ("title", "table", ...).
        whole: It is never broken.
        clauses: Chinese is broken after marks alone, as long as each clause fits.
    """

    text: str
    face: FontFace
    size: float
    color: RGB
    script: str
    leading: float = 1.5
    align: Literal["left", "centre", "right"] = "left"
    spacing: float = 0.0
    role: str = "text"
    whole: bool = False
    clauses: bool = False


@dataclass(frozen=True)
class Shape:
    """A filled polygon, or a line along its points, in a square from 0 to 1; `line`: its thickness in u, 0: filled."""

    points: tuple[Point, ...]
    color: RGB
    line: float = 0.0


@dataclass(frozen=True)
class Art:
    """Shapes from back to front. The square covers its box, stands within it, or is stretched to its sides."""

    shapes: tuple[Shape, ...]
    fit: Literal["cover", "contain", "stretch"] = "cover"


@dataclass(frozen=True)
class Paint:
    """What is painted under a box's content.

    Attributes:
        color: of the ground; None: only the border.
        second: where a gradient from the top left to the bottom right ends.
        radius: of the corners, in u; `PILL` for half the shorter side.
        border: its colour.
        thick: the border's thickness, in u.
        shadow: a soft shadow under the box.
        dash: the box is a line of dashes along its longer side.
    """

    color: RGB | None = None
    second: RGB | None = None
    radius: float = 0.0
    border: RGB | None = None
    thick: float = 0.0
    shadow: bool = False
    dash: bool = False


@dataclass(frozen=True)
class Box:
    """A box: a row or column of others, a text, or art.

    A box is as wide and high as its content, unless `width` or `height` say otherwise (u). What a row has left over
    is shared by those of its children that grow, and these are as wide as their share whatever they hold; in a
    column a share is added to the child's own height.

    Attributes:
        flow: What it holds.
        children: of a row or column.
        letters: of a text.
        art: of a picture.
        width: in u.
        height: in u.
        grow: its share of what is left over along its parent.
        gap: between children, in u.
        pad: between its sides and its content, in u.
        align: of children across the flow.
        justify: of children along the flow, where none grows.
        paint: under it.
    """

    flow: Literal["row", "column", "text", "art"]
    children: tuple[Box, ...] = ()
    letters: Letters | None = None
    art: Art | None = None
    width: float | None = None
    height: float | None = None
    grow: float = 0.0
    gap: float = 0.0
    pad: Sides = NONE
    align: Literal["start", "center", "end", "stretch"] = "stretch"
    justify: Literal["start", "center", "end", "between"] = "start"
    paint: Paint | None = None


def texts(box: Box) -> Iterator[Letters]:
    """Every text of a tree, in order."""
    if box.letters is not None:
        yield box.letters
    for child in box.children:
        yield from texts(child)
