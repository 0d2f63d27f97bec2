import json
from pathlib import Path

import pytest
from evaluated import Made, made_run, summary

from hanmo.errors import RequestError
from hanmo.evaluate.report.compare import write_comparison
from hanmo.evaluate.report.compared_page import page
from hanmo.evaluate.report.compared_text import as_json, markdown
from hanmo.evaluate.report.comparison import Comparison, Run, compare
from hanmo.evaluate.report.figures import Style
from hanmo.evaluate.report.reference import Reference
from hanmo.evaluate.types import Report

OTHER = Reference("made-up", "Other", {"overall": 0.8832}, "a paper")


def compared(runs: dict[str, Made], style: Style | None = None) -> list[Comparison]:
    return compare(
        [Run(name, made.report, made.results, made.files) for name, made in runs.items()],
        lambda report: summary,
        lambda report: style or Style(percent=True),
        lambda report: [OTHER],
        draws=20,
    )


@pytest.fixture
def two(tmp_path: Path) -> dict[str, Made]:
    return {
        "ours": made_run(tmp_path / "a"),
        "theirs": made_run(tmp_path / "b", values=(1.0, 1.0, 1.0, None, 1.0)),
    }


def test_the_best_run_is_in_bold_and_published_scores_are_in_italics(two: dict[str, Made]) -> None:
    text = markdown(compared(two))
    assert "| overall | 50.0 % (40.0 to 60.0) | **100.0 %** (90.0 to 110.0) | *88.32 %* |" in text
    assert "published, not measured here (a paper)" in text
    assert [run.name for run in compared(two, Style(lower=frozenset({"overall"})))[0].best("overall")] == ["ours"]
    alike = compared({"one": two["ours"], "two": two["ours"]})[0]
    assert alike.best("overall") == []


def test_runs_that_were_made_alike_have_no_warning_and_a_tested_difference(two: dict[str, Made]) -> None:
    (one,) = compared(two)
    assert one.warnings == []
    assert one.pairs[0].figures is not None
    assert one.pairs[0].figures["overall"].value == 0.5


def test_what_was_not_alike_is_named(tmp_path: Path, two: dict[str, Made]) -> None:
    odd = made_run(
        tmp_path / "c",
        official_compat=True,
        pictures=20,
        judges={"ocr": {"name": "other"}},
        provenance={"limit": 5},
        unjudged=3,
    )
    (one,) = compared(two | {"odd": odd})
    text = "\n".join(one.warnings)
    for words in (
        "official script's quirks: not reproduced (ours), not reproduced (theirs), reproduced (odd)",
        "pictures a prompt: 1 (ours), 1 (theirs), 4 (odd)",
        "judge ocr, name: rapidocr (ours), rapidocr (theirs), other (odd)",
        "limit: none (ours), none (theirs), 5 (odd)",
        "unjudged: 20.0 % (ours), 20.0 % (theirs), 60.0 % (odd)",
    ):
        assert words in text
    assert "seed" not in text
    assert [pair.figures is None for pair in one.pairs] == [False, True, True]
    assert "These runs were not made alike." in page([one], tmp_path)


def test_json_has_every_figure_and_nothing_that_is_no_json(tmp_path: Path, two: dict[str, Made]) -> None:
    nothing = made_run(tmp_path / "n", values=(None,) * 5)
    data = json.loads(json.dumps(as_json(compared(two | {"nothing": nothing})), allow_nan=False))
    (one,) = data["benchmarks"]
    assert [run["name"] for run in one["runs"]] == ["ours", "theirs", "nothing"]
    assert one["runs"][2]["metrics"]["overall"]["value"] is None
    assert one["pairs"][0]["differences"]["overall"]["value"] == 0.5
    assert one["published"][0]["measured"] == "published, not measured here"


def test_pictures_of_a_prompt_stand_side_by_side(tmp_path: Path, two: dict[str, Made]) -> None:
    text = page(compared(two), tmp_path, picture_bytes=0)
    assert text.count("<article") == 5
    assert 'src="a/pictures/p0-7.png"' in text
    assert 'src="b/pictures/p0-7.png"' in text
    assert text.count('data-state="differ"') == 2
    assert "<script>alert" not in text


def test_several_benchmarks_have_an_overview(tmp_path: Path) -> None:
    runs = [
        Run("ours", made.report, made.results, made.files)
        for name in ("one", "two", "three")
        for made in [made_run(tmp_path / name, benchmark=name, title=name.capitalize())]
    ]
    found = compare(runs, lambda report: summary, lambda report: Style(), lambda report: [])
    assert [one.benchmark for one in found] == ["one", "two", "three"]
    text = page(found, tmp_path)
    assert "Overview" in text
    assert text.count('class="radar"') == 4  # the overview and each benchmark


def test_a_benchmark_that_is_not_in_the_catalog_is_shown_but_not_tested(two: dict[str, Made]) -> None:
    runs = [Run(name, made.report, made.results, made.files) for name, made in two.items()]
    (one,) = compare(runs)
    assert one.pairs[0].figures is None
    assert one.published == []


def test_no_run_or_one_run_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no run to compare"):
        write_comparison([], tmp_path)
    with pytest.raises(RequestError, match="given twice"):
        write_comparison([tmp_path, tmp_path / "." / ""], tmp_path)


def test_a_report_is_what_a_comparison_reads(two: dict[str, Made]) -> None:
    made = two["ours"]
    assert Report.from_dict(json.loads(json.dumps(made.report.to_dict()))) == made.report
