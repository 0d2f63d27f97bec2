"""Where each line of a paragraph stands (report section 3.4, pure rendering: dynamic layout).

    horizontal   title, rule, then one or two columns of lines; left, centre, right or justified
    vertical     columns from right to left, the title first; each character in a square of its own

A `Design` says how a text is to be set, `arrange` sets it at one size of letters or finds that it does not fit.
Everything stays within the margins. This module does not know colours, fonts' files or captions: widths come
from the caller. All measures are pixels; x grows to the right, y down; a run's y is its baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from hanmo.data.synthesize.lines import Token, break_lines, hanging, joined, tokens

ALIGNMENTS = ("left", "centre", "right", "justified")
# How far letters reach over and under the baseline, in em.
_OVER = {"en": 0.77, "zh": 0.88}
_UNDER = {"en": 0.24, "zh": 0.12}
# Glyphs may reach a little over their advance (an italic f): room for that is kept inside the margins.
_OVERHANG = 0.1
_LOOSEST = 0.75  # a space of a justified English line, in em, beyond its own width
_TITLE_LEADING = 1.22
_SQUARE = 1.06  # from one character to the next in a vertical column, in em

Width = Callable[[str, int, bool], float]  # text, size, whether it is the title


@dataclass(frozen=True)
class Design:
    """How a text is set.

    Attributes:
        width: of the picture.
        height: of the picture.
        margin: what is left free on each side.
        align: one of `ALIGNMENTS`; a vertical text is "left", its columns begin at the top.
        vertical: Chinese in columns from right to left.
        columns: 1 or 2; 1 for a vertical text.
        leading: from one baseline to the next, in em.
        indent: of a first line, in em.
        title_scale: how much larger the title is.
        rule: a short line under the title (not in a vertical text).
        middle: the block stands in the middle of the height (and of the width, if vertical), else at the top.
    """

    width: int
    height: int
    margin: int
    align: str = "left"
    vertical: bool = False
    columns: int = 1
    leading: float = 1.5
    indent: float = 0.0
    title_scale: float = 1.5
    rule: bool = False
    middle: bool = False


@dataclass(frozen=True)
class Run:
    """A piece of text that is drawn in one go, from `x` on along the baseline `y`."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """One line (or vertical column) of text as it reads, and the runs that draw it."""

    text: str
    runs: tuple[Run, ...]
    size: int
    title: bool = False


@dataclass(frozen=True)
class Layout:
    """A text that fits: its lines in reading order, the size of its letters, the rule (left, top, right, bottom)."""

    lines: tuple[Line, ...]
    size: int
    rule: tuple[int, int, int, int] | None = None


def arrange(title: str, blocks: list[str], script: str, design: Design, size: int, width: Width) -> Layout | None:
    """Set `blocks` (each begins a new line) under `title` (may be empty) at `size`; None where they do not fit."""
    if design.vertical:
        return _vertical(title, blocks, design, size)
    return _horizontal(title, blocks, script, design, size, width)


@dataclass(frozen=True)
class _Row:
    """A line before it has a place; `ends`: the last of its block, which is never stretched."""

    pieces: list[Token]
    indent: float = 0.0
    ends: bool = False


@dataclass(frozen=True)
class _Frame:
    """Where a line may stand, and the size of its letters."""

    left: float
    width: float
    size: int
    title: bool = False


def _horizontal(title: str, blocks: list[str], script: str, design: Design, size: int, width: Width) -> Layout | None:
    heading = round(size * design.title_scale)
    inset = design.margin + ceil(_OVERHANG * (heading if title else size))
    across, down = design.width - 2 * inset, design.height - 2 * inset
    gutter = 2.0 * size
    column = (across - gutter * (design.columns - 1)) / design.columns
    if column < 4 * size or down < size:
        return None
    titles = _broken([title] if title else [], script, design, _Frame(inset, across, heading, title=True), width)
    body = _broken(blocks, script, design, _Frame(inset, column, size), width)
    if titles is None or body is None or len(titles) > 2:
        return None
    over, under = _OVER[script], _UNDER[script]
    pitch = round(size * design.leading)
    rows = ceil(len(body) / design.columns)
    # The title keeps further from the text than the text's own lines do from each other.
    gap = over * size
    if title:
        gap = over * heading + (len(titles) - 1) * _TITLE_LEADING * heading
        gap += pitch * (1.6 if design.rule else 1.3) + 0.1 * heading
    total = gap + (rows - 1) * pitch + under * size
    if total > down or (design.columns > 1 and rows < 3):
        return None
    top = inset + (0.46 * (down - total) if design.middle else 0.0)
    lines: list[Line | None] = []
    for index, row in enumerate(titles):
        y = round(top + over * heading + index * _TITLE_LEADING * heading)
        lines.append(_line(row, design, _Frame(inset, across, heading, title=True), y, script, width))
    for index, row in enumerate(body):
        place, down_by = divmod(index, rows)
        frame = _Frame(inset + place * (column + gutter), column, size)
        lines.append(_line(row, design, frame, round(top + gap) + down_by * pitch, script, width))
    if any(line is None for line in lines):
        return None
    rule = None
    if design.rule and titles:
        last = top + over * heading + (len(titles) - 1) * _TITLE_LEADING * heading
        rule = _rule(design, size, inset, across, round((last + under * heading + top + gap - over * size) / 2))
    return Layout(tuple(line for line in lines if line), size, rule)


def _broken(blocks: list[str], script: str, design: Design, frame: _Frame, width: Width) -> list[_Row] | None:
    rows: list[_Row] = []
    indent = 0.0 if frame.title else design.indent * frame.size
    balanced = frame.title or design.align in ("centre", "right")
    for block in blocks:
        broken = break_lines(
            tokens(block, script),
            lambda text: width(text, frame.size, frame.title),
            frame.width,
            frame.size,
            indent,
            balanced=balanced,
        )
        if broken is None:
            return None
        last = len(broken) - 1
        rows += [_Row(line, indent if index == 0 else 0.0, index == last) for index, line in enumerate(broken)]
    return rows


def _line(row: _Row, design: Design, frame: _Frame, y: int, script: str, width: Width) -> Line | None:
    """A line in its place; None where it would have to be stretched too far."""
    text = joined(row.pieces)
    blank = frame.width - row.indent - width(text, frame.size, frame.title) + hanging(text, frame.size)
    left = frame.left + row.indent
    match "left" if frame.title and design.align == "justified" else design.align:
        case "centre":
            # The blank half of a closing mark does not count: the ink stands in the middle.
            left += blank / 2
        case "right":
            left += blank
        case "justified" if not row.ends:
            return _stretched(row, frame, left, blank, y, script, width)
    return Line(text, (Run(text, left, y),), frame.size, frame.title)


def _stretched(
    row: _Row, frame: _Frame, left: float, blank: float, y: int, script: str, width: Width
) -> Line | None:
    gaps = [index > 0 and (piece.space or script == "zh") for index, piece in enumerate(row.pieces)]
    share = blank / max(1, sum(gaps))
    if share > (_LOOSEST if script == "en" else 0.5) * frame.size:
        return None
    runs, at = [], left
    for piece, gap in zip(row.pieces, gaps, strict=True):
        at += share if gap else 0.0
        at += width(" ", frame.size, frame.title) if piece.space and runs else 0.0
        runs.append(Run(piece.text, at, y))
        at += width(piece.text, frame.size, frame.title)
    return Line(joined(row.pieces), tuple(runs), frame.size, frame.title)


def _rule(design: Design, size: int, inset: int, across: int, y: int) -> tuple[int, int, int, int]:
    long, thick = round(2.4 * size), max(1, round(size / 14))
    match design.align:
        case "centre":
            left = inset + (across - long) // 2
        case "right":
            left = inset + across - long
        case _:
            left = inset
    return left, y, left + long, y + thick


def _vertical(title: str, blocks: list[str], design: Design, size: int) -> Layout | None:
    heading = round(size * design.title_scale)
    inset = design.margin + ceil(0.02 * heading)
    across, down = design.width - 2 * inset, design.height - 2 * inset
    columns: list[tuple[str, int, float]] = []  # text, size, what it leaves free at its top
    for index, block in enumerate([title, *blocks] if title else blocks):
        head = bool(title) and index == 0
        letters = heading if head else size
        indent = 0.0 if head else design.indent * size * _SQUARE
        square = letters * _SQUARE
        broken = break_lines(
            tokens(block, "zh"), lambda text, square=square: len(text) * square, down, letters, indent
        )  # fmt: skip
        if broken is None or (head and len(broken) > 1):
            return None
        columns += [(joined(line), letters, indent if first == 0 else 0.0) for first, line in enumerate(broken)]
    pitch = size * design.leading
    gap = (heading - size) / 2 + 0.5 * size if title else 0.0
    total = (len(columns) - 1) * pitch + gap + (heading + size) / 2 if title else (len(columns) - 1) * pitch + size
    longest = max(free + len(text) * letters * _SQUARE - (_SQUARE - 1) * letters for text, letters, free in columns)
    if total > across or longest > down:
        return None
    top = inset + (0.46 * (down - longest) if design.middle else 0.0)
    middle = inset + across - (across - total) * (0.5 if design.middle else 0.0) - columns[0][1] / 2
    lines = []
    for index, (text, letters, free) in enumerate(columns):
        if index > 0:
            middle -= pitch + (gap if index == 1 else 0.0)
        left, square = middle - letters / 2, letters * _SQUARE
        runs = tuple(
            Run(char, left, top + free + step * square + _OVER["zh"] * letters) for step, char in enumerate(text)
        )
        lines.append(Line(text, runs, letters, bool(title) and index == 0))
    return Layout(tuple(lines), size)
