"""What a batch of distillation costs, beside what torch counts."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from toy_samples import maker, mixed

from hanmo.flow import ScheduleConfig, fixed_shift
from hanmo.model import linear
from hanmo.train.objectives.distill_depth import DepthConfig, DepthObjective
from hanmo.train.objectives.distill_steps import StepsConfig, StepsObjective
from hanmo.train.objectives.samples import SampleObjective
from hanmo.train.plan.flops import Costed
from hanmo.train.prune import prune
from hanmo.train.rows import row_positions
from tests.train.toy_teacher import Always, random_transformer, with_empty

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def torchs_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts operations does not know the products of oneDNN."""
    monkeypatch.setattr(linear, "_HERE", False)


def objective(kind: str) -> DepthObjective | StepsObjective:
    teacher = random_transformer(layers=4).eval().requires_grad_(False)
    samples, empty = with_empty(mixed())
    student = copy.deepcopy(prune(teacher, (0, 3)) if kind == "depth" else teacher).train().requires_grad_(True)
    flow = SampleObjective(row_positions(student), Always(samples), replace(maker(), empty=empty), 7, CPU)
    if kind == "depth":
        return DepthObjective(flow, row_positions(teacher), (0, 3), DepthConfig())
    plan = fixed_shift(ScheduleConfig(), 3.0)
    return StepsObjective(flow, row_positions(teacher), StepsConfig(steps=4, fine=2, own=0.7), 3.0, plan)


@pytest.mark.parametrize("kind", ["depth", "steps"])
def test_the_teachers_passes_and_the_students_own_steps_are_counted(kind: str) -> None:
    one = objective(kind)
    batch: Any = one.batch(0, 0)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        one.loss(batch, 0.0)["loss"].backward()
    assert isinstance(one, Costed)
    assert one.cost(batch).flops == pytest.approx(counter.get_total_flops(), rel=0.02)
