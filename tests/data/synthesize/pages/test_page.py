from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from hanmo.data.ocr import OCR
from hanmo.data.synthesize.coverage import FontFace, MissingGlyph
from hanmo.data.synthesize.grounds import READABLE
from hanmo.data.synthesize.pages.corpus import Topic, builtin
from hanmo.data.synthesize.pages.document import Document
from hanmo.data.synthesize.pages.page import Page, PageConfig, draw_page, sample_document, sample_page
from hanmo.data.synthesize.pages.result import NoRoom, PageLine, clash
from hanmo.data.synthesize.pages.template import Template
from hanmo.data.synthesize.pages.template import builtin as templates
from hanmo.errors import ConfigError, RequestError

SIZES = {"wide": (640, 400), "square": (480, 480), "tall": (400, 640)}


def document(template: Template, script: str, faces: tuple[FontFace, ...], seed: int = 0) -> Document:
    width, height = SIZES[template.shapes[seed % len(template.shapes)]]
    rng = random.Random(f"{template.name} {seed}")
    return sample_document(rng, builtin(script), faces, PageConfig(width=width, height=height), [template])


def by_text(lines: tuple[PageLine, ...], script: str) -> list[str]:
    """The texts of a page from their lines."""
    found: list[str] = []
    for line in lines:
        if line.first:
            found.append(line.text)
        else:
            found[-1] += (" " if script == "en" else "") + line.text
    return found


@pytest.mark.parametrize("script", ["en", "zh"])
@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_every_text_stands_whole_on_its_page_and_in_its_captions(
    template: Template, script: str, faces: tuple[FontFace, ...]
) -> None:
    chosen = document(template, script, faces)
    page = draw_page(chosen, 8)
    assert isinstance(page, Page), page
    assert page.picture.size == (chosen.width, chosen.height)
    drawn = [text.replace(" ", "") for text in by_text(page.lines, script)]
    for text in chosen.texts:
        assert text.replace(" ", "") in drawn
        assert text in page.captions.long_en
        assert text in page.captions.long_zh
    for text in by_text(page.lines, script):
        assert text.replace(" ", "") in page.captions.long_en.replace(" ", "")
    assert clash(page.lines, *page.picture.size) is None
    assert page.contrast is not None
    assert page.contrast >= READABLE


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_page(faces: tuple[FontFace, ...]) -> None:
    config = PageConfig(width=400, height=400, smallest=8)
    one, again, other = (sample_page(random.Random(seed), builtin("en"), faces, config) for seed in (3, 3, 4))
    assert isinstance(one, Page)
    assert isinstance(again, Page)
    assert isinstance(other, Page)
    assert np.array_equal(np.asarray(one.picture), np.asarray(again.picture))
    assert (one.lines, one.captions) == (again.lines, again.captions)
    assert one.captions != other.captions


def test_the_ink_of_every_line_stands_in_its_box(faces: tuple[FontFace, ...]) -> None:
    page = draw_page(document(next(t for t in templates() if t.name == "tabled"), "en", faces), 8)
    assert isinstance(page, Page)
    pixels = np.asarray(page.picture.convert("L")).astype(int)
    for line in page.lines:
        left, top, right, bottom = line.box
        inside = pixels[top:bottom, left:right]
        assert inside.max() - inside.min() > 60, line


def test_a_character_that_its_font_lacks_refuses_the_page(faces: tuple[FontFace, ...]) -> None:
    (template,) = (t for t in templates() if t.name == "statement")
    topic = builtin("en")[0]
    odd = Topic("en", topic.name, {**topic.slots, "title": ("Tea for \U0001f9a6",)})
    chosen = sample_document(random.Random(0), [odd], faces, PageConfig(width=640, height=400), [template])
    outcome = draw_page(chosen)
    assert isinstance(outcome, MissingGlyph)
    assert "U+1F9A6" in str(outcome)


def test_a_page_that_is_too_small_for_its_letters_is_refused_with_a_reason(faces: tuple[FontFace, ...]) -> None:
    (template,) = (t for t in templates() if t.name == "twocolumn")
    outcome = draw_page(document(template, "en", faces), 14)
    assert isinstance(outcome, NoRoom)
    assert "'twocolumn' does not fit 640x400 pixels" in str(outcome)


def test_a_word_that_no_size_can_place_is_refused_and_never_clipped(faces: tuple[FontFace, ...]) -> None:
    (template,) = (t for t in templates() if t.name == "statement")
    topic = builtin("en")[0]
    long = Topic("en", topic.name, {**topic.slots, "title": ("Un" + "believ" * 12 + "able",)})
    outcome = draw_page(sample_document(random.Random(0), [long], faces, PageConfig(width=640, height=400), [template]))
    assert isinstance(outcome, NoRoom)
    assert "wider than its box" in outcome.reason


@pytest.mark.parametrize("kind", ["slide", "menu"])
def test_only_the_kinds_that_are_asked_for_are_made(kind: str, faces: tuple[FontFace, ...]) -> None:
    config = PageConfig(width=640, height=480, kinds=(kind,))
    assert {sample_document(random.Random(seed), builtin("en"), faces, config).kind for seed in range(8)} == {kind}


@pytest.mark.parametrize(("script", "name"), [("en", "pictured"), ("zh", "statement"), ("zh", "menu"), ("en", "offer")])
def test_a_reader_of_text_reads_the_title(script: str, name: str, faces: tuple[FontFace, ...]) -> None:
    pytest.importorskip("rapidocr")
    (template,) = (t for t in templates() if t.name == name)
    page = draw_page(replace(document(template, script, faces, 1)), 8)
    assert isinstance(page, Page)
    titles = [line for line in page.lines if line.role == "title"]
    assert titles
    margin = 4
    boxes = [(b[0] - margin, b[1] - margin, b[2] + margin, b[3] + margin) for b in (line.box for line in titles)]
    read = OCR().read_boxes([page.picture] * len(boxes), boxes)
    assert "".join(read).replace(" ", "") == "".join(line.text for line in titles).replace(" ", "")


def test_lines_that_overlap_or_leave_the_page_are_found() -> None:
    one = PageLine("one", (10, 10, 50, 20), "text", True)
    assert clash([one, PageLine("two", (10, 20, 50, 30), "text", True)], 100, 100) is None
    assert "overlap" in (clash([one, PageLine("two", (49, 19, 60, 30), "text", True)], 100, 100) or "")
    assert "edge" in (clash([PageLine("two", (60, 10, 100, 20), "text", True)], 100, 100) or "")


def test_a_configuration_outside_its_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pages\.width is 200"):
        PageConfig(width=200)
    with pytest.raises(ConfigError, match="choose one or more of slide"):
        PageConfig(kinds=("book",))


def test_topics_that_serve_no_template_are_refused(faces: tuple[FontFace, ...]) -> None:
    with pytest.raises(RequestError, match="give topics with more slots"):
        sample_document(random.Random(0), [Topic("en", "x", {"name": ("x",)})], faces)
