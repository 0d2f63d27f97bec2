"""Where every box and line of a page stands, without a browser (report section 3.4, complex rendering).

Rows and columns flow as CSS's flexible boxes do, in the subset that `boxes.Box` describes. Widths go down the tree,
heights come up, then everything is placed. What does not fit is not squeezed: it becomes a fault, and the caller
tries a smaller unit. This module does not know colours. Lengths here are pixels, as fractions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from PIL import ImageFont

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.lines import CLOSING, Token, break_lines, joined, tokens
from hanmo.data.synthesize.pages.boxes import Box, Letters

BALANCED = ("title", "subtitle", "quote")  # blocks whose lines are about equally long
SLACK = 0.6  # pixels that rounding may cost


@dataclass(frozen=True)
class Rect:
    """A rectangle: its left top corner, width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class SetLine:
    """One line of a text: where it begins, its baseline, pixels per em; `first` in its text."""

    text: str
    x: float
    y: float
    size: int
    letters: Letters
    first: bool


@dataclass
class Flowed:
    """A page as it flowed: painted boxes from back to front, lines in reading order, and what did not fit."""

    boxes: list[tuple[Box, Rect]] = field(default_factory=list)
    lines: list[SetLine] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def flow(root: Box, width: int, height: int, unit: float) -> Flowed:
    """`root` on a page of `width` x `height` pixels, `unit` pixels to the u."""
    setter = _Setter(unit)
    setter.place(root, Rect(0.0, 0.0, float(width), float(height)))
    return setter.flowed


@lru_cache(maxsize=512)
def font(face: FontFace, size: int) -> ImageFont.FreeTypeFont:
    """`face` at `size` pixels per em."""
    return ImageFont.truetype(str(face.path), size, index=face.index, layout_engine=ImageFont.Layout.RAQM)


@lru_cache(maxsize=200_000)
def advance(face: FontFace, size: int, text: str) -> float:
    """How far `text` moves the pen, without letter spacing."""
    return float(font(face, size).getlength(text))


def baseline(face: FontFace, size: int, leading: float) -> float:
    """From the top of a line to its baseline: what a font rises and falls stands in the middle of the leading."""
    rise, fall = font(face, size).getmetrics()
    return (leading * size - rise - fall) / 2 + rise


class _Setter:
    """Sets one page; remembers what it measured, since a box is asked for its height by all its ancestors."""

    def __init__(self, unit: float) -> None:
        self.unit = unit
        self.flowed = Flowed()
        self._heights: dict[tuple[int, int], float] = {}
        self._naturals: dict[int, float] = {}
        self._lines: dict[tuple[int, int], list[str] | None] = {}

    def place(self, box: Box, rect: Rect) -> None:
        if box.paint is not None or box.art is not None:
            self.flowed.boxes.append((box, rect))
        top, right, bottom, left = (side * self.unit for side in box.pad)
        inner = Rect(rect.x + left, rect.y + top, rect.width - left - right, rect.height - top - bottom)
        if box.flow == "text":
            self._set(box, inner)
        elif box.flow == "row":
            self._row(box, inner)
        elif box.flow == "column":
            self._column(box, inner)

    def _row(self, box: Box, inner: Rect) -> None:
        widths = self._widths(box, inner.width)
        used = sum(widths) + self._gaps(box)
        if used > inner.width + SLACK:
            self._fault(box, f"a row is {used - inner.width:.0f} px too wide")
        at, between = self._start(box, inner.width - used, grown=False)
        at += inner.x
        for child, width in zip(box.children, widths, strict=True):
            own = self._height(child, width)
            if own > inner.height + SLACK:
                self._fault(child, f"a box is {own - inner.height:.0f} px too high for its row")
            height = inner.height if box.align == "stretch" and child.height is None else own
            self.place(child, Rect(at, inner.y + _shift(box.align, inner.height - height), width, height))
            at += width + box.gap * self.unit + between

    def _column(self, box: Box, inner: Rect) -> None:
        widths = [self._across(box, child, inner.width) for child in box.children]
        heights = [self._height(child, width) for child, width in zip(box.children, widths, strict=True)]
        left = inner.height - sum(heights) - self._gaps(box)
        if left < -SLACK:
            self._fault(box, f"a column is {-left:.0f} px too high")
        grow = sum(child.grow for child in box.children)
        at, between = self._start(box, left, grown=grow > 0)
        at += inner.y
        for child, width, own in zip(box.children, widths, heights, strict=True):
            height = own + (max(left, 0.0) * child.grow / grow if grow else 0.0)
            if width > inner.width + SLACK:
                self._fault(child, f"a box is {width - inner.width:.0f} px too wide for its column")
            self.place(child, Rect(inner.x + _shift(box.align, inner.width - width), at, width, height))
            at += height + box.gap * self.unit + between

    def _start(self, box: Box, left: float, *, grown: bool) -> tuple[float, float]:
        """Where the first child begins, and what is added to each gap."""
        if grown or left <= 0:
            return 0.0, 0.0
        match box.justify:
            case "center":
                return left / 2, 0.0
            case "end":
                return left, 0.0
            case "between" if len(box.children) > 1:
                return 0.0, left / (len(box.children) - 1)
        return 0.0, 0.0

    def _set(self, box: Box, inner: Rect) -> None:
        letters = _letters(box)
        lines = self._broken(letters, inner.width)
        if lines is None:
            self.flowed.faults.append(f"{letters.text!r} is wider than its box")
            return
        size = self.size(letters)
        if len(lines) * letters.leading * size > inner.height + SLACK:
            self.flowed.faults.append(f"{letters.text!r} is higher than its box")
        for index, line in enumerate(lines):
            blank = inner.width - self._width(letters, line)
            x = inner.x + {"left": 0.0, "centre": blank / 2, "right": blank}[letters.align]
            y = inner.y + index * letters.leading * size + baseline(letters.face, size, letters.leading)
            self.flowed.lines.append(SetLine(line, x, y, size, letters, index == 0))

    def size(self, letters: Letters) -> int:
        return max(1, round(letters.size * self.unit))

    def _widths(self, box: Box, inner: float) -> list[float]:
        own = [0.0 if child.grow else self._natural(child) for child in box.children]
        grow = sum(child.grow for child in box.children)
        left = max(0.0, inner - sum(own) - self._gaps(box))
        return [
            left * child.grow / grow if child.grow else width for child, width in zip(box.children, own, strict=True)
        ]

    def _across(self, box: Box, child: Box, inner: float) -> float:
        if child.width is not None:
            return child.width * self.unit
        if box.align == "stretch":
            return inner
        return min(inner, self._natural(child))

    def _natural(self, box: Box) -> float:
        """The width of a box whose text is not broken."""
        if box.width is not None:
            return box.width * self.unit
        if id(box) not in self._naturals:
            inner = 0.0
            if box.letters is not None:
                inner = self._width(box.letters, box.letters.text) + 0.01
            elif box.flow == "row":
                inner = sum(map(self._natural, box.children)) + self._gaps(box)
            elif box.children:
                inner = max(map(self._natural, box.children))
            self._naturals[id(box)] = inner + (box.pad[1] + box.pad[3]) * self.unit
        return self._naturals[id(box)]

    def _height(self, box: Box, width: float) -> float:
        if box.height is not None:
            return box.height * self.unit
        key = id(box), round(width * 64)
        if key not in self._heights:
            self._heights[key] = self._content(box, width) + (box.pad[0] + box.pad[2]) * self.unit
        return self._heights[key]

    def _content(self, box: Box, width: float) -> float:
        inner = width - (box.pad[1] + box.pad[3]) * self.unit
        if box.letters is not None:
            lines = self._broken(box.letters, inner)
            return (1 if lines is None else len(lines)) * box.letters.leading * self.size(box.letters)
        if box.flow == "column":
            return self._gaps(box) + sum(self._height(c, self._across(box, c, inner)) for c in box.children)
        if box.flow == "row":
            return max(
                (self._height(c, w) for c, w in zip(box.children, self._widths(box, inner), strict=True)), default=0.0
            )
        return 0.0

    def _broken(self, letters: Letters, width: float) -> list[str] | None:
        """The lines of a text; None where a word alone is too wide."""
        if self._width(letters, letters.text) <= width + SLACK:
            return [letters.text]
        if letters.whole:
            return None
        key = id(letters), round(width * 64)
        if key not in self._lines:
            pieces = tokens(letters.text, letters.script)
            found = self._break(letters, _clauses(pieces), width) if letters.clauses else None
            found = found or self._break(letters, pieces, width)
            self._lines[key] = None if found is None else [joined(line) for line in found]
        return self._lines[key]

    def _break(self, letters: Letters, pieces: list[Token], width: float) -> list[list[Token]] | None:
        balanced = letters.align == "centre" or letters.role in BALANCED
        return break_lines(pieces, lambda text: self._width(letters, text), width, 0.0, balanced=balanced)

    def _width(self, letters: Letters, text: str) -> float:
        size = self.size(letters)
        return advance(letters.face, size, text) + letters.spacing * size * max(0, len(text) - 1)

    def _gaps(self, box: Box) -> float:
        return box.gap * self.unit * max(0, len(box.children) - 1)

    def _fault(self, box: Box, what: str) -> None:
        text = next(iter(_first(box)), "")
        self.flowed.faults.append(what + (f", at {text!r}" if text else ""))


def _first(box: Box) -> list[str]:
    if box.letters is not None:
        return [box.letters.text]
    return next((found for child in box.children if (found := _first(child))), [])


def _clauses(pieces: list[Token]) -> list[Token]:
    """Chinese pieces joined up to the next mark that closes, so that a line ends where a clause does."""
    found: list[Token] = []
    for piece in pieces:
        if found and not piece.space and found[-1].text[-1] not in CLOSING:
            found[-1] = Token(found[-1].text + piece.text, found[-1].space)
        else:
            found.append(piece)
    return found


def _letters(box: Box) -> Letters:
    assert box.letters is not None  # a text has letters: `boxes` makes no other
    return box.letters


def _shift(align: str, blank: float) -> float:
    return {"start": 0.0, "stretch": 0.0, "center": blank / 2, "end": blank}[align]
