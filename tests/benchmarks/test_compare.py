from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from benchmarks import machine, record
from benchmarks.compare import Row, Timing, compare, interleave, relative, table


def test_works_take_turns_and_the_order_is_reversed_at_every_other_turn() -> None:
    order: list[str] = []
    interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, runs=2, warmup=1)
    assert "".join(order) == "ba" + "ab" + "ba"


def test_a_slower_reference_has_a_ratio_above_one() -> None:
    row = compare("sleep", lambda: time.sleep(0.002), lambda: time.sleep(0.02), runs=3, target=2.0)
    assert row.ratio > 2.0
    assert row.met is True
    assert row.hanmo.runs == 3
    assert row.hanmo.minimum <= row.hanmo.median


def test_a_missed_target_is_said_in_the_table() -> None:
    slow, fast = Timing(2.0, 2.0, 2.0, 1), Timing(1.0, 1.0, 1.0, 1)
    row = Row("x", slow, fast, 1.1, 1e-6)
    assert row.ratio == 0.5
    assert row.met is False
    assert "1.10 MISSED" in table([row])
    assert "1.0e-06" in table([row])
    assert row.to_dict()["met"] is False


def test_work_done_once_is_shared_among_the_steps() -> None:
    assert Timing(1.0, 2.0, 3.0, 4).plus(0.5) == Timing(1.5, 2.5, 3.5, 4)


def test_relative_difference_is_measured_against_the_reference() -> None:
    assert relative(torch.tensor([1.0, 4.5]), torch.tensor([1.0, 5.0])) == pytest.approx(0.1)


def test_a_result_file_names_the_machine_and_is_never_overwritten(tmp_path: Path) -> None:
    head = machine.describe()
    first = record.write("speed", head, "| a table |", [{"ratio": 1.5}], tmp_path)
    second = record.write("speed", head, "", [], tmp_path)
    assert first != second
    text = first.read_text(encoding="utf-8")
    for part in (
        str(head["cpu"]),
        f"threads: {head['threads']}",
        torch.__version__,
        "| a table |",
        "command: ",
    ):
        assert part in text
    line = next(line for line in text.splitlines() if line.startswith("{"))
    assert json.loads(line)["figures"] == [{"ratio": 1.5}]
