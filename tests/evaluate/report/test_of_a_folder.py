"""The reports of real folders, written by the runner's own functions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from evaluated import VALUES, Made, made_run

from hanmo.evaluate.report.compare import write_comparison
from hanmo.evaluate.report.write import write_pages

run_folder = pytest.importorskip("hanmo.evaluate.run_folder")


def written(folder: Path, values: tuple[float | None, ...] = VALUES) -> Made:
    made = made_run(folder, values)
    judged = folder / "judged-0123.jsonl"
    made = replace(made, report=replace(made.report, provenance=made.report.provenance | {"judged": judged.name}))
    run_folder.write_json(folder / "run.json", {"benchmark": "made-up"})
    run_folder.write_prompts(folder, [run_folder.Planned(one.prompt, one.seeds) for one in made.results])
    run_folder.append(judged, {"judges": {}, "official_compat": False})
    for one in made.results:
        line = {"id": one.prompt.id, "seeds": one.seeds, "scores": [score.to_dict() for score in one.scores]}
        run_folder.append(judged, line)
    run_folder.keep_report(folder, made.report)
    return made


def test_a_run_has_its_reports_beside_its_figures(tmp_path: Path) -> None:
    written(tmp_path / "run")
    assert write_pages(tmp_path / "run") == [tmp_path / "run" / "report.html", tmp_path / "run" / "report.md"]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count("<article") == 5
    assert page.count("data:image/webp") == 6
    assert "| overall | **0.500** |" in (tmp_path / "run" / "report.md").read_text(encoding="utf-8")


def test_runs_are_compared_in_a_folder_of_their_own(tmp_path: Path) -> None:
    written(tmp_path / "a")
    written(tmp_path / "b", (1.0, 1.0, 1.0, None, 1.0))
    files = write_comparison([tmp_path / "a", tmp_path / "b"], tmp_path / "new" / "both")
    assert [path.name for path in files] == ["comparison.html", "comparison.md", "comparison.json"]
    data = json.loads(files[2].read_text(encoding="utf-8"))
    assert [run["name"] for run in data["benchmarks"][0]["runs"]] == ["画家 <i> (a)", "画家 <i> (b)"]
