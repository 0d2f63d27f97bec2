"""DPG-Bench with canned answers. The figures of `official_compat` are those that the official script prints for this
table, these answers and 2x2 pictures (TencentQQGYLab/ELLA, compute_dpg_bench.py, commit 3c228f1, run apart from this
repository with these answers in the place of mPLUG); those of the papers' way are worked out by hand, below."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark, DataFile
from hanmo.evaluate.benchmarks import dpg
from hanmo.evaluate.benchmarks.dpg import CATEGORIES, DPG
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.files import digest_like
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Json, Prompt, Result, Score

HEAD = (
    "item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_natural_language"
)
# (item, id, dependency, tuple, answers to the four pictures)
Row = tuple[str, int, str, str, str]
ROWS: list[Row] = [
    ("partiprompts97", 1, "0", "entity - whole (glasses)", "yyyy"),
    ("partiprompts97", 2, "1", "attribute - type (glasses, horn-rimmed)", "yyny"),
    # a chain: no motorcycle, yet its wheel is there, and black
    ("12", 1, "0", "entity - whole (motorcycle)", "nyny"),
    ("12", 2, "1", "entity - part (motorcycle, wheel)", "yyyn"),
    ("12", 3, "2", "attribute - color (wheel, black)", "yyyy"),
    # the second presupposes what comes third, and the first what comes second
    ("vrd7", 1, "2", "relation - spatial (dog, cat, left of)", "yyyy"),
    ("vrd7", 2, "3", "entity - state (dog, sleep)", "yyyy"),
    ("vrd7", 3, "0", "entity - whole (dog)", "nnyn"),
    # all categories; two parents
    ("stanford3", 1, "0", "global - (photo)", "ynyy"),
    ("stanford3", 2, "0", "entity - whole (man)", "yyyn"),
    ("stanford3", 3, "0", "entity - whole (hat)", "yyny"),
    ("stanford3", 4, "2,3", "relation - spatial (man, hat, under)", "yyyy"),
    ("stanford3", 5, "0", "other - text (sign, OPEN)", "nnny"),
]
COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0))
PICTURES = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]


def words(row: Row) -> str:
    return f"Question {row[1]} of {row[0]}?"


def table(rows: Sequence[Row]) -> str:
    lines = [f'{r[0]},"A text, of {r[0]}",some,{r[1]},"{r[2]}",broad,detailed,"{r[3]}",{words(r)}' for r in rows]
    return "\n".join([HEAD, *lines]) + "\n"


class Answerer:
    """Says what the table above has for a picture and a question; `odd` replaces what it says to some."""

    def __init__(self, odd: Mapping[tuple[str, int], str] | None = None) -> None:
        self.odd = odd or {}
        self.asked = 0

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "canned"}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.asked += 1
        colour = images[0].getpixel((4, 4))
        number = next(i for i, each in enumerate(COLOURS) if each == colour)
        row = next(row for row in ROWS if prompt.startswith(words(row)))
        return self.odd.get((words(row), number), "Yes." if row[4][number] == "y" else "no")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small table and its prompts, in the official formats."""
    contents = {
        dpg.PROMPTS: json.dumps([[item, f"A text, of {item}"] for item in dict.fromkeys(row[0] for row in ROWS)]),
        dpg.TABLE: table(ROWS),
    }
    for file, content in contents.items():
        path = tmp_path / file.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
        pinned = DataFile(file.path, file.url, digest_like("", content.encode()), file.licence)
        monkeypatch.setattr(dpg, "PROMPTS" if file is dpg.PROMPTS else "TABLE", pinned)
    return tmp_path


def run(benchmark: DPG, data: Path, answerer: Answerer | None = None) -> list[Result]:
    """Every prompt judged; a prompt that is not has an unjudged score a picture, as the runner gives it."""
    results = []
    for prompt in benchmark.load(data):
        try:
            scores = benchmark.judge(prompt, PICTURES, Judges(vlm=answerer or Answerer()), data)
        except Unjudged as error:
            scores = [Score({}, number, unjudged=str(error)) for number in range(4)]
        results.append(Result(prompt, (0, 1, 2, 3), tuple(scores)))
    return results


def test_the_scripts_figures_are_reproduced(data: Path) -> None:
    results = run(DPG(official_compat=True), data)
    assert [result.unjudged for result in results] == [4, 0, 0, 0]
    assert "presupposes question 1" in (results[0].scores[0].unjudged or "")
    assert DPG(official_compat=True).summary(results) == pytest.approx(OFFICIAL)
    assert results[1].values("score") == pytest.approx(OFFICIAL_PICTURES["12"])
    assert results[2].values("score") == pytest.approx(OFFICIAL_PICTURES["vrd7"])
    assert results[3].values("score") == pytest.approx(OFFICIAL_PICTURES["stanford3"])


# It prints "Failed filename: partiprompts97.png 1", and in per cent:
OFFICIAL = {
    "overall": 0.4777777777777777,
    "global": 1.0,
    "entity": 0.5,
    "attribute": 1.0,
    "relation": 1.0,
    "other": 1.0,
}
OFFICIAL_PICTURES = {
    "12": [0.0, 1.0, 0.0, 0.3333333333333333],
    "vrd7": [0.3333333333333333, 0.3333333333333333, 1.0, 0.3333333333333333],
    "stanford3": [0.8, 0.6, 0.4, 0.6],
}


def test_the_papers_figures_count_a_yes_only_where_the_question_makes_sense(data: Path) -> None:
    results = run(DPG(), data)
    pictures = [result.values("score") for result in results]
    assert pictures[0] == [1, 1, 1 / 2, 1]
    assert pictures[1] == pytest.approx([0, 1, 0, 1 / 3])  # no motorcycle, no wheel, no black wheel
    assert pictures[2] == [0, 0, 1, 0]  # no dog: it neither sleeps nor lies left of the cat
    assert pictures[3] == pytest.approx([4 / 5, 3 / 5, 2 / 5, 3 / 5])
    figures = DPG().summary(results)
    assert list(figures) == ["overall", *CATEGORIES]
    assert figures["overall"] == pytest.approx((3.5 / 4 + 4 / 3 / 4 + 1 / 4 + 2.4 / 4) / 4)
    # entity: 4 of 4; 2 and 1 of 8; 1 and 1 of 8; 3 and 3 of 8
    assert figures["entity"] == pytest.approx((4 + 3 + 2 + 6) / 28)
    assert figures["attribute"] == pytest.approx((3 + 1) / 8)
    assert figures["relation"] == pytest.approx((1 + 2) / 8)
    assert figures["global"] == pytest.approx(3 / 4)
    assert figures["other"] == pytest.approx(1 / 4)


def test_a_person_reads_each_answer_and_whether_it_counted(data: Path) -> None:
    first = run(DPG(), data)[1].scores[0]
    assert first.saw == [
        {"question": "Question 1 of 12?", "said": "no", "yes": False, "counts": False},
        {"question": "Question 2 of 12?", "said": "Yes.", "yes": True, "counts": False},
        {"question": "Question 3 of 12?", "said": "Yes.", "yes": True, "counts": False},
    ]


def test_an_answer_that_is_neither_is_asked_for_again_and_then_leaves_its_picture_unjudged(data: Path) -> None:
    answerer = Answerer({("Question 2 of 12?", 1): "There is a wheel."})
    scores = run(DPG(), data, answerer)[1].scores
    assert [score.unjudged is None for score in scores] == [True, False, True, True]
    assert "Question 2 of 12?" in (scores[1].unjudged or "")
    assert "There is a wheel." in (scores[1].unjudged or "")
    assert answerer.asked == 4 * len(ROWS) + 2 - 1  # twice more; what comes after it is not asked
    official = run(DPG(official_compat=True), data, answerer)[1].scores[1]
    assert official.values["score"] == pytest.approx(1 / 3)  # for the script it is a no


def test_nothing_judged_is_no_figure_at_all(data: Path) -> None:
    assert all(math.isnan(figure) for figure in DPG().summary([]).values())
    with pytest.raises(Unjudged, match="vlm"):
        DPG().judge(DPG().load(data)[0], PICTURES, Judges(), data)
    with pytest.raises(Unjudged, match="no questions for 7"):
        DPG().judge(Prompt("7", "", truth={"questions": []}), PICTURES, Judges(vlm=Answerer()), data)


def test_a_missing_table_is_one_clear_line(data: Path) -> None:
    (data / "dpg_bench" / "dpg_bench.csv").unlink()
    with pytest.raises(RequestError, match=r"dpg_bench\.csv, which is not there: run: hanmo eval fetch dpg") as error:
        DPG().load(data)
    assert "\n" not in str(error.value)


def test_a_table_of_other_prompts_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = table([("elsewhere1", 1, "0", "entity - whole (x)", "yyyy")])
    (data / "dpg_bench" / "dpg_bench.csv").write_text(content)
    monkeypatch.setattr(dpg, "TABLE", DataFile(dpg.TABLE.path, "url", digest_like("", content.encode()), ""))
    with pytest.raises(RequestError, match="questions for none of the prompts"):
        DPG().load(data)


def test_the_official_list_has_1065_prompts_in_its_order(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dpg_bench").mkdir()
    (tmp_path / dpg.PROMPTS.path).symlink_to(shared / "bench" / dpg.PROMPTS.path)
    (tmp_path / dpg.TABLE.path).write_text(table(ROWS))
    pin = digest_like("", table(ROWS).encode())
    monkeypatch.setattr(dpg, "TABLE", DataFile(dpg.TABLE.path, "url", pin, ""))
    prompts = DPG().load(tmp_path)
    assert len(prompts) == len({prompt.id for prompt in prompts}) == 1065
    assert prompts[0].id == "partiprompts97"
    assert "invisible man" in prompts[0].text
    assert len(prompts[0].truth["questions"]) == 2


def test_it_is_a_benchmark_whose_table_is_pinned() -> None:
    assert isinstance(DPG(), Benchmark)
    assert benchmark("dpg", official_compat=True) == DPG(official_compat=True)
    assert [field.name for field in fields(DPG)] == ["official_compat"]
    assert all(file.sha256 for file in DPG().files)
