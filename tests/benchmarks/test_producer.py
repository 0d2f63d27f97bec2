"""The benchmark of producers runs, and counts what it says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench_producer import Row, measure, table


def test_every_way_of_feeding_training_is_measured(tmp_path: Path) -> None:
    rows = measure(tmp_path, cards=8, batch=4, processes=(), threads=(1,))
    assert [(row.name, row.batches) for row in rows] == [("a store", 2), ("1 in this process", 2)]
    assert all(0.0 <= row.idle <= 1.0 and row.images_per_second > 0 for row in rows)


def test_producers_that_ask_filters_are_told_apart(tmp_path: Path) -> None:
    rows = measure(tmp_path, cards=8, batch=4, processes=(), threads=(1,), filters=("luma",))
    assert rows[1].name == "1 in this process, asking luma"
    assert rows[1].batches == 2


def test_producers_keep_up_below_a_twentieth() -> None:
    lines = table([Row("a", 10.0, 0.049, 1.0, 3), Row("b", 10.0, 0.051, 1.0, 3)]).splitlines()
    assert "| yes |" in lines[2]
    assert "| no |" in lines[3]
