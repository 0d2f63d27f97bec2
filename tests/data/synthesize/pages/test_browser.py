from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph
from hanmo.data.synthesize.pages.browser import Browser, BrowserConfig, find_chromium
from hanmo.data.synthesize.pages.corpus import Topic, builtin
from hanmo.data.synthesize.pages.document import Document
from hanmo.data.synthesize.pages.page import Page, PageConfig, draw_page, sample_document
from hanmo.data.synthesize.pages.result import NoRoom, clash
from hanmo.data.synthesize.pages.template import builtin as templates
from hanmo.errors import RequestError


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    pytest.importorskip("playwright")
    if find_chromium() is None:
        pytest.skip("needs a Chromium")
    with Browser() as running:
        yield running


def document(name: str, script: str, faces: tuple[FontFace, ...], topics: list[Topic] | None = None) -> Document:
    (template,) = (found for found in templates() if found.name == name)
    width, height = {"wide": (640, 400), "square": (480, 480), "tall": (400, 640)}[template.shapes[0]]
    config = PageConfig(width=width, height=height)
    return sample_document(random.Random(f"browser {name}"), topics or builtin(script), faces, config, [template])


@pytest.mark.parametrize(("name", "script"), [("figures", "en"), ("pictured", "zh"), ("bill", "en"), ("ledger", "zh")])
def test_both_painters_draw_the_same_page(
    name: str, script: str, browser: Browser, faces: tuple[FontFace, ...]
) -> None:
    chosen = document(name, script, faces)
    ours, theirs = draw_page(chosen, 8), browser.draw(chosen, 8)
    assert isinstance(ours, Page)
    assert isinstance(theirs, Page)
    assert theirs.picture.size == ours.picture.size
    assert theirs.captions == ours.captions
    join = "".join(line.text for line in theirs.lines).replace(" ", "")
    assert join == "".join(line.text for line in ours.lines).replace(" ", "")
    assert clash(theirs.lines, *theirs.picture.size) is None
    one, other = (np.asarray(page.picture.resize((40, 40))).astype(float) for page in (ours, theirs))
    assert np.abs(one - other).mean() < 6


def test_the_same_document_has_the_same_boxes_again_and_ink_in_them(
    browser: Browser, faces: tuple[FontFace, ...]
) -> None:
    chosen = document("tabled", "en", faces)
    one, again = browser.draw(chosen, 8), browser.draw(chosen, 8)
    assert isinstance(one, Page)
    assert isinstance(again, Page)
    assert one.lines == again.lines
    pixels = np.asarray(one.picture.convert("L")).astype(int)
    for line in one.lines:
        left, top, right, bottom = line.box
        inside = pixels[top:bottom, left:right]
        assert inside.max() - inside.min() > 60, line


def test_a_page_that_does_not_fit_or_cannot_be_drawn_is_refused(browser: Browser, faces: tuple[FontFace, ...]) -> None:
    assert isinstance(browser.draw(document("twocolumn", "en", faces), 14), NoRoom)
    topic = builtin("en")[0]
    long = Topic("en", topic.name, {**topic.slots, "title": ("Un" + "believ" * 12 + "able",)})
    outcome = browser.draw(document("statement", "en", faces, [long]))
    assert isinstance(outcome, NoRoom)
    odd = Topic("en", topic.name, {**topic.slots, "title": ("Tea for \U0001f9a6",)})
    assert isinstance(browser.draw(document("statement", "en", faces, [odd])), MissingGlyph)


def test_markup_in_a_text_is_text(browser: Browser, faces: tuple[FontFace, ...]) -> None:
    topic = builtin("en")[0]
    sly = Topic("en", topic.name, {**topic.slots, "title": ("<b>Tea</b> & <i>",)})
    page = browser.draw(document("statement", "en", faces, [sly]), 8)
    assert isinstance(page, Page)
    title = [line.text for line in page.lines if line.role == "title"]
    assert " ".join(title) == "<b>Tea</b> & <i>"


def test_a_browser_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="no file"):
        find_chromium(str(tmp_path / "chromium"))
    monkeypatch.setenv("HANMO_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(RequestError, match="HANMO_CHROMIUM"):
        find_chromium()
    pytest.importorskip("playwright")
    with pytest.raises(RequestError, match="no file"):
        Browser(BrowserConfig(str(tmp_path / "chromium")))
