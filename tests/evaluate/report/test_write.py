import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluated import EVIL, TEXTS, Made, made_run, result

from hanmo.evaluate.report.figures import Style
from hanmo.evaluate.report.reference import Reference
from hanmo.evaluate.report.samples import Files
from hanmo.evaluate.report.write import markdown, page
from hanmo.evaluate.types import Prompt, Result, Score

STYLE = Style(percent=True)
OTHER = Reference("made-up", "Other <u>", {"overall": 0.8832}, "a paper", unverified=frozenset({"overall"}))


class Reader(HTMLParser):
    """Elements of a page, and the text of those that are no script or style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._hidden = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data

    def those(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.found if tag == name]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_run(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def read(made: Made) -> Reader:
    return Reader(page(made.report, made.results, made.files, made.folder, STYLE, [OTHER]))


def test_every_sample_is_on_the_page_with_its_pictures_and_what_the_judge_saw(made: Made, read: Reader) -> None:
    assert [card["data-id"] for card in read.those("article")] == ["p0", "p1", "p2", "p3", "p4"]
    assert len(read.those("img")) == 6  # five and the source of the edit
    for text in TEXTS:
        assert text in read.text
    assert (
        read.text.count(EVIL) == 4 + 1 + 2
    )  # read on four cards, asked for on one; the reason on another and in the list of reasons
    assert "unjudged: no answer" in read.text


def test_nothing_that_is_quoted_becomes_markup(read: Reader) -> None:
    assert len(read.those("script")) == 1
    assert read.those("i") == []
    assert read.those("u") == []
    assert all("onerror" not in attributes for _, attributes in read.found)
    assert "Made-up <b>" in read.text


def test_figures_stand_with_intervals_and_published_scores_are_marked(read: Reader) -> None:
    assert "50.0 %" in read.text
    assert "40.0 to 60.0" in read.text
    assert "88.32 %†" in read.text
    assert "published, not measured here" in read.text
    assert "noted from its source once" in read.text


def test_the_share_of_unjudged_scores_is_told_plainly(read: Reader) -> None:
    assert "20.0 %" in read.text
    assert "1 of 5 scores (20.0 %) unjudged" in read.text


def test_where_it_comes_from_is_on_the_page(read: Reader) -> None:
    for words in ("d764e70", "rapidocr", "3.10.0", "ab12", "2026-11-21", "画家 <i>"):
        assert words in read.text


def test_samples_carry_their_state(read: Reader) -> None:
    assert [card["data-state"] for card in read.those("article")] == [
        "passed",
        "failed",
        "failed",
        "unjudged",
        "passed",
    ]


def test_chinese_prompts_say_their_language(read: Reader) -> None:
    languages = [attrs.get("lang") for attrs in read.those("h3") if attrs.get("class") == "prompt"]
    assert languages == [None, "zh", None, None, "zh"]


def test_a_page_needs_nothing_but_its_folder(made: Made) -> None:
    text = page(made.report, made.results, made.files, made.folder, STYLE, picture_bytes=0)
    read = Reader(text)
    addresses = [attrs[name] or "" for _, attrs in read.found for name in ("src", "href") if name in attrs]
    assert "pictures/p0-7.png" in addresses
    assert "sources/p1-0.png" in addresses
    assert all(re.match(r"#|pictures/|sources/", address) for address in addresses)
    assert not re.search(r"url\(|@import|https?://", text)
    assert "6 pictures are read from the folder" in read.text


def test_quirks_of_the_official_script_are_told(made: Made, tmp_path: Path) -> None:
    official_compat = made_run(tmp_path, official_compat=True)
    assert "with the quirks of the official script" in page(
        official_compat.report, official_compat.results, official_compat.files, tmp_path, STYLE
    )
    assert "with the quirks" not in page(made.report, made.results, made.files, made.folder, STYLE)


def test_scores_of_all_pictures_together_and_graded_ones_have_their_place(tmp_path: Path) -> None:
    both = Result(Prompt("x", "x"), (1, 2), (Score({"O": 6.4807}, 0), Score({"O": 2.0}, 1), Score({"far": 0.5}, None)))
    nowhere = Files(lambda prompt_id, seed: tmp_path / "none.png", lambda prompt_id: [])
    made = made_run(tmp_path / "run")
    read = Reader(page(made.report, [both, result(5, "y", 1.0)], nowhere, tmp_path, STYLE))
    assert "6.481" in read.text
    assert "all together" in read.text
    assert "the picture is not there" in read.text


def test_a_run_of_which_nothing_was_judged_has_a_page(tmp_path: Path) -> None:
    made = made_run(tmp_path / "run", values=(None,) * 5)
    text = page(made.report, made.results, made.files, made.folder, STYLE)
    assert "100.0 %" in text
    assert "–" in text


def test_markdown_is_a_table_that_quoted_words_cannot_break(made: Made) -> None:
    text = markdown(made.report, made.results, STYLE, [OTHER])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert "| overall | **50.0 %** | 40.0 to 60.0 | *88.32 %*† |" in rows
    assert "<script>" not in text
    assert "1 of 5 scores (20.0 %) unjudged" in text
    assert "published, not measured here (a paper)" in text
