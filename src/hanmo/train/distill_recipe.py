"""What a run of distillation is told: `kind = "distill"` (see `recipe` for the other kinds).

Samples come from producers, as for `kind = "samples"`; the teacher's folder says how large pictures are, how it is run
and what its student shall prefer, and a recipe does not repeat it. It knows no tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError
from hanmo.producer.config import ChooseConfig, EncodeConfig
from hanmo.train.batches import MixConfig
from hanmo.train.curriculum import CurriculumConfig
from hanmo.train.objectives.distill_depth import DepthConfig
from hanmo.train.objectives.distill_steps import StepsConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.plan.config import PlanConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.run_config import RunConfig
from hanmo.train.shard.config import ShardConfig
from hanmo.train.stored import StoreConfig


@dataclass(frozen=True)
class DistillRecipe:
    """A run that trains a student of a finished model.

    Attributes:
        name: of the run.
        kind: of the run.
        seed: of everything random.
        teacher: a checkpoint folder or hub id; empty for the bundled model. Its condition encoder and autoencoder
            are the ones that fill the store.
        method: "depth" for fewer blocks (`objectives/distill_depth`), "steps" for fewer steps without guidance
            (`objectives/distill_steps`); only the table of that name is used.
        run: lengths and files.
        data: sets, and the store that the frozen networks fill before the first step.
        encode: how a picture and its words become a sample.
        choose: which records become samples.
        mix: what is drawn for a row; `t_mean`, `t_std` and `shift` matter for "depth" alone.
        curriculum: which samples come when.
        depth: of the method "depth".
        steps: of the method "steps".
        optim: what moves the weights.
        cards: which cards previews ask for.
        preview: pictures painted by the student; for "steps" as many steps as it has, guidance off.
        shard: how student and teacher are divided among processes; torchrun starts them. What blocks forget is
            the student's.
        plan: what a dry run assumes, where the run is for GPUs that are elsewhere.
    """

    name: str = "distill"
    kind: Literal["distill"] = "distill"
    seed: int = 0
    teacher: str = ""
    method: Literal["depth", "steps"] = "steps"
    run: RunConfig = field(default_factory=RunConfig)
    data: StoreConfig = field(default_factory=StoreConfig)
    encode: EncodeConfig = field(default_factory=EncodeConfig)
    choose: ChooseConfig = field(default_factory=ChooseConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    steps: StepsConfig = field(default_factory=StepsConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    cards: CardConfig = field(default_factory=CardConfig)
    preview: PreviewConfig = field(default_factory=lambda: PreviewConfig(steps=4))
    shard: ShardConfig = field(default_factory=ShardConfig)
    plan: PlanConfig | None = None

    def __post_init__(self) -> None:
        """Check that previews show the student as it will be run, that every stage ends, and that shards can be.

        Raises:
            ConfigError: previews with other steps, or with guidance; a stage that waits for a plateau; a live feed;
                copies of a divided model, or blocks that are measured with one.
        """
        self.data.refuse_live(self.kind)
        self.shard.check_copies(self.run.processes)
        self.shard.refuse_context(self.kind)
        measured = self.method == "depth" and not self.depth.blocks and self.depth.choose == "measured"
        if measured and self.shard.count > 1:
            raise ConfigError(
                'depth.choose is "measured", for which a process must have the whole teacher: with shards set '
                'depth.choose = "even", or name the blocks in depth.blocks'
            )
        shown, meant = (self.preview.steps, self.preview.cfg_scale), (self.steps.steps, 1.0)
        if self.method == "steps" and shown != meant:
            raise ConfigError(
                f"preview.steps is {shown[0]} and preview.cfg_scale {shown[1]}; a student of {meant[0]} steps is run "
                f"with {meant[0]} and 1"
            )
        for stage in self.curriculum.stages:
            if stage.until.plateau is not None:
                raise ConfigError(
                    f"curriculum.stages.{stage.name}.until.plateau waits for a validation loss, which distillation "
                    "does not measure: give steps"
                )
