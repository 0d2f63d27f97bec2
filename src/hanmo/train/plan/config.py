"""What a plan must be told beside the run itself: the table `[plan]` of a recipe for GPUs that are elsewhere.

With this table `hanmo train RECIPE --dry-run` predicts memory on each GPU and seconds of a step, and takes folders
that are not there yet for notes. It changes nothing about the run.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanmo.errors import ConfigError
from hanmo.train.plan.hardware import MFU, gpu_named
from hanmo.weights.preferences import GRID


@dataclass(frozen=True)
class PlanConfig:
    """What is assumed.

    Attributes:
        gpu: a name of `hardware.GPUS`.
        mfu: share of the peak that products of matrices reach.
        network: to GPUs of other machines, from each GPU, in one direction, in GB/s; 50 is a port of 400 Gb/s.
        machine: GPUs of one machine.
        reserve: of each GPU, left to CUDA, NCCL and the allocator, in GB.
        text: tokens of the longest condition of a batch; an edit's sources are among them.
        sources: pictures that condition a target, of its size; at least 1 is assumed where a recipe draws edits.
        size: of the largest picture, where the recipe leaves it to the checkpoint or to the pictures; [0, 0] elsewhere.
    """

    gpu: str = "h100"
    mfu: float = MFU
    network: float = 50.0
    machine: int = 8
    reserve: float = 4.0
    text: int = 512
    sources: int = 0
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: an unknown GPU or a number out of range; the message names the key.
        """
        gpu_named(self.gpu)
        if not 0 < self.mfu <= 1:
            raise ConfigError(f"plan.mfu is {self.mfu}; it must be above 0 and at most 1")
        if not self.network > 0:
            raise ConfigError(f"plan.network is {self.network}; it must be above 0 (GB/s)")
        if self.reserve < 0:
            raise ConfigError(f"plan.reserve is {self.reserve}; it must be at least 0 (GB)")
        for key, low in (("machine", 1), ("text", 1), ("sources", 0)):
            if getattr(self, key) < low:
                raise ConfigError(f"plan.{key} is {getattr(self, key)}; it must be at least {low}")
        if self.size != (0, 0) and any(side < GRID or side % GRID for side in self.size):
            raise ConfigError(f"plan.size is {list(self.size)}; give two multiples of {GRID}, or [0, 0]")
