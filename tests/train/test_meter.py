from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from hanmo.train.loop import Report
from hanmo.train.meter import Counted, Meter, duration, memory
from hanmo.train.plan.flops import Cost
from hanmo.train.plan.hardware import Peak

CPU = torch.device("cpu")


class Plain:
    def batch(self, step: int, part: int) -> int:
        return step

    def loss(self, batch: Any, done: float) -> Mapping[str, Tensor]:
        return {"loss": torch.tensor(1.0)}


class Priced(Plain):
    def cost(self, batch: Any) -> Cost:
        return Cost(100, 10**9)


def report(step: int) -> Report:
    return Report(step, {"loss": float(step)}, 2.0, 0.5, 0.1, 0.0)


def test_speeds_and_mfu_come_from_what_the_batches_cost() -> None:
    counted = Counted(Priced())
    meter = Meter(8, 10, counted, processes=2, groups=2, peak=Peak(1e12, "stated"), device=CPU)
    began = time.perf_counter()
    for step in (1, 2):
        counted.loss(counted.batch(step, 0), 0.0)
        meter.add(report(step))
    time.sleep(0.05)
    shown = meter.shown(2)
    values = meter.take(2)
    seconds = time.perf_counter() - began
    assert {"loss", "images/s", "tokens/s", "MFU", "mem", "left"} <= set(shown)
    assert values["loss"] == 1.5
    assert values["tokens_per_second"] == pytest.approx(2 * 2 * 100 / seconds, rel=0.2)
    assert values["mfu"] == pytest.approx(2 * 1e9 / seconds / 1e12, rel=0.2)  # two processes, twice the peak
    assert values["seconds_left"] == pytest.approx(8 * seconds / 2, rel=0.2)
    counted.loss(0, 0.0)
    assert counted.take() == Cost(100, 10**9)
    assert counted.take() == Cost(0, 0)


def test_an_objective_without_a_price_shows_no_mfu() -> None:
    counted = Counted(Plain())
    meter = Meter(8, 10, counted, 1, 1, None, CPU)
    counted.loss(0, 0.0)
    meter.add(report(1))
    assert not {"tokens_per_second", "mfu"} & set(meter.take(1))
    assert memory(CPU) > 50e6


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5 s"), (600, "10 min"), (2 * 3600 + 300, "2 h 05 min"), (3 * 86400 + 7200, "3 d 2 h")],
)
def test_a_time_is_told_in_the_largest_units_that_matter(seconds: int, words: str) -> None:
    assert duration(float(seconds)) == words
