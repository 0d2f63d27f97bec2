"""What a run of distillation is told: `kind = "distill"` (see `recipe` for the other kinds).

The teacher's folder says how large pictures are, how it is run and what its student shall prefer; a recipe does not
repeat it. It knows no tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError
from hanmo.train.data import DataConfig
from hanmo.train.objectives.distill_depth import DepthConfig
from hanmo.train.objectives.distill_steps import StepsConfig
from hanmo.train.objectives.flow_matching import FlowLoss
from hanmo.train.optim import OptimConfig
from hanmo.train.plan.config import PlanConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.run_config import RunConfig
from hanmo.train.shard.config import ShardConfig


@dataclass(frozen=True)
class DistillRecipe:
    """A run that trains a student of a finished model.

    Attributes:
        name: of the run.
        kind: of the run.
        seed: of everything random.
        teacher: a checkpoint folder; None for the bundled model.
        method: "depth" for fewer blocks (`objectives/distill_depth`), "steps" for fewer steps without guidance
            (`objectives/distill_steps`); only the table of that name is used.
        run: lengths and files.
        cards: which cards are drawn.
        data: what batches are made of; `t_mean` and `t_std` matter for "depth" alone.
        loss: weights of patches.
        depth: of the method "depth".
        steps: of the method "steps".
        optim: what moves the weights.
        preview: pictures painted by the student; for "steps" as many steps as it has, guidance off.
        shard: how student and teacher would be divided; a plan alone, a run refuses it.
        plan: what a dry run assumes, where the run is for GPUs that are elsewhere.
    """

    name: str = "distill"
    kind: Literal["distill"] = "distill"
    seed: int = 0
    teacher: Path | None = None
    method: Literal["depth", "steps"] = "steps"
    run: RunConfig = field(default_factory=RunConfig)
    cards: CardConfig = field(default_factory=CardConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: FlowLoss = field(default_factory=FlowLoss)
    depth: DepthConfig = field(default_factory=DepthConfig)
    steps: StepsConfig = field(default_factory=StepsConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    preview: PreviewConfig = field(default_factory=lambda: PreviewConfig(steps=4))
    shard: ShardConfig = field(default_factory=ShardConfig)
    plan: PlanConfig | None = None

    def __post_init__(self) -> None:
        """Check that previews show the student as it will be run.

        Raises:
            ConfigError: previews with other steps, or with guidance.
        """
        shown, meant = (self.preview.steps, self.preview.cfg_scale), (self.steps.steps, 1.0)
        if self.method == "steps" and shown != meant:
            raise ConfigError(
                f"preview.steps is {shown[0]} and preview.cfg_scale {shown[1]}; a student of {meant[0]} steps is run "
                f"with {meant[0]} and 1"
            )
