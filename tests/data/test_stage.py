from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_pictures import Brightness, BrightnessConfig, Fatal, FatalConfig, record

from hanmo.data.journal import Journal, note_death, pending
from hanmo.data.layout import read_success, rejects_in, shard_in
from hanmo.data.operator import Measured, Threshold, digest, operator_key
from hanmo.data.record import Record, Verdict
from hanmo.data.rejects import Reject, read_rejects
from hanmo.data.scores import fingerprint, read_scores
from hanmo.data.shards import read_shard, write_shard
from hanmo.data.stage import Counts, Stage, Task, measure_shard, run_shard

RECORDS = [record(level) for level in (10, 60, 110, 160)]
DARK = {"brightness": {"mean": Threshold(low=50.0)}}
BRIGHT = {"brightness": {"mean": Threshold(low=150.0)}}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    write_shard(tmp_path / "in" / "s.tar", RECORDS)
    return Task(tmp_path / "in" / "s.tar", tmp_path / "out" / "s")


@pytest.fixture
def brightness(tmp_path: Path) -> Brightness:
    return Brightness(BrightnessConfig(tmp_path / "calls"))


def kept(task: Task) -> list[str]:
    return [record.id for record in read_shard(shard_in(task.place))]


def rejected(task: Task) -> list[Reject]:
    return list(read_rejects(rejects_in(task.place)))


def test_kept_records_go_on_and_dropped_ones_stay_with_the_reason(task: Task, brightness: Brightness) -> None:
    assert run_shard(task, Stage((brightness,), DARK)) == Counts(kept=3, rejected=1, measured=4)
    first = next(read_shard(shard_in(task.place)))
    assert first.id == RECORDS[1].id
    assert 50 < first.scores["brightness.mean"] < 70
    assert first.metadata["brightness"] == {"pid_free": True}
    assert first.verdicts[0].low == 50.0
    (line,) = rejected(task)
    assert line.where == "tiny"
    assert (line.id, line.kind, line.operator, line.score) == (RECORDS[0].id, "dropped", "brightness", "mean")
    assert line.value is not None
    assert line.value < 50.0 == line.low
    assert "grey 10" in line.record


def test_another_threshold_decides_again_and_measures_nothing(task: Task, brightness: Brightness) -> None:
    run_shard(task, Stage((brightness,), DARK))
    assert brightness.calls == 4
    assert run_shard(task, Stage((brightness,), BRIGHT)) == Counts(kept=1, rejected=3, measured=0)
    assert kept(task) == [RECORDS[3].id]
    assert brightness.calls == 4
    assert run_shard(task, Stage((brightness,))) == Counts(kept=4, rejected=0, measured=0)


def test_another_config_or_operator_is_measured_and_only_that(task: Task, brightness: Brightness) -> None:
    fatal = Fatal(FatalConfig("nobody", "raise"))
    run_shard(task, Stage((brightness,)))
    assert run_shard(task, Stage((brightness, fatal))).measured == 4
    scaled = replace(brightness, config=replace(brightness.config, scale=2.0))
    assert run_shard(task, Stage((scaled, fatal))).measured == 4
    assert run_shard(task, Stage((brightness, fatal))).measured == 0


def test_of_another_shard_only_scores_of_the_same_records_are_taken(task: Task, brightness: Brightness) -> None:
    run_shard(task, Stage((brightness,)))
    write_shard(task.shard, [record(200), *RECORDS[1:]])
    assert run_shard(task, Stage((brightness,))).measured == 1
    other = replace(RECORDS[1], scores={"captions.tokens": 7.0})
    write_shard(task.shard, [record(200), other, *RECORDS[2:]])
    assert run_shard(task, Stage((brightness,))).measured == 1, "an operator may look at scores of earlier stages"


def test_other_thresholds_of_an_earlier_stage_measure_only_what_is_new(task: Task, brightness: Brightness) -> None:
    def arrive(*records: Record) -> int:
        verdict = Verdict("luma", "kept", "luma", 0.5, low=0.1 * len(records))
        write_shard(task.shard, [replace(one, verdicts=(verdict,)) for one in records])
        return run_shard(task, Stage((brightness,), DARK)).measured

    assert arrive(*RECORDS) == 4
    assert arrive(*RECORDS[2:]) == 0
    assert kept(task) == [one.id for one in RECORDS[2:]]
    assert arrive(*RECORDS) == 0, "scores of records that were away are kept"
    assert kept(task) == [one.id for one in RECORDS[1:]]
    assert arrive(*RECORDS, record(200)) == 1


def test_an_operator_that_raises_rejects_its_record_and_the_run_goes_on(task: Task, brightness: Brightness) -> None:
    fatal = Fatal(FatalConfig(RECORDS[2].id, "raise"))
    assert run_shard(task, Stage((brightness, fatal), DARK)) == Counts(kept=2, rejected=2, measured=8)
    line = rejected(task)[1]
    assert (line.kind, line.operator, line.reason) == ("failed", "fatal", "ValueError: this one is too much")


def test_a_shard_stopped_at_any_point_ends_with_the_same_bytes(task: Task, brightness: Brightness) -> None:
    stage = Stage((brightness,), DARK)
    run_shard(task, stage)
    whole = tree(task.place)
    for name in whole:  # everything from here on was not yet written, or is only half there
        (task.place / "_SUCCESS").unlink()
        (task.place / name).unlink(missing_ok=True)
        (task.place / f".{Path(name).name}.x.part").write_bytes(b"half")
        assert run_shard(task, stage).kept == 3
        assert tree(task.place) == whole


@pytest.mark.parametrize(("cut", "measured"), [(3, 4), (-20, 2), (-1, 2), (None, 1)])
def test_a_journal_cut_at_any_byte_gives_the_same_bytes(
    task: Task, brightness: Brightness, cut: int | None, measured: int
) -> None:
    stage = Stage((brightness,), DARK)
    run_shard(task, stage)
    whole = tree(task.place)
    (scores,) = [name for name in whole if name.startswith("scores/")]
    found = read_scores(task.place / scores, brightness, fingerprint(task.shard)) or {}
    (task.place / scores).unlink()
    with Journal(task.journal, digest([fingerprint(task.shard), operator_key(brightness)])) as journal:
        for here in RECORDS[:3]:
            journal.begin("brightness", here.id)
            journal.done("brightness", here.id, found[here.id])
    task.journal.write_bytes(task.journal.read_bytes()[:cut])
    assert run_shard(task, stage).measured == measured
    assert tree(task.place) == whole


def test_a_record_over_which_two_workers_died_is_given_up_and_one_death_is_forgiven(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for deaths, reason in ((1, None), (2, "poisoned: 2 workers died over it (exit code -9)")):
        with Journal(path, "plan") as journal:
            assert journal.found("ocr", "a") is None
            journal.begin("ocr", "a")
        assert pending(path) == ("ocr", "a")
        assert note_death(path, -9)
        assert not note_death(path, -9), "a death between two records is nobody's"
        with Journal(path, "plan") as journal:
            found = journal.found("ocr", "a")
            assert (found.failure if found else None) == reason, deaths


def test_an_interrupted_measurement_is_no_death(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for _ in range(5):
        with Journal(path, "plan") as journal:
            assert journal.found("ocr", "a") is None
            journal.begin("ocr", "a")


def test_a_journal_of_another_plan_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, "plan") as journal:
        journal.done("ocr", "a", Measured({"n": 1.0}))
    with Journal(path, "plan") as journal:
        assert journal.found("ocr", "a") == Measured({"n": 1.0})
    with Journal(path, "other") as journal:
        assert journal.found("ocr", "a") is None


def test_a_finished_shard_says_what_made_it(task: Task, brightness: Brightness) -> None:
    run_shard(task, Stage((brightness,), DARK))
    known = read_success(task.place) or {}
    assert known["thresholds"] == {"brightness": {"mean": {"low": 50.0, "high": None}}}
    assert (known["kept"], known["rejected"], len(known["operators_hash"])) == (3, 1, 16)


def test_operators_may_be_measured_before_the_rest_and_nothing_is_measured_twice(
    task: Task, brightness: Brightness, tmp_path: Path
) -> None:
    stage = Stage((brightness, Fatal(FatalConfig("nobody", "raise"))), {"brightness": {"mean": Threshold(low=25.0)}})
    count = measure_shard(task, replace(stage, operators=(brightness,)))
    assert count == brightness.calls
    assert read_success(task.place) is None
    both = run_shard(task, stage)
    assert (both.measured, brightness.calls) == (count, count), "what is measured now is the other operator"
    elsewhere = Task(task.shard, tmp_path / "elsewhere" / task.place.name)
    elsewhere.place.parent.mkdir()
    run_shard(elsewhere, stage)
    assert tree(elsewhere.place) == tree(task.place)


def test_a_spared_source_is_measured_and_judged_by_failures_only(tmp_path: Path, brightness: Brightness) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    drawn = replace(RECORDS[0], source="drawn")
    write_shard(tmp_path / "in" / "s.tar", [drawn, *RECORDS[1:]])
    task = Task(tmp_path / "in" / "s.tar", tmp_path / "out" / "s")
    run_shard(task, Stage((brightness,), BRIGHT, spared=("drawn",)))
    assert kept(task) == [drawn.id, RECORDS[3].id]
    first = next(read_shard(shard_in(task.place)))
    assert first.scores["brightness.mean"] < 50
    assert first.verdicts == ()
    run_shard(task, Stage((brightness,), BRIGHT))
    assert kept(task) == [RECORDS[3].id]
