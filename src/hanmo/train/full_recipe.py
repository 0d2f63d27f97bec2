"""What a run of the published 20B model is told: the frozen dataclasses behind `recipes/qwen_image/*.toml`.

The report gives the curriculum's axes, the tensor degree and the tasks, but no rates, batches or lengths: those in the
recipes are our choices and labelled so. Such a recipe is planned and checked by `hanmo train RECIPE --dry-run`
(`dry_run`). It knows no tensors and no machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from hanmo.config import load_recipe, nearest
from hanmo.data.buckets import RESOLUTIONS, buckets
from hanmo.errors import ConfigError
from hanmo.train.optim import OptimConfig
from hanmo.train.plan.flops import Work
from hanmo.train.plan.memory import ShardConfig

Kind = Literal["pretrain", "sft", "lora", "edit", "vae_decoder", "distill"]
KINDS: tuple[str, ...] = get_args(Kind)
TOKEN = 16
"""Pixels along each side of an image token: eight of the autoencoder, two of the patch."""


@dataclass(frozen=True)
class ModelSource:
    """Where the weights come from.

    Attributes:
        base: hub id or checkpoint folder.
        fresh: begin with new weights of the base's sizes (pre-training) instead of its own.
    """

    base: str = "Qwen/Qwen-Image"
    fresh: bool = False


@dataclass(frozen=True)
class SetConfig:
    """One set of samples.

    Attributes:
        name: for the curriculum and for people.
        path: folder; None until somebody has it: `--set data.sets.NAME.path=FOLDER`.
        task: what is learned from it.
        weight: share of samples, before the curriculum changes it.
    """

    name: str
    path: Path | None = None
    task: Literal["t2i", "ti2i", "i2i"] = "t2i"
    weight: float = 1.0


@dataclass(frozen=True)
class Sets:
    """What is trained on; `dropout` is the share of captions that are replaced by the negative prompt."""

    sets: tuple[SetConfig, ...] = ()
    dropout: float = 0.1


@dataclass(frozen=True)
class BatchConfig:
    """One batch of one data-parallel group.

    Attributes:
        resolution: of the nine aspect ratios' buckets; the curriculum may change it.
        pictures: of a batch.
        accumulate: batches of a step.
        text: tokens of a condition, for the plan: as long as they are padded to.
        sources: pictures that condition each target, of the target's resolution.
    """

    resolution: int = 256
    pictures: int = 8
    accumulate: int = 1
    text: int = 256
    sources: int = 0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a resolution without buckets or a count below its least; the message names the key.
        """
        if self.resolution not in RESOLUTIONS:
            raise ConfigError(f"batch.resolution is {self.resolution}; it must be one of {RESOLUTIONS}")
        for key, low in (("pictures", 1), ("accumulate", 1), ("text", 1), ("sources", 0)):
            if getattr(self, key) < low:
                raise ConfigError(f"batch.{key} is {getattr(self, key)}; it must be at least {low}")


@dataclass(frozen=True)
class StageConfig:
    """A stage of the curriculum: from which step on what is different; None leaves a thing as it was.

    Attributes:
        name: for people.
        start: step.
        resolution: of the buckets.
        pictures: of a batch.
        weights: of sets, by name.
    """

    name: str
    start: int = 0
    resolution: int | None = None
    pictures: int | None = None
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LoRAConfig:
    """Adapters on every projection of attention and MLP; `bits` of the frozen base (16, 8)."""

    rank: int = 32
    alpha: float = 32.0
    bits: Literal[8, 16] = 16


@dataclass(frozen=True)
class DistillConfig:
    """A student with `layers` blocks of its teacher's, which looks on."""

    layers: int = 30


@dataclass(frozen=True)
class DecoderConfig:
    """Tuning of the autoencoder's decoder on square `crop`s of pixels; the encoder is frozen."""

    crop: int = 256


@dataclass(frozen=True)
class FullRun:
    """Length and files of a run."""

    folder: Path = Path("runs")
    steps: int = 100_000
    save_every: int = 1000
    keep: int = 2

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a count below 1; the message names the key.
        """
        for key in ("steps", "save_every", "keep"):
            if getattr(self, key) < 1:
                raise ConfigError(f"run.{key} is {getattr(self, key)}; it must be at least 1")


@dataclass(frozen=True)
class FullRecipe:
    """A run of the published size."""

    kind: Kind
    name: str
    seed: int = 0
    run: FullRun = field(default_factory=FullRun)
    model: ModelSource = field(default_factory=ModelSource)
    data: Sets = field(default_factory=Sets)
    batch: BatchConfig = field(default_factory=BatchConfig)
    shard: ShardConfig = field(default_factory=ShardConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    lora: LoRAConfig = field(default_factory=LoRAConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    curriculum: tuple[StageConfig, ...] = ()

    def __post_init__(self) -> None:
        """Check what no single table can.

        Raises:
            ConfigError: stages out of order or with a set that is not there, or an edit without sources; the
                message names the key.
        """
        starts = [stage.start for stage in self.curriculum]
        if starts != sorted(set(starts)):
            raise ConfigError(f"curriculum: the stages start at {starts}; each must start after the one before")
        known = [one.name for one in self.data.sets]
        for stage in self.curriculum:
            for name in stage.weights:
                if name not in known:
                    near = nearest(name, known)
                    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
                    raise ConfigError(f"curriculum.{stage.name}.weights names the set {name!r}; {hint}")
            if stage.resolution is not None and stage.resolution not in RESOLUTIONS:
                raise ConfigError(f"curriculum.{stage.name}.resolution is {stage.resolution}; choose of {RESOLUTIONS}")
        if self.kind == "edit" and self.batch.sources < 1:
            raise ConfigError("batch.sources is 0; an edit is learned from at least 1 source picture")

    def stages(self) -> tuple[tuple[str, BatchConfig], ...]:
        """Every stage's name with the batches it has; one stage when there is no curriculum."""
        if not self.curriculum:
            return (("all steps", self.batch),)
        found: list[tuple[str, BatchConfig]] = []
        now = self.batch
        for stage in self.curriculum:
            pictures = stage.pictures or now.pictures
            now = BatchConfig(stage.resolution or now.resolution, pictures, now.accumulate, now.text, now.sources)
            found.append((stage.name, now))
        return tuple(found)


def work_of(batch: BatchConfig) -> Work:
    """A batch of the largest bucket, which is what memory must hold."""
    tokens = max((bucket.size[0] // TOKEN) * (bucket.size[1] // TOKEN) for bucket in buckets(batch.resolution))
    return Work(batch.pictures, tokens, batch.text, batch.sources * tokens)


def read_full(path: Path, overrides: Sequence[str] = ()) -> FullRecipe:
    """Read such a recipe.

    Raises:
        ConfigError: it cannot be read, or has an unknown key or value; the message names it.
    """
    return load_recipe(path, FullRecipe, overrides)
