"""How long a run is, in which steps, on what, and where its files go: the table `[run]` of every kind of recipe.

It knows no tensors and no models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hanmo.config import nearest
from hanmo.errors import ConfigError

SERVICES = ("wandb", "trackio")
"""What can be told a run's numbers, beside its own files."""


@dataclass(frozen=True)
class RunConfig:
    """Length, precision and files of a run; "every" counts steps.

    Attributes:
        folder: where run folders go; the run's is `folder / name`.
        steps: optimizer steps in all.
        batch: pictures of one batch.
        accumulate: batches of one step.
        processes: among which a step's batches are dealt out; each has a copy of the model (`ranks`).
        log_every: steps between lines of metrics.
        save_every: steps between snapshots.
        keep: snapshots kept.
        preview_every: steps between previews; 0 for none but the last.
        threads: of torch, in each process; 0 leaves its choice.
        device: where the models are.
        precision: of matrix products; "auto" is bfloat16 where that is native. Weights stay float32.
        compile: compile the models with torch's compiler (needs a C++ compiler on a CPU).
        track: of `SERVICES`, which are told the numbers too (`trackers`).
    """

    folder: Path = Path("runs")
    steps: int = 1000
    batch: int = 32
    accumulate: int = 1
    processes: int = 1
    log_every: int = 20
    save_every: int = 500
    keep: int = 2
    preview_every: int = 1000
    threads: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bfloat16", "auto"] = "auto"
    compile: bool = False
    track: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a count below its least value, processes without batches, an unknown service; the message
                names the key.
        """
        least = {"steps": 1, "batch": 1, "accumulate": 1, "processes": 1, "log_every": 1, "save_every": 1, "keep": 1}
        for key, low in (least | {"preview_every": 0, "threads": 0}).items():
            if getattr(self, key) < low:
                raise ConfigError(f"run.{key} is {getattr(self, key)}; it must be at least {low}")
        if self.accumulate % self.processes:
            raise ConfigError(
                f"run.accumulate is {self.accumulate} and run.processes {self.processes}: the batches of a step are "
                f"dealt out evenly, so accumulate must be a multiple of {self.processes}"
            )
        if self.processes > 1 and self.device != "cpu":
            raise ConfigError(
                f"run.processes is {self.processes} on {self.device}; copies of a model share a CPU only. On several "
                f"GPUs divide it: shard.data = {self.processes}, started by torchrun"
            )
        for name in self.track:
            if name not in SERVICES:
                near = nearest(name, SERVICES)
                hint = f"did you mean {near!r}?" if near else f"allowed: {', '.join(SERVICES)}"
                raise ConfigError(f"run.track names {name!r}; {hint}")
