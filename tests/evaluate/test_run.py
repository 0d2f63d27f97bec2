from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from colours import Colours, Eye, Painter, lines

from hanmo.data.layout import alone
from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.figures import make_report
from hanmo.evaluate.judge import judge
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.run import Budget, evaluate
from hanmo.evaluate.run_folder import (
    judged_files,
    picture_path,
    read_prompts,
    read_report,
    read_results,
    read_settings,
    source_paths,
)

FEW = RunOptions(seed=5, draws=50)


def test_a_run_paints_judges_and_reports(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "colours"
    painter = Painter(wrong=frozenset({"red-0"}))
    options = RunOptions(seed=5, draws=50, images=1)
    outcome = evaluate(Colours(rows=6), painter, Judges(), tmp_path, folder, options)
    report = read_report(folder)
    assert outcome.report == report
    assert outcome.stopped == ""
    assert (report.benchmark, report.prompts, report.pictures, report.unjudged) == ("colours", 24, 24, 0)
    assert report.metrics["right"].value == pytest.approx(23 / 24)
    assert report.metrics["right"].low < 23 / 24 < report.metrics["right"].high
    assert report.generator == {"kind": "painter", "name": "solid", "steps": 1}
    assert len(list((folder / "pictures").iterdir())) == 24
    (judged,) = judged_files(folder)
    where = report.provenance
    assert (where["judged"], where["seed"], where["images"], where["draws"]) == (judged.name, 5, 1, 50)
    assert {"hanmo", "commit", "date", "machine", "python", "torch", "prompt_hash", "data_hash"} <= set(where)
    results = read_results(folder)
    assert [result.prompt.id for result in results] == [one.prompt.id for one in read_prompts(folder)]
    assert results[0].values("right") == [0.0]
    assert results[1].prompt == Colours(rows=6).load(tmp_path)[1]


def test_the_same_call_again_paints_and_judges_nothing(tmp_path: Path) -> None:
    folder, eye = tmp_path / "run", Eye()
    judges = Judges(vlm=eye)
    first = evaluate(Colours(role="vlm"), Painter(), judges, tmp_path, folder, FEW)
    asked = eye.asked
    painter = Painter()
    again = evaluate(Colours(role="vlm"), painter, judges, tmp_path, folder, FEW)
    assert painter.seen == []
    assert eye.asked == asked == 16
    assert first.report is not None
    assert again.report is not None
    assert again.report.metrics == first.report.metrics


def test_what_is_missing_is_painted_and_is_what_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    evaluate(Colours(), Painter(), Judges(), tmp_path, folder, FEW)
    (planned, *_) = read_prompts(folder)
    path = picture_path(folder, planned.prompt.id, planned.seeds[1])
    before = path.read_bytes()
    path.unlink()
    painter = Painter(batch=1)
    evaluate(Colours(), painter, Judges(), tmp_path, folder, FEW)
    assert [(order.prompt.id, order.number, order.seed) for order, _ in painter.seen] == [
        ("red-0", 1, planned.seeds[1])
    ]
    assert path.read_bytes() == before


def test_a_run_of_other_settings_is_refused_with_what_differs(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    evaluate(Colours(), Painter(), Judges(), tmp_path, folder, FEW)
    with pytest.raises(RequestError, match=r"was begun with generator.steps 1 \(now 2\): give another folder"):
        evaluate(Colours(), Painter(steps=2), Judges(), tmp_path, folder, FEW)
    with pytest.raises(RequestError, match=r"seed 5 \(now 6\)"):
        evaluate(Colours(), Painter(), Judges(), tmp_path, folder, RunOptions(seed=6))
    with pytest.raises(RequestError, match="prompts_hash"):
        evaluate(Colours(rows=3), Painter(), Judges(), tmp_path, folder, FEW)
    with pytest.raises(RequestError, match="is not empty and no run"):
        evaluate(Colours(), Painter(), Judges(), tmp_path, tmp_path, FEW)


def test_more_prompts_and_pictures_keep_those_that_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    evaluate(Colours(), Painter(), Judges(), tmp_path, folder, RunOptions(limit=4, images=1, draws=5))
    assert {one.prompt.groups["colour"] for one in read_prompts(folder)} == {"red", "green", "blue", "white"}
    painter = Painter()
    outcome = evaluate(Colours(), painter, Judges(), tmp_path, folder, RunOptions(limit=6, draws=5))
    assert len(painter.seen) == 6 * 2 - 4
    assert outcome.report is not None
    assert (outcome.report.prompts, outcome.report.pictures) == (6, 12)
    assert read_settings(folder)["limit"] == 6


def test_missing_judges_and_data_are_named_before_the_first_picture(tmp_path: Path) -> None:
    painter, folder = Painter(), tmp_path / "run"
    with pytest.raises(RequestError, match="colours needs a judge for vlm, and there is none"):
        evaluate(Colours(role="vlm"), painter, Judges(), tmp_path, folder, FEW)
    with pytest.raises(RequestError, match="needs a judge for embedder:clip"):
        evaluate(Colours(role="embedder:clip"), painter, Judges(), tmp_path, folder, FEW)
    files = (DataFile("a/b.txt", None, "0" * 64, "ask its authors"), DataFile("a/zh.txt", None, "0" * 64, "", "zh"))
    with pytest.raises(RequestError, match=r"needs \S+b.txt, which is not there: .*eval fetch .*ask its authors"):
        evaluate(Colours(files=files), painter, Judges(), tmp_path, folder, FEW)
    assert painter.seen == []
    assert not folder.exists()


def test_what_cannot_be_judged_is_unjudged_and_never_zero(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    judges = Judges(vlm=Eye(blind=frozenset({"red"})))
    report = evaluate(Colours(role="vlm"), Painter(), judges, tmp_path, folder, FEW).report
    assert report is not None
    assert (report.unjudged, report.scores, report.unjudged_share) == (4, 16, 0.25)
    assert report.metrics["right"].value == 1.0
    first = read_results(folder)[0]
    assert [(score.picture, score.unjudged) for score in first.scores] == [
        (0, "I do not see red"),
        (1, "I do not see red"),
    ]
    everything = Judges(vlm=Eye(blind=frozenset({"red", "green", "blue", "white"})))
    judged = judge(Colours(role="vlm"), everything, folder, read_prompts(folder), tmp_path)
    nothing = make_report(Colours(role="vlm"), folder, judged.path, draws=5)
    assert math.isnan(nothing.metrics["right"].value)
    assert math.isnan(read_report(folder).metrics["right"].low)
    assert "NaN" not in (folder / "report.json").read_text()


def test_other_judges_and_options_judge_beside_the_first_without_painting(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    wrong = Painter(wrong=frozenset({"red-0"}))
    evaluate(Colours(role="vlm"), wrong, Judges(vlm=Eye()), tmp_path, folder, FEW)
    evaluate(Colours(role="vlm"), wrong, Judges(vlm=Eye(version="2")), tmp_path, folder, FEW)
    strict, lenient = judged_files(folder)
    assert lines(strict)[0]["judges"]["vlm"]["version"] == "1"
    assert lines(lenient)[0]["judges"]["vlm"]["version"] == "2"
    assert len(wrong.seen) == 16
    evaluate(Colours(), wrong, Judges(), tmp_path, folder, FEW)
    plain = read_report(folder)
    evaluate(Colours(official_compat=True), wrong, Judges(), tmp_path, folder, FEW)
    assert (plain.official_compat, plain.metrics["right"].value) == (False, 14 / 16)
    assert (read_report(folder).official_compat, read_report(folder).metrics["right"].value) == (True, 1.0)
    assert len(judged_files(folder)) == 4
    assert len(wrong.seen) == 16
    with pytest.raises(RequestError, match="was judged with other options"):
        make_report(Colours(tolerance=3.0), folder)


def test_a_torn_last_line_is_judged_again_and_no_other(tmp_path: Path) -> None:
    folder, eye = tmp_path / "run", Eye()
    evaluate(Colours(role="vlm"), Painter(), Judges(vlm=eye), tmp_path, folder, FEW)
    (path,) = judged_files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    eye.asked = 0
    evaluate(Colours(role="vlm"), Painter(), Judges(vlm=eye), tmp_path, folder, FEW)
    assert eye.asked == 2
    assert path.read_bytes() == whole


def test_a_budget_stops_cleanly_and_the_same_call_goes_on(tmp_path: Path) -> None:
    folder, eye = tmp_path / "run", Eye()
    judges, slow = Judges(vlm=eye), Painter(pause=0.02, batch=2)
    bench = Colours(role="vlm")
    first = evaluate(bench, slow, judges, tmp_path, folder, FEW, Budget(seconds=0.05))
    assert first.report is None
    assert "pictures are still to paint: the same command goes on" in first.stopped
    assert 2 <= len(slow.seen) < 16
    second = evaluate(bench, Painter(), judges, tmp_path, folder, FEW, Budget(calls=5))
    assert (second.report, eye.asked) == (None, 5)
    assert "6 prompts are still to judge" in second.stopped
    third = evaluate(bench, Painter(), judges, tmp_path, folder, FEW)
    assert third.report is not None
    assert third.report.metrics["right"].value == 1.0
    assert eye.asked == 5 + 12
    with pytest.raises(RequestError, match="a budget of 0 calls is not allowed"):
        Budget(calls=0)


def test_several_pictures_are_painted_at_once_where_the_painter_allows_it(tmp_path: Path) -> None:
    painter = Painter(pause=0.02, batch=1, concurrent=True)
    options = RunOptions(draws=5, concurrency=4, images=1)
    report = evaluate(Colours(), painter, Judges(), tmp_path, tmp_path / "run", options).report
    assert 2 <= painter.most_at_once <= 4
    assert report is not None
    assert report.metrics["right"].value == 1.0
    alone = Painter(pause=0.001, concurrent=False)
    evaluate(Colours(), alone, Judges(), tmp_path, tmp_path / "alone", options)
    assert alone.most_at_once == 1
    pictures = [
        {path.name: path.read_bytes() for path in (tmp_path / run / "pictures").iterdir()} for run in ("run", "alone")
    ]
    assert pictures[0] == pictures[1]


def test_several_prompts_are_judged_at_once_and_the_results_are_the_same(tmp_path: Path) -> None:
    folder, eye = tmp_path / "run", Eye(blind=frozenset({"blue"}))
    options = RunOptions(draws=5, images=1, judging=3)
    stopped = evaluate(Colours(role="vlm"), Painter(), Judges(vlm=eye), tmp_path, folder, options, Budget(calls=4))
    assert stopped.report is None
    assert eye.asked == 4
    report = evaluate(Colours(role="vlm"), Painter(), Judges(vlm=eye), tmp_path, folder, options).report
    assert eye.asked == 8
    assert report is not None
    assert (report.unjudged, report.metrics["right"].value) == (2, 1.0)
    assert [result.prompt for result in read_results(folder)] == Colours().load(tmp_path)


def test_refused_prompts_are_unjudged_and_not_asked_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    report = evaluate(Colours(), Painter(refuses=frozenset({"red-0"})), Judges(), tmp_path, folder, FEW).report
    assert report is not None
    assert (report.unjudged, report.metrics["right"].value) == (2, 1.0)
    assert read_results(folder)[0].scores[0].unjudged == "not painted: red-0 is not liked"
    again = Painter()
    evaluate(Colours(), again, Judges(), tmp_path, folder, FEW)
    assert again.seen == []


def test_a_painter_that_refuses_everything_stops_the_run(tmp_path: Path) -> None:
    everything = frozenset(prompt.id for prompt in Colours().load(tmp_path))
    with pytest.raises(RequestError, match="no picture could be painted: red-0 is not liked"):
        evaluate(Colours(), Painter(refuses=everything), Judges(), tmp_path, tmp_path / "run", FEW)
    assert list((tmp_path / "run" / "pictures").iterdir()) == []


def test_sources_of_edits_reach_the_painter_and_the_folder(tmp_path: Path) -> None:
    painter, folder = Painter(), tmp_path / "run"
    evaluate(Colours(edits=True), painter, Judges(), tmp_path, folder, FEW)
    assert {(order.prompt.task, sources) for order, sources in painter.seen} == {("generate", 0), ("edit", 1)}
    assert [path.name for path in source_paths(folder, "red-1")] == ["red-1-0.png"]
    assert source_paths(folder, "red-0") == []


KILLED = """
import sys
from pathlib import Path
from colours import Colours, Painter
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.run import evaluate
evaluate(Colours(), Painter(pause=0.05, batch=1), Judges(), Path("."), Path(sys.argv[1]), RunOptions(seed=5, draws=50))
"""


def test_a_run_that_is_killed_loses_the_picture_in_work_and_no_other(tmp_path: Path, root: Path) -> None:
    folder = tmp_path / "run"
    environment = {"PYTHONPATH": f"{root / 'src'}:{root / 'tests'}", "PATH": "/usr/bin:/bin"}
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], env=environment)
    end = time.monotonic() + 60
    while len(list(folder.glob("pictures/*.png"))) < 4 and time.monotonic() < end:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    there = {path.name: path.read_bytes() for path in folder.glob("pictures/*.png")}
    assert 4 <= len(there) < 16
    painter = Painter()
    report = evaluate(Colours(), painter, Judges(), tmp_path, folder, FEW).report
    assert report is not None
    assert report.pictures == 16
    assert len(painter.seen) == 16 - len(there)
    assert all((folder / "pictures" / name).read_bytes() == data for name, data in there.items())
    assert json.loads((folder / "run.json").read_text())["seed"] == 5


def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    evaluate(Colours(), Painter(), Judges(), tmp_path, folder, FEW)
    with alone(folder), pytest.raises(OutputError, match="another run is writing to"):
        evaluate(Colours(), Painter(), Judges(), tmp_path, folder, FEW)
