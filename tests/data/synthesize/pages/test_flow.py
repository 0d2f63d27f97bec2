from __future__ import annotations

import random

import pytest

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.pages.boxes import Box, Letters, Paint
from hanmo.data.synthesize.pages.flow import Flowed, Rect, flow
from hanmo.data.synthesize.pages.theme import choose_pairing

INK = Paint((0, 0, 0))


def block(**options: object) -> Box:
    return Box("column", paint=INK, **options)  # type: ignore[arg-type]


def places(root: Box, unit: float = 1.0) -> list[Rect]:
    flowed = flow(root, 100, 60, unit)
    assert flowed.faults == []
    return [rect for _, rect in flowed.boxes]


@pytest.fixture
def letters(faces: tuple[FontFace, ...]) -> Letters:
    return Letters("twelve words", choose_pairing(random.Random(0), faces, "en").body, 10.0, (0, 0, 0), "en")


def test_a_row_shares_what_is_left_over() -> None:
    root = Box("row", (block(width=20.0), block(grow=1.0), block(grow=3.0)), gap=4.0)
    assert [(rect.x, rect.width) for rect in places(root)] == [(0, 20), (24, 18), (46, 54)]
    assert all(rect.height == 60 for rect in places(root))


def test_padding_belongs_to_the_share_of_a_row() -> None:
    root = Box("row", (block(grow=1.0, pad=(0.0, 30.0, 0.0, 30.0)), block(grow=1.0)))
    assert [rect.width for rect in places(root)] == [50, 50]


def test_a_column_adds_what_is_left_over_to_heights() -> None:
    root = Box("column", (block(height=10.0), block(height=10.0, grow=1.0)), pad=(5.0, 0.0, 5.0, 0.0))
    assert [(rect.y, rect.height) for rect in places(root)] == [(5, 10), (15, 40)]


@pytest.mark.parametrize(
    ("justify", "tops"), [("start", [0, 10]), ("center", [20, 30]), ("end", [40, 50]), ("between", [0, 50])]
)
def test_children_that_do_not_grow_are_justified(justify: str, tops: list[float]) -> None:
    root = Box("column", (block(height=10.0), block(height=10.0)), justify=justify)  # type: ignore[arg-type]
    assert [rect.y for rect in places(root)] == tops


@pytest.mark.parametrize(("align", "left"), [("start", 0), ("center", 40), ("end", 80)])
def test_children_are_aligned_across_the_flow(align: str, left: float) -> None:
    root = Box("column", (block(width=20.0, height=10.0),), align=align)  # type: ignore[arg-type]
    assert [rect.x for rect in places(root)] == [left]


def faults(root: Box) -> Flowed:
    return flow(root, 100, 60, 1.0)


def test_what_does_not_fit_is_a_fault_and_is_not_squeezed(letters: Letters) -> None:
    assert "10 px too high" in faults(Box("column", (block(height=40.0), block(height=30.0)))).faults[0]
    assert "30 px too wide" in faults(Box("row", (block(width=70.0), block(width=60.0)))).faults[0]
    narrow = Box("row", (Box("column", (Box("text", letters=letters),), width=15.0),))
    assert "'twelve words' is wider than its box" in faults(narrow).faults[0]


def test_a_text_is_broken_where_its_box_is_narrower_and_lines_stand_apart(letters: Letters) -> None:
    root = Box("row", (Box("column", (Box("text", letters=letters),), width=40.0),))
    one, other = flow(root, 100, 60, 1.0).lines
    assert (one.text, other.text) == ("twelve", "words")
    assert other.y - one.y == pytest.approx(15.0)
    assert (one.first, other.first) == (True, False)


def test_a_chinese_title_is_broken_after_marks_as_long_as_clauses_fit(faces: tuple[FontFace, ...]) -> None:
    face = choose_pairing(random.Random(0), faces, "zh").body
    letters = Letters("小壶现泡，鲜叶慢烘，面包出炉", face, 5.0, (0, 0, 0), "zh", clauses=True)
    for width, lines in (
        (36.0, ["小壶现泡，", "鲜叶慢烘，", "面包出炉"]),
        (54.0, ["小壶现泡，鲜叶慢烘，", "面包出炉"]),
    ):
        root = Box("row", (Box("column", (Box("text", letters=letters),), width=width),))
        assert [line.text for line in flow(root, 100, 60, 1.0).lines] == lines
