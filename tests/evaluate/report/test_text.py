from pathlib import Path

from evaluated import made_run

from hanmo.evaluate.report.figures import Style
from hanmo.evaluate.report.reference import Reference
from hanmo.evaluate.report.text import as_lines, width

STYLE = Style(percent=True, lower=frozenset({"zh"}))


def test_the_table_has_figures_intervals_published_scores_and_what_is_unjudged(tmp_path: Path) -> None:
    other = Reference("made-up", "Other", {"overall": 0.8832}, "a paper", unverified=frozenset({"overall"}), note="1 %")
    lines = as_lines(made_run(tmp_path).report, [other], STYLE)
    assert lines == [
        "Made-up <b>",
        "         画家 <i>  95 % interval     Other",
        "overall    50.0 %   40.0 to 60.0  88.32 %†",
        "EN         50.0 %   40.0 to 60.0",
        "ZH ↓       50.0 %   40.0 to 60.0",
        "5 prompts, 5 pictures; 1 of 5 scores (20.0 %) unjudged",
        "↓ lower is better",
        "Other: published, not measured here (a paper)",
        "Other: 1 %",
        "† noted from its source once, not found a second time elsewhere",
    ]
    assert len({width(line) for line in lines[1:3]}) == 1


def test_without_published_scores_nothing_is_said_of_them(tmp_path: Path) -> None:
    made = made_run(tmp_path, values=(1.0, 1.0, 1.0, 1.0, 1.0), official_compat=True)
    lines = as_lines(made.report, [], Style())
    assert lines[0] == "Made-up <b>, quirks of the official script"
    assert lines[-1] == "5 prompts, 5 pictures, all judged"
    assert not any("published" in line for line in lines)


def test_a_published_score_without_a_figure_of_the_run_is_left_out(tmp_path: Path) -> None:
    lines = as_lines(made_run(tmp_path).report, [Reference("made-up", "Other", {"more": 1.0}, "a paper")], Style())
    assert not any("Other" in line for line in lines)
