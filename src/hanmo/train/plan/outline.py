"""What a recipe says about its batches, stage by stage: pictures, the largest of their sizes, sources, steps.

Memory must hold the largest of the sizes that a stage may draw. A batch that may have an edit in it counts as if all
its rows had sources, since shorter rows are padded. It does not know models or GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanmo.errors import ConfigError
from hanmo.pipeline.geometry import Size
from hanmo.producer.config import EncodeConfig
from hanmo.train.curriculum import Stage
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.plan.config import PlanConfig
from hanmo.train.plan.flops import Work
from hanmo.train.recipe import SamplesRecipe, VAERecipe
from hanmo.train.selection import sizes_taken
from hanmo.train.shard.config import ShardConfig

Planned = SamplesRecipe | SFTRecipe | LoraRecipe | DistillRecipe | VAERecipe
TOKEN = 16
"""Pixels along each side of an image token: eight of the autoencoder, two of the patch."""


@dataclass(frozen=True)
class Part:
    """One stage.

    Attributes:
        name: of the stage.
        steps: that it takes; None where a plateau may end it, and of the last stage after such a one.
        batch: pictures of one batch.
        size: of the largest of them, width and height in pixels.
        sizes: how many sizes there are.
        sources: pictures that condition each.
        most: steps after which a stage with a plateau ends all the same; 0 is no limit.
        plateau: whether it may end at one.
    """

    name: str
    steps: int | None
    batch: int
    size: Size
    sizes: int = 1
    sources: int = 0
    most: int = 0
    plateau: bool = False

    @property
    def length(self) -> str:
        """For people."""
        if self.plateau:
            return "until a plateau" + (f", at most {self.most:,} steps" if self.most else "")
        return "the steps that are left" if self.steps is None else f"{self.steps:,} steps"

    def work(self, text: int) -> Work:
        """A batch as the transformer sees it, with conditions of `text` tokens."""
        tokens = (self.size[0] // TOKEN) * (self.size[1] // TOKEN)
        return Work(self.batch, tokens, text, self.sources * tokens)


def shard_of(recipe: Planned) -> ShardConfig:
    """How a recipe divides its model; kinds that cannot have it whole on one GPU."""
    return ShardConfig() if isinstance(recipe, VAERecipe) else recipe.shard


def parts_of(recipe: Planned) -> tuple[Part, ...]:
    """The stages of a recipe.

    Raises:
        ConfigError: a stage that takes none of the sizes that producers make, or a size that is said nowhere.
    """
    plan = recipe.plan or PlanConfig()
    match recipe:
        case SamplesRecipe() | DistillRecipe():
            return _stages(recipe, plan)
        case VAERecipe():
            side = recipe.pictures.size if recipe.pictures.any else max(recipe.cards.height, recipe.cards.width)
            return (Part("all steps", recipe.run.steps, recipe.run.batch, (side, side)),)
        case LoraRecipe() | SFTRecipe():
            size = recipe.data.size if all(recipe.data.size) else plan.size
            if not all(size):
                raise ConfigError("plan.size is missing: data.size leaves the pictures' size to the checkpoint")
            return (Part("all steps", recipe.run.steps, recipe.run.batch, size, 1, plan.sources),)


def _stages(recipe: SamplesRecipe | DistillRecipe, plan: PlanConfig) -> tuple[Part, ...]:
    found, left = [], recipe.run.steps
    stages = recipe.curriculum.stages
    open_end = any(stage.until.plateau is not None for stage in stages)
    for place, stage in enumerate(stages):
        made = _made(recipe.encode)
        sizes = made & sizes_taken(stage.only) if stage.only.resolutions or stage.only.sizes else made
        if not sizes:
            raise ConfigError(
                f"curriculum.stages.{stage.name}.only takes none of the sizes that encode makes: correct one of them"
            )
        plateau, last = stage.until.plateau is not None, place == len(stages) - 1
        known = not (plateau or (last and open_end))
        steps = left if last else min(stage.until.steps, left)
        left -= steps
        largest = max(sizes, key=lambda size: (size[0] * size[1], size))
        batch = stage.batch or recipe.run.batch
        sources = max((_sources(task, plan) for task in _tasks(recipe, stage)), default=0)
        length = steps if known else None
        found.append(Part(stage.name, length, batch, largest, len(sizes), sources, stage.until.steps, plateau))
    return tuple(found)


def _tasks(recipe: SamplesRecipe | DistillRecipe, stage: Stage) -> set[str]:
    """What a stage may draw, of what producers make."""
    tasks = set(recipe.choose.tasks) & set(stage.only.tasks or recipe.choose.tasks)
    weights = stage.weights.tasks
    return {task for task in tasks if not weights or weights.get(task, 0.0) > 0}


def _sources(task: str, plan: PlanConfig) -> int:
    return {"t2i": 0, "i2i": 1}.get(task, max(1, plan.sources))


def _made(encode: EncodeConfig) -> set[Size]:
    """Every size that producers give a target; what they do is not imported, as it needs the data engine."""
    return {size for level in encode.levels for size in level}
