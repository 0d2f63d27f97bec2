"""Where each line of a paragraph stands (report section 3.4, pure rendering: dynamic layout).

    horizontal   title, rule, then one or two columns of lines; left, centre, right or justified
    vertical     columns from right to left, the title first; each character in a square of its own

A `Design` says how a text is to be set, `arrange` sets it at one size of letters or finds that it does not fit.
Everything stays within the margins. This module does not know colours, fonts' files or captions: the caller
measures widths. All measures are pixels; x grows to the right, y down; a run's y is its baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil

from hanmo.data.synthesize.lines import Token, break_lines, hanging, joined, tokens

ALIGNMENTS = ("left", "centre", "right", "justified")
# How far letters reach over and under the baseline, in em.
_OVER = {"en": 0.77, "zh": 0.88}
_UNDER = {"en": 0.24, "zh": 0.12}
# Glyphs may reach a little over their advance (an italic f): room for that is kept inside the margins.
_OVERHANG = 0.1
_LOOSEST = {"en": 0.7, "zh": 0.3}  # what a justified line may add to a space, or between two characters, in em
_TITLE_LEADING = 1.22
_FULL = 0.62  # a block that fills less of the height stands in the middle: the top alone looks left over
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
        middle: the block stands in the middle of the height (and of the width, if vertical), else at the top (right)
            as long as it fills most of it.
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


def arrange(
    title: str, blocks: list[str], script: str, design: Design, size: int, width: Width, *, whole: bool = False
) -> Layout | None:
    """Set a text at one size; None where it does not fit.

    Args:
        title: May be empty.
        blocks: Each begins a new line.
        script: "en" or "zh".
        design: How to set it.
        size: Pixels per em of the body.
        width: Measures a text.
        whole: No block may take more than one line.
    """
    layout = (
        _vertical(title, blocks, design, size)
        if design.vertical
        else _horizontal(title, blocks, script, design, size, width)
    )
    if whole and layout is not None and sum(not line.title for line in layout.lines) > len(blocks):
        return None
    return layout


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
    across, down = float(design.width - 2 * inset), design.height - 2 * inset
    left = float(inset)
    gutter = 2.0 * size
    column = (across - gutter * (design.columns - 1)) / design.columns
    if column < 4 * size or down < size:
        return None
    titles = _broken([title] if title else [], script, design, _Frame(left, across, heading, title=True), width)
    body = _broken(blocks, script, design, _Frame(left, column, size), width)
    if titles is None or body is None or len(titles) > 2:
        return None
    over, under = _OVER[script], _UNDER[script]
    pitch = round(size * design.leading)
    rows = ceil(len(body) / design.columns)
    # The title keeps further from the text than the text's own lines do from each other.
    gap = over * size
    if title:
        gap = over * heading + (len(titles) - 1) * _TITLE_LEADING * heading
        gap += pitch * (1.65 if design.rule else 1.35) + 0.2 * heading
    # Where parts take several lines each, a little air between them tells where one begins.
    air = 0.5 * size if len(blocks) > 1 and len(body) > len(blocks) and design.columns == 1 else 0.0
    total = gap + (rows - 1) * pitch + (len(blocks) - 1) * air + under * size
    if total > down or (design.columns > 1 and rows < 3):
        return None
    middle = design.middle or total < _FULL * down
    top = inset + (0.46 * (down - total) if middle else 0.0)
    lines: list[Line | None] = []
    for index, row in enumerate(titles):
        y = round(top + over * heading + index * _TITLE_LEADING * heading)
        lines.append(_line(row, design, _Frame(left, across, heading, title=True), y, script, width))
    for index, row in enumerate(body):
        place, down_by = divmod(index, rows)
        frame = _Frame(left + place * (column + gutter), column, size)
        before = air * sum(earlier.ends for earlier in body[:index])
        lines.append(_line(row, design, frame, round(top + gap + before) + down_by * pitch, script, width))
    if any(line is None for line in lines):
        return None
    rule = None
    if design.rule and titles:
        last = top + over * heading + (len(titles) - 1) * _TITLE_LEADING * heading
        rule = _rule(design, size, inset, round(across), round((last + under * heading + top + gap - over * size) / 2))
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
            float(frame.size) if script == "zh" else 0.0,
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
    blank = frame.width - row.indent - width(text, frame.size, frame.title)
    blank += hanging(text, float(frame.size)) if script == "zh" else 0.0
    left = frame.left + row.indent
    match "left" if frame.title and design.align == "justified" else design.align:
        case "centre":
            # The blank half of a closing mark does not count: the ink stands in the middle.
            left += blank / 2
        case "right":
            left += blank
        case "justified" if not row.ends:
            return _stretched(row, frame, left, blank, y, script, width)
    return Line(text, (Run(text, left, float(y)),), frame.size, frame.title)


def _stretched(row: _Row, frame: _Frame, left: float, blank: float, y: int, script: str, width: Width) -> Line | None:
    gaps = [index > 0 and (piece.space or script == "zh") for index, piece in enumerate(row.pieces)]
    share = blank / max(1, sum(gaps))
    if share > _LOOSEST[script] * frame.size:
        return None
    runs: list[Run] = []
    at = left
    for piece, gap in zip(row.pieces, gaps, strict=True):
        at += share if gap else 0.0
        at += width(" ", frame.size, frame.title) if piece.space and runs else 0.0
        runs.append(Run(piece.text, at, float(y)))
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
    columns = _columns(title, blocks, design, size, heading, down)
    if columns is None:
        return None
    pitch = size * design.leading
    air = 0.45 * pitch if len(blocks) > 1 and sum(not column.title for column in columns) > len(blocks) else 0.0
    # How far the middle of each column lies left of the first one's.
    steps, at = [0.0], 0.0
    for before in columns[:-1]:
        at += pitch + ((heading - size) / 2 + 0.5 * size if before.title else air if before.ends else 0.0)
        steps.append(at)
    total = at + (columns[0].size + size) / 2
    longest = max(map(_length, columns))
    if total > across or longest > down:
        return None
    top = inset + (0.46 * (down - longest) if design.middle or longest < _FULL * down else 0.0)
    beside = (across - total) / 2 if design.middle or total < _FULL * across else 0.0
    right = inset + across - beside - columns[0].size / 2
    return Layout(tuple(_stood(column, right - step, top) for column, step in zip(columns, steps, strict=True)), size)


@dataclass(frozen=True)
class _Column:
    """A column before it has a place; `ends`: the last of its block."""

    text: str
    size: int
    indent: float
    ends: bool
    title: bool


def _columns(title: str, blocks: list[str], design: Design, size: int, heading: int, down: int) -> list[_Column] | None:
    columns: list[_Column] = []
    for block, is_title in [(title, True)] * bool(title) + [(block, False) for block in blocks]:
        letters = heading if is_title else size
        indent = 0.0 if is_title else design.indent * size * _SQUARE
        broken = break_lines(tokens(block, "zh"), partial(_height, letters), float(down), float(letters), indent)
        if broken is None or (is_title and len(broken) > 1):
            return None
        last = len(broken) - 1
        for index, line in enumerate(broken):
            columns.append(_Column(joined(line), letters, indent if index == 0 else 0.0, index == last, is_title))
    return columns


def _length(column: _Column) -> float:
    letters = (len(column.text) * _SQUARE - _SQUARE + 1) * column.size
    return column.indent + letters - hanging(column.text, float(column.size))


def _height(size: int, text: str) -> float:
    return len(text) * _SQUARE * size


def _stood(column: _Column, middle: float, top: float) -> Line:
    """A column in its place, a run for each character."""
    left, first = middle - column.size / 2, top + column.indent + _OVER["zh"] * column.size
    step = _SQUARE * column.size
    runs = tuple(Run(char, left, first + index * step) for index, char in enumerate(column.text))
    return Line(column.text, runs, column.size, column.title)
