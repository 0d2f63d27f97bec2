from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hanmo.errors import TrainingError
from hanmo.train import loop
from hanmo.train.checkpoint import Parts
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.randomness import generator_for


@dataclass(frozen=True)
class Numbers:
    x: Tensor
    y: Tensor


class Line:
    """Least squares: rows `step * rows` to `(step + 1) * rows` of a fixed table, dealt to `parts` batches."""

    def __init__(self, rows: int, parts: int, broken: int = -1) -> None:
        generator = torch.Generator().manual_seed(0)
        self.net = nn.Linear(3, 1)
        with torch.no_grad():
            for weight in self.net.parameters():
                weight.normal_(generator=generator)
        self.rows, self.parts, self.broken = rows, parts, broken

    def batch(self, step: int, part: int) -> Numbers:
        x = torch.randn(self.rows, 3, generator=generator_for(7, step))
        if step == self.broken:
            x[0, 0] = float("nan")
        size = self.rows // self.parts
        x = x[part * size : (part + 1) * size]
        return Numbers(x, x.sum(1, keepdim=True))

    def loss(self, batch: Numbers, done: float) -> Mapping[str, Tensor]:
        return {"loss": (self.net(batch.x) - batch.y).square().mean()}


def _train(line: Line, steps: int, folder: Path) -> list[loop.Report]:
    config = OptimConfig(lr=0.05, warmup=0, schedule="constant", weight_decay=0.0)
    modules = {"net": line.net}
    ema = EMA(modules, 0.9)
    plan = loop.Plan(steps, line.rows, line.parts, config, False, torch.device("cpu"), folder)
    reports: list[loop.Report] = []
    loop.run(line, Parts(modules, build(modules, config), ema), ema, plan, 0, reports.append)
    return reports


def test_the_loss_goes_down(tmp_path: Path) -> None:
    reports = _train(Line(16, 1), 60, tmp_path)
    assert [report.step for report in reports] == list(range(1, 61))
    assert reports[-1].losses["loss"] < 0.2 * reports[0].losses["loss"]


def test_two_halves_accumulated_equal_the_whole_batch(tmp_path: Path) -> None:
    whole, halves = Line(16, 1), Line(16, 2)
    first, second = _train(whole, 10, tmp_path), _train(halves, 10, tmp_path)
    assert [r.losses["loss"] for r in first] == pytest.approx([r.losses["loss"] for r in second], rel=1e-5)
    torch.testing.assert_close(whole.net.weight, halves.net.weight, rtol=1e-5, atol=1e-6)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_batch(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the loss is nan at step 2.*bad-batch"):
        _train(Line(8, 1, broken=2), 5, tmp_path)
    (kept,) = tmp_path.glob("bad-batch-*.pt")
    found = torch.load(kept, weights_only=True)
    assert found["step"] == 2
    assert bool(found["batch"]["x"].isnan().any())


def test_an_error_while_making_a_batch_reaches_the_caller(tmp_path: Path) -> None:
    class Broken(Line):
        def batch(self, step: int, part: int) -> Numbers:
            if step == 3:
                raise TrainingError("no such card")
            return super().batch(step, part)

    with pytest.raises(TrainingError, match="no such card"):
        _train(Broken(8, 1), 6, tmp_path)
