from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.pages.art import PICTURES, picture
from hanmo.data.synthesize.pages.boxes import Art, Box
from hanmo.data.synthesize.pages.captions import captions
from hanmo.data.synthesize.pages.compose import compose
from hanmo.data.synthesize.pages.corpus import builtin
from hanmo.data.synthesize.pages.document import Document
from hanmo.data.synthesize.pages.page import PageConfig, sample_document
from hanmo.data.synthesize.pages.template import builtin as templates
from hanmo.data.synthesize.pages.theme import THEMES


def document(name: str, faces: tuple[FontFace, ...], seed: int = 0) -> Document:
    (template,) = (found for found in templates() if found.name == name)
    size = {"wide": (640, 400), "square": (480, 480), "tall": (400, 640)}[template.shapes[0]]
    return sample_document(random.Random(seed), builtin("en"), faces, PageConfig(*size), [template])


def arts(box: Box) -> Iterator[Art]:
    if box.art is not None:
        yield box.art
    for child in box.children:
        yield from arts(child)


@pytest.mark.parametrize("seed", range(6))
def test_the_picture_that_a_caption_names_is_the_one_that_is_drawn(seed: int, faces: tuple[FontFace, ...]) -> None:
    chosen = document("pictured", faces, seed)
    told = captions(chosen)
    (name,) = (name for name, (english, _) in PICTURES.items() if english in told.long_en)
    assert PICTURES[name][1] in told.long_zh
    path = f"{chosen.seed}.0.0"  # the first block of the page
    assert picture(name, chosen.theme, path) in list(arts(compose(chosen)))


def test_a_caption_names_the_kind_the_format_the_colours_and_the_faces(faces: tuple[FontFace, ...]) -> None:
    chosen = replace(document("agenda", faces), theme=THEMES[0], graded=False)
    told = captions(chosen)
    assert told.long_en.startswith(
        "A landscape presentation slide on a warm ivory ground, with charcoal text and vermilion red accents; headings"
    )
    assert told.long_zh.startswith("一张横版演示文稿页，暖象牙白底，炭灰色文字，朱红色点缀，标题用粗")
    assert "a vermilion red card, on it" in told.long_en
    assert "朱红色卡片" in told.long_zh


def test_a_gradient_is_told_where_it_is_drawn(faces: tuple[FontFace, ...]) -> None:
    plain = replace(document("statement", faces), theme=THEMES[1], graded=False)
    graded = replace(plain, graded=True)
    assert "gradient" not in captions(plain).long_en
    assert "gradient" in captions(graded).long_en
    assert "渐变" in captions(graded).long_zh
    paint = compose(graded).paint
    assert paint is not None
    assert paint.second is not None


def test_the_short_caption_quotes_the_title_and_names_the_blocks(faces: tuple[FontFace, ...]) -> None:
    chosen = document("figures", faces)
    told = captions(chosen)
    title = next(block.rows[0][0] for block in chosen.root.children[0].children if block.kind == "title")
    assert f'titled "{title}"' in told.short_en
    assert "a column chart" in told.short_en
    assert f"标题为“{title}”" in told.short_zh
    assert "柱状图" in told.short_zh
    assert len(told.short_en) < len(told.long_en) / 2


def test_no_block_leaves_a_hole_in_the_sentences(faces: tuple[FontFace, ...]) -> None:
    for name in ("agenda", "ring", "steps", "phone", "preferences", "article", "monthly", "pass", "till", "shop"):
        told = captions(document(name, faces))
        together = told.long_en + told.long_zh + told.short_en + told.short_zh
        assert not {"{", "}"} & set(together)
        assert not any(hole in together for hole in (": .", ":.", "below it ,", "  ", "；。", "其下是，", "：。"))
