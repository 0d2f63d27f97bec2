"""How fast a run goes, in the words that people compare: images/s, tokens/s, MFU, memory, time that is left.

Tokens and operations are those of both streams, padding included (`flops`), of an objective that can say what a batch
costs; the condition encoder's work, where it is trained along, is not counted, so MFU is told too low, never too high.
It does not know what is trained.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hanmo.train import loop
from hanmo.train.plan.flops import Cost, Costed
from hanmo.train.plan.hardware import Peak

_WATCHED = ("grad_norm", "lr_factor")


@dataclass
class Counted:
    """An objective, and what its batches have cost since the last question; it is an objective itself."""

    objective: loop.Objective
    _cost: Cost = field(default_factory=lambda: Cost(0, 0))

    def batch(self, step: int, part: int) -> Any:
        """The objective's own."""
        return self.objective.batch(step, part)

    def loss(self, batch: Any, done: float) -> Mapping[str, Tensor]:
        """The objective's own; the batch is counted."""
        losses = self.objective.loss(batch, done)
        if isinstance(self.objective, Costed):
            more = self.objective.cost(batch)
            self._cost = Cost(self._cost.tokens + more.tokens, self._cost.flops + more.flops)
        return losses

    def take(self) -> Cost:
        """What was counted since the last call."""
        taken, self._cost = self._cost, Cost(0, 0)
        return taken


@dataclass
class Meter:
    """Means and speeds since the last line of metrics.

    Attributes:
        pictures: of a step, of all processes; the next stage may have others.
        steps: of the whole run.
        counted: what the batches cost.
        processes: of the run.
        groups: of them, each of which computes a batch that costs as much as this one's.
        peak: operations per second that MFU is a share of; None where nobody says what batches cost.
        device: whose memory is told.
    """

    pictures: int
    steps: int
    counted: Counted
    processes: int
    groups: int
    peak: Peak | None
    device: torch.device
    _sums: dict[str, list[float]] = field(default_factory=dict)
    _began: float = field(default_factory=time.perf_counter)
    _done: int = 0
    _waited: float = 0.0
    _tokens: int = 0
    _flops: int = 0

    def add(self, report: loop.Report) -> None:
        """Take a step's report in."""
        values = {**report.losses, "grad_norm": report.norm, "lr_factor": report.rate}
        for key, value in values.items():
            self._sums.setdefault(key, []).append(value)
        cost = self.counted.take()
        self._tokens += cost.tokens * self.groups
        self._flops += cost.flops * self.groups
        self._done += self.pictures
        self._waited += report.waited

    def wait(self, seconds: float) -> None:
        """Take in what was waited for data behind a step."""
        self._waited += seconds

    def shown(self, step: int) -> dict[str, object]:
        """For the progress line: the last losses, speeds, memory, and the time that is left."""
        shown: dict[str, object] = {k: values[-1] for k, values in self._sums.items() if k not in _WATCHED}
        speeds = self._speeds()
        shown["images/s"] = speeds["images_per_second"]
        if "tokens_per_second" in speeds:
            shown["tokens/s"] = speeds["tokens_per_second"]
        if "mfu" in speeds:
            shown["MFU"] = f"{100 * speeds['mfu']:.1f}%"
        shown["mem"] = f"{memory(self.device) / 1e9:.2f}GB"
        shown["left"] = duration(self.left(step))
        return shown

    def take(self, step: int) -> dict[str, float]:
        """For a line of metrics; counting begins anew."""
        means = {key: sum(values) / len(values) for key, values in self._sums.items()}
        waiting = self._waited / max(time.perf_counter() - self._began, 1e-9)
        values = means | self._speeds() | {"waiting": waiting, "memory_gb": memory(self.device) / 1e9}
        values["seconds_left"] = self.left(step)
        self.restart()
        return values

    def left(self, step: int) -> float:
        """Seconds to the end at the present speed."""
        return (self.steps - step) * self.pictures / max(self._speeds()["images_per_second"], 1e-9)

    def restart(self) -> None:
        """Count from here on, as after a preview."""
        self._sums, self._done, self._waited, self._began = {}, 0, 0.0, time.perf_counter()
        self._tokens = self._flops = 0

    def _speeds(self) -> dict[str, float]:
        seconds = max(time.perf_counter() - self._began, 1e-9)
        speeds = {"images_per_second": self._done / seconds}
        if self._tokens:
            speeds["tokens_per_second"] = self._tokens / seconds
        if self._flops and self.peak is not None:
            speeds["mfu"] = self._flops / seconds / (self.peak.flops * self.processes)
        return speeds


def memory(device: torch.device) -> float:
    """Bytes at the highest so far: of the GPU as torch allocates it, or of this process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def duration(seconds: float) -> str:
    """A time for people: "45 s", "12 min", "3 h 05 min", "2 d 4 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"
