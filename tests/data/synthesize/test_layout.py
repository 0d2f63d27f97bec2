from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from hanmo.data.synthesize.layout import Design, arrange

TEXT = "Books may be borrowed for three weeks; maps stay on the long table, and so do the lamps."
DESIGN = Design(width=400, height=300, margin=40)


def width(text: str, size: int, title: bool) -> float:
    return sum(1.0 if ord(char) > 0x2000 else 0.5 for char in text) * size


@pytest.mark.parametrize("align", ["left", "centre", "right", "justified"])
def test_lines_keep_to_the_edge_of_their_alignment(align: str) -> None:
    layout = arrange("", [TEXT], "en", replace(DESIGN, align=align), 20, width)
    assert layout is not None
    starts = [line.runs[0].x for line in layout.lines]
    ends = [line.runs[-1].x + width(line.runs[-1].text, 20, False) for line in layout.lines]
    left, right = 42.0, 358.0  # the margin, and a tenth of the letters for what reaches over their advance
    assert " ".join(line.text for line in layout.lines) == TEXT
    assert min(starts) >= left
    assert max(ends) <= right + 1e-6
    if align in ("left", "justified"):
        assert set(starts) == {left}
    if align == "right":
        assert ends == pytest.approx([right] * len(ends))
    if align == "justified":
        assert ends[:-1] == pytest.approx([right] * (len(ends) - 1))
    if align == "centre":
        assert [start + end for start, end in zip(starts, ends, strict=True)] == pytest.approx([400.0] * len(ends))


def test_lines_stand_one_leading_apart_and_the_title_further() -> None:
    layout = arrange("Rules", [TEXT], "en", replace(DESIGN, leading=1.5, rule=True), 20, width)
    assert layout is not None
    title, *body = [line.runs[0].y for line in layout.lines]
    assert {below - above for above, below in pairwise(body)} == {30.0}
    assert body[0] - title > 40
    assert layout.rule is not None
    assert title < layout.rule[1] < layout.rule[3] < body[0] - 0.77 * 20
    assert [line.size for line in layout.lines[:2]] == [30, 20]


def test_a_text_that_is_too_large_does_not_fit() -> None:
    assert arrange("", [TEXT], "en", DESIGN, 60, width) is None
    assert arrange("", [TEXT], "en", DESIGN, 20, width, whole=True) is None
    assert arrange("", ["Short."], "en", DESIGN, 20, width, whole=True) is not None


def test_two_columns_are_filled_evenly_from_the_left() -> None:
    layout = arrange("", [TEXT], "en", replace(DESIGN, columns=2), 14, width)
    assert layout is not None
    starts = [line.runs[0].x for line in layout.lines]
    assert starts == sorted(starts)
    assert len(set(starts)) == 2
    assert abs(starts.count(min(starts)) - starts.count(max(starts))) <= 1


def test_vertical_columns_run_from_right_to_left_and_down() -> None:
    design = replace(DESIGN, vertical=True, title_scale=1.5)
    layout = arrange("山居", ["松风入户茶烟细，", "竹影横窗月色新。"], "zh", design, 22, width)
    assert layout is not None
    assert [line.text for line in layout.lines] == ["山居", "松风入户茶烟细，", "竹影横窗月色新。"]
    columns = [line.runs[0].x for line in layout.lines]
    assert columns == sorted(columns, reverse=True)
    for line in layout.lines:
        rows = [run.y for run in line.runs]
        assert rows == sorted(rows)
        assert [run.text for run in line.runs] == list(line.text)
        assert 40 <= min(run.x for run in line.runs) <= max(run.x for run in line.runs) + line.size <= 360


def test_parts_of_several_lines_each_have_air_between_them() -> None:
    parts = ["Close the gate behind you, for the goat is clever.", "Take one tomato, leave two for others."]
    layout = arrange("", parts, "en", replace(DESIGN, leading=1.5), 20, width)
    assert layout is not None
    rows = [line.runs[0].y for line in layout.lines]
    steps = [below - above for above, below in pairwise(rows)]
    assert set(steps) == {30.0, 40.0}
    assert steps.count(40.0) == 1
