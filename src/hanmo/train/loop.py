"""The training loop. There is one; what is learned is an objective, what is watched is the `after` callback.

A step is: batches, losses, gradients, clipping, optimizers, moving average. Batch number (step, part) is
a function of these two numbers, and is made in a second thread while the one before is computed, so a
resumed run sees what an uninterrupted one would have seen.

It does not know models, data, files of a run (but for a batch that broke it), previews or logs.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from hanmo.errors import TrainingError
from hanmo.train.checkpoint import Parts, write_atomically
from hanmo.train.optim import EMA, OptimConfig, rate, set_rate
from hanmo.train.ranks import ALONE, Ranks

AHEAD = 2
"""Batches made before they are needed."""


@runtime_checkable
class Objective(Protocol):
    """What is learned. `batch` must not touch the modules: it runs in another thread."""

    def batch(self, step: int, part: int) -> Any:
        """Make one batch, on the CPU; a dataclass of tensors and plain values."""

    def loss(self, batch: Any, done: float) -> Mapping[str, Tensor]:
        """Losses of a batch after the fraction `done` of the run; "loss" is the one that is minimised."""


@dataclass(frozen=True)
class Plan:
    """How a run is driven: `steps` in all, each of `accumulate` batches of `pictures` pictures, by `ranks`."""

    steps: int
    pictures: int
    accumulate: int
    optim: OptimConfig
    autocast: bool
    device: torch.device
    folder: Path
    ranks: Ranks = ALONE


@dataclass(frozen=True)
class Report:
    """What one step did; `step` counts the steps done so far."""

    step: int
    losses: Mapping[str, float]
    norm: float
    rate: float
    seconds: float
    waited: float


def run(objective: Objective, parts: Parts, ema: EMA, plan: Plan, start: int, after: Callable[[Report], None]) -> None:
    """Train from step `start` to `plan.steps`.

    Args:
        objective: batches and losses.
        parts: what is trained, and its optimizers.
        ema: the moving average of the same modules.
        plan: lengths, precision, schedule.
        start: steps done already.
        after: called after every step.

    Raises:
        TrainingError: a loss or a gradient is not finite (the batch is saved in `plan.folder`), or another
            process of the run has ended.
    """
    parameters = [p for module in parts.modules.values() for p in module.parameters() if p.requires_grad]
    with _batches(objective, start, plan) as batches:
        for step in range(start, plan.steps):
            began = time.perf_counter()
            factor = rate(step, plan.steps, plan.optim)
            set_rate(parts.optimizers, factor)
            losses: dict[str, float] = {}
            waited = 0.0
            for part in plan.ranks.parts(plan.accumulate):
                asked = time.perf_counter()
                batch = next(batches)
                waited += time.perf_counter() - asked
                for key, value in _backward(objective, batch, step, plan).items():
                    losses[key] = losses.get(key, 0.0) + value / plan.accumulate
                if not math.isfinite(losses["loss"]):
                    _stop(plan, step, part, batch, f"the loss is {losses['loss']}")
            losses = plan.ranks.sum(parameters, losses)
            norm = plan.ranks.clip(parameters, plan.optim.clip or math.inf)
            if not math.isfinite(norm):
                _stop(plan, step, part, batch, f"the gradient's norm is {norm}")
            for optimizer in parts.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            ema.update(step)
            after(Report(step + 1, losses, norm, factor, time.perf_counter() - began, waited))


def _backward(objective: Objective, batch: Any, step: int, plan: Plan) -> dict[str, float]:
    with torch.autocast(plan.device.type, torch.bfloat16, enabled=plan.autocast):
        losses = objective.loss(batch, step / plan.steps)
    (losses["loss"] / plan.accumulate).backward()
    return {key: float(value.detach()) for key, value in losses.items()}


@contextlib.contextmanager
def _batches(objective: Objective, start: int, plan: Plan) -> Iterator[Iterator[Any]]:
    """All batches from step `start` on, in order, made ahead of time."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:

        def made() -> Iterator[Any]:
            pending: deque[Future[Any]] = deque()
            for step in range(start, plan.steps):
                for part in plan.ranks.parts(plan.accumulate):
                    pending.append(pool.submit(objective.batch, step, part))
                    if len(pending) > AHEAD:
                        yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

        try:
            yield made()
        finally:
            pool.shutdown(cancel_futures=True)


def _stop(plan: Plan, step: int, part: int, batch: Any, what: str) -> None:
    path = plan.folder / f"bad-batch-{step:09d}-{part}.pt"
    write_atomically(path, {"step": step, "part": part, "batch": vars(batch)})
    raise TrainingError(
        f"{what} at step {step}: training cannot go on; the batch is in {path}. Resume from the last "
        "snapshot with a lower optim.lr, or precision = float32"
    )
