"""The pages in a real browser: two people vote at the same time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from arenas import NAMES, ballots_at, models_of, serving, write_models

from hanmo.evaluate.arena.app import create_app
from hanmo.evaluate.arena.limits import Limit
from hanmo.evaluate.arena.referee import Referee

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("needs Chromium")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=executable, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def referee(tmp_path: Path) -> Iterator[Referee]:
    models, questions = models_of(write_models(tmp_path))
    with ballots_at(tmp_path / "arena.db") as ballots:
        yield Referee(models, questions, ballots)


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, browser: Any, root: str, **settings: Any) -> None:
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.page.goto(root)
        self.asked()

    def asked(self) -> None:
        self.page.wait_for_selector("body[data-state=asking]")

    def revealed(self) -> list[str]:
        self.page.wait_for_selector("body[data-state=revealed]")
        return [self.page.inner_text(f"#{side} strong") for side in ("left", "right")]

    def close(self) -> None:
        assert self.faults == []
        self.context.close()


def test_two_browsers_vote_at_once(browser: Any, referee: Referee) -> None:
    with serving(create_app(referee, Limit(1000.0, 1000.0))) as root:
        ann = Person(browser, root, locale="en-GB", viewport={"width": 1280, "height": 800})
        bo = Person(browser, root, locale="zh-CN", viewport={"width": 390, "height": 844})
        for person in (ann, bo):
            assert not any(name in person.page.content() for name in NAMES)
        assert ann.page.inner_text("[data-say=left]") == "A is better"
        assert bo.page.inner_text("[data-say=left]") == "A 更好"
        assert len(referee.ballots.outstanding()) >= 2, "each looks at a pair of their own, with the next one loaded"

        ann.page.keyboard.press("ArrowLeft")
        bo.page.click("[data-verdict=bad]")
        names = ann.revealed()
        assert set(names) < set(NAMES)
        assert set(bo.revealed()) < set(NAMES)
        assert ann.page.get_attribute("#left", "class") == "won"
        first, second = referee.votes()
        by_verdict = {vote.verdict: vote for vote in (first, second)}
        assert [by_verdict["left"].left, by_verdict["left"].right] == names
        assert first.voter != second.voter

        ann.page.keyboard.press(" ")
        ann.asked()
        assert not any(name in ann.page.content() for name in NAMES)
        ann.page.keyboard.press("ArrowUp")
        ann.revealed()
        assert [vote.verdict for vote in referee.votes() if vote.voter == by_verdict["left"].voter] == ["left", "tie"]
        ann.page.keyboard.press("u")
        ann.asked()
        ann.page.wait_for_selector("text=Withdrawn.")
        assert len(referee.votes()) == 2
        assert ann.page.inner_text("#count") == "1 vote"

        bo.page.goto(f"{root}/board")
        bo.page.wait_for_selector("tbody svg .span")
        assert "2 张盲评票" in bo.page.inner_text("#lead")
        assert bo.page.locator("tbody tr").count() == 3
        assert [tab.inner_text() for tab in bo.page.locator("[role=tab]").all()] == ["全部", "scene", "text"]
        ann.close()
        bo.close()


def test_a_voter_comes_to_the_end(browser: Any, tmp_path: Path) -> None:
    """Two models, four prompts: four pairs, then thanks; the bar, the keys and a reload all lead on."""
    models, questions = models_of(write_models(tmp_path, NAMES[:2]))
    with ballots_at(tmp_path / "arena.db") as ballots:
        referee = Referee(models, questions, ballots)
        with serving(create_app(referee, Limit(1000.0, 1000.0))) as root:
            ann = Person(browser, root, locale="en-GB")
            prompt = ann.page.inner_text("#prompt")
            ann.page.reload()
            ann.asked()
            assert ann.page.inner_text("#prompt") == prompt
            for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"):
                ann.asked()
                ann.page.keyboard.press(key)
                ann.revealed()
                ann.page.click("#next")
            ann.page.wait_for_selector("body[data-state=done]")
            assert ann.page.inner_text("#end-title") == "That was all. Thank you!"
            assert sorted(vote.verdict for vote in referee.votes()) == ["bad", "left", "right", "tie"]
            ann.page.click("#language")
            assert ann.page.inner_text("#end-title") == "全部看完了，谢谢！"
            ann.close()
