"""The pages in a real Chromium: no script error, no overflow, filters that filter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evaluated import made_run, summary

from hanmo.data.synthesize.pages.browser import find_chromium
from hanmo.evaluate.report import compared_page, write
from hanmo.evaluate.report.comparison import Run, compare
from hanmo.evaluate.report.figures import Style


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    executable = find_chromium()
    if executable is None:
        pytest.skip("needs a Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run's page and a comparison; the run's folder was moved after the page was written."""
    top = tmp_path_factory.mktemp("pages")
    made, other = made_run(top / "before"), made_run(top / "other", values=(1.0, 1.0, 1.0, None, 1.0))
    style = Style(percent=True)
    text = write.page(made.report, made.results, made.files, made.folder, style, picture_bytes=0)
    (made.folder / "report.html").write_text(text, encoding="utf-8")
    runs = [Run(name, one.report, one.results, one.files) for name, one in (("a" * 40, made), ("另一个", other))]
    found = compare(runs, lambda report: summary, lambda report: style, lambda report: [], draws=20)
    (top / "comparison.html").write_text(compared_page.page(found, top), encoding="utf-8")
    shutil.move(top / "before", top / "moved 到这里")
    return {"run": top / "moved 到这里" / "report.html", "comparison": top / "comparison.html"}


def opened(chromium: Any, path: Path, width: int = 1280) -> tuple[Any, list[str]]:
    context = chromium.new_context(viewport={"width": width, "height": 800}, offline=True)
    tab, problems = context.new_page(), []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("dialog", lambda dialog: (problems.append("a dialog"), dialog.dismiss()))
    tab.goto(path.as_uri())
    return tab, problems


def shown(tab: Any) -> list[str]:
    script = "[...document.querySelectorAll('#list > :not([hidden])')].map((card) => card.dataset.id)"
    return list(tab.evaluate(script))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["run", "comparison"])
def test_a_page_fits_its_window_and_says_no_error(chromium: Any, pages: dict[str, Path], name: str, width: int) -> None:
    tab, problems = opened(chromium, pages[name], width)
    assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    wide = "[...document.querySelectorAll('main *')].filter((e) => !e.closest('.scrolled, .radar, .unseen') && "
    wide += "e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90))"
    assert tab.evaluate(wide) == []
    assert problems == []
    tab.context.close()


def test_filters_search_and_order_choose_among_the_samples(chromium: Any, pages: dict[str, Path]) -> None:
    tab, problems = opened(chromium, pages["run"])
    assert shown(tab) == ["p0", "p1", "p2", "p3", "p4"]
    tab.get_by_label("failed 2").check()
    assert shown(tab) == ["p1", "p2"]
    assert tab.locator("#found").inner_text() == "2 of 5"
    tab.get_by_label("unjudged 1").check()
    assert shown(tab) == ["p3"]
    tab.get_by_label("all 5").check()
    tab.get_by_label("Language").select_option("zh")
    assert shown(tab) == ["p1", "p4"]
    tab.get_by_label("Order").select_option("best")
    assert shown(tab) == ["p4", "p1"]
    tab.get_by_label("Search").fill("翰墨")
    assert shown(tab) == ["p1"]
    tab.get_by_label("Search").fill("nobody wrote this")
    assert tab.get_by_text("No sample fits.").is_visible()
    tab.get_by_role("button", name="Reset").click()
    tab.wait_for_function("document.querySelectorAll('#list > :not([hidden])').length === 5")
    assert shown(tab) == ["p0", "p1", "p2", "p3", "p4"]
    tab.get_by_label("Order").select_option("worst")
    assert shown(tab) == ["p1", "p2", "p0", "p4", "p3"]  # what is unjudged is last
    assert problems == []
    tab.context.close()


def test_pictures_beside_the_page_are_there_after_the_folder_was_moved(chromium: Any, pages: dict[str, Path]) -> None:
    tab, problems = opened(chromium, pages["run"])
    for picture in tab.locator("#list img").all():
        picture.scroll_into_view_if_needed()
        tab.wait_for_function("(image) => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert tab.locator("#list img").count() == 6
    assert problems == []
    tab.context.close()


def test_the_tools_can_be_used_with_the_keyboard_alone(chromium: Any, pages: dict[str, Path]) -> None:
    tab, _ = opened(chromium, pages["run"])
    tab.locator("input[name=state]").first.focus()
    tab.keyboard.press("ArrowRight")
    assert shown(tab) == ["p1", "p2"]
    tab.keyboard.press("Tab")
    tab.keyboard.type("翰墨")
    assert shown(tab) == ["p1"]
    tab.context.close()


def test_a_comparison_shows_where_runs_differ(chromium: Any, pages: dict[str, Path]) -> None:
    tab, problems = opened(chromium, pages["comparison"])
    tab.get_by_label("runs differ 2").check()
    assert shown(tab) == ["p1", "p2"]
    tab.get_by_label("Order").select_option("best")
    tab.get_by_label("all 5").check()
    assert shown(tab)[:2] == ["p1", "p2"]
    assert problems == []
    tab.context.close()
