"""What a training run is told: the frozen dataclasses behind a TOML recipe, one for each kind of run.

`kind = "vae"` trains the autoencoder, `kind = "flow"` the transformer together with its condition
encoder, `kind = "samples"` the transformer alone, on what frozen networks have said, `kind = "lora"` an adapter and
`kind = "sft"` everything on a folder of yours (`lora_recipe`), `kind = "distill"` a student of a finished model
(`distill_recipe`). Defaults are the truth; a recipe names what differs. The report gives no rates, lengths or weights
for any of this: they are our choices (`objectives/` says where each enters).

It knows no tensors. Sizes of a model appear here only where a run begins a new one; from then on the
checkpoint's `config.json` holds them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hanmo.config import load_recipe, nearest
from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig
from hanmo.producer.config import ChooseConfig, EncodeConfig
from hanmo.train.batches import MixConfig
from hanmo.train.curriculum import CurriculumConfig
from hanmo.train.data import DataConfig
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.objectives.auxiliary import AuxiliaryConfig
from hanmo.train.objectives.flow_matching import FlowLoss
from hanmo.train.objectives.perceptual import PerceptualConfig
from hanmo.train.objectives.ratio import RatioConfig
from hanmo.train.objectives.vae import VAELoss
from hanmo.train.optim import OptimConfig
from hanmo.train.pair_preview import PairPreviewConfig
from hanmo.train.plan.config import PlanConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.run_config import RunConfig as RunConfig
from hanmo.train.shard.config import ShardConfig
from hanmo.train.stored import StoreConfig
from hanmo.train.tiny_encoder import TinyEncoderConfig
from hanmo.train.vae_picture_config import PictureConfig
from hanmo.train.validation import ValidationConfig
from hanmo.weights.preferences import Preferences


@dataclass(frozen=True)
class NewVAE:
    """A new autoencoder's sizes; `init` continues one that exists instead.

    Attributes:
        init: a folder with `vae/` in it, or "hanmo-tiny" for the bundled model; the sizes are then not used.
        train: "all", or "decoder" to leave the encoder (and so every latent) as it is, as the report does.
        base_dim: width of the first level.
        dim_mult: multiples of it, level by level.
        num_res_blocks: residual blocks of a level.
        principal: begin the encoder at principal components of drawn cards (`vae_init`).
    """

    init: Path | None = None
    train: Literal["all", "decoder"] = "all"
    base_dim: int = 16
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 1
    principal: bool = True

    def __post_init__(self) -> None:
        """Check that there is an encoder to leave alone.

        Raises:
            ConfigError: a decoder for an encoder that never learned.
        """
        if self.train == "decoder" and self.init is None:
            raise ConfigError('model.train is "decoder" without model.init: give the folder whose vae/ is tuned')


@dataclass(frozen=True)
class VAERecipe:
    """A run that trains the autoencoder, or tunes its decoder.

    Attributes:
        name: of the run.
        kind: always "vae".
        seed: of everything random.
        measure: cards that give the latents' statistics at the end; where the encoder is frozen they stay.
        previews: cards, or pictures that are held out, in a preview.
        run: length and files.
        model: where it begins.
        cards: what cards look like; they are the pictures unless there are others.
        pictures: which others.
        loss: weights of the parts.
        perceptual: "none", or the perceptual loss that is added.
        ratio: how much of it.
        optim: what moves the weights.
        plan: what a dry run assumes, where the run is for a GPU that is elsewhere.
    """

    name: str = "vae"
    kind: Literal["vae"] = "vae"
    seed: int = 0
    measure: int = 2048
    previews: int = 16
    run: RunConfig = field(default_factory=RunConfig)
    model: NewVAE = field(default_factory=NewVAE)
    cards: CardConfig = field(default_factory=CardConfig)
    pictures: PictureConfig = field(default_factory=PictureConfig)
    loss: VAELoss = field(default_factory=VAELoss)
    perceptual: PerceptualConfig | None = None
    ratio: RatioConfig = field(default_factory=RatioConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    plan: PlanConfig | None = None

    def __post_init__(self) -> None:
        """Check that the ratio can be measured.

        Raises:
            ConfigError: a measured ratio in several processes or in a compiled decoder.
        """
        if self.perceptual is None or self.ratio.kind == "schedule":
            return
        if self.run.processes > 1 or self.run.compile:
            raise ConfigError(
                'ratio.kind is "gradient", which one process measures in a decoder that is not compiled: set '
                'run.processes = 1 and run.compile = false, or ratio.kind = "schedule" with ratio.points'
            )


@dataclass(frozen=True)
class NewTransformer:
    """A new transformer's sizes; its width is heads x head width."""

    layers: int = 8
    heads: int = 4
    head_dim: int = 64
    axes: tuple[int, int, int] = (16, 24, 24)


@dataclass(frozen=True)
class NewModel:
    """Where a run begins.

    Attributes:
        init: a checkpoint folder to continue; the sizes below are then not used.
        vae: a folder whose `vae/` is used with a new model.
        glyphs: begin token embeddings of drawable characters at the principal components of their bitmaps.
        transformer: sizes of a new transformer.
        encoder: sizes of a new condition encoder.
    """

    init: Path | None = None
    vae: Path | None = None
    glyphs: bool = True
    transformer: NewTransformer = field(default_factory=NewTransformer)
    encoder: TinyEncoderConfig = field(default_factory=TinyEncoderConfig)

    def __post_init__(self) -> None:
        """Check that there is one source of latents.

        Raises:
            ConfigError: both or neither of `init` and `vae`.
        """
        if (self.init is None) == (self.vae is None):
            raise ConfigError(
                "model: give either init (a checkpoint to continue) or vae (a folder with vae/, for a new model)"
            )


@dataclass(frozen=True)
class FlowRecipe:
    """A run that trains the transformer and its condition encoder by flow matching."""

    name: str = "flow"
    kind: Literal["flow"] = "flow"
    seed: int = 0
    run: RunConfig = field(default_factory=RunConfig)
    model: NewModel = field(default_factory=lambda: NewModel(vae=Path("runs/vae/export")))
    cards: CardConfig = field(default_factory=CardConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: FlowLoss = field(default_factory=FlowLoss)
    auxiliary: AuxiliaryConfig = field(default_factory=AuxiliaryConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    preview: PreviewConfig = field(default_factory=PreviewConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    preferences: Preferences = field(default_factory=Preferences)


@dataclass(frozen=True)
class Base:
    """The checkpoint whose condition encoder and autoencoder are frozen.

    Attributes:
        init: folder or hub id; empty for the bundled model.
        new: sizes of a new transformer; without them the checkpoint's own learns on.
    """

    init: str = ""
    new: NewTransformer | None = None


@dataclass(frozen=True)
class SamplesRecipe:
    """A run that trains the transformer on what producers have stored (report sections 4.1.1 to 4.1.3)."""

    name: str = "samples"
    kind: Literal["samples"] = "samples"
    seed: int = 0
    run: RunConfig = field(default_factory=RunConfig)
    model: Base = field(default_factory=Base)
    data: StoreConfig = field(default_factory=StoreConfig)
    encode: EncodeConfig = field(default_factory=EncodeConfig)
    choose: ChooseConfig = field(default_factory=ChooseConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    cards: CardConfig = field(default_factory=CardConfig)
    preview: PairPreviewConfig = field(default_factory=PairPreviewConfig)
    shard: ShardConfig = field(default_factory=ShardConfig)
    plan: PlanConfig | None = None

    def __post_init__(self) -> None:
        """Check what no single table can, before anything is encoded.

        Raises:
            ConfigError: captions that may be dropped will have no empty prompts, or copies of a divided model.
        """
        self.shard.check_copies(self.run.processes)
        edits = any(task != "t2i" for task in self.choose.tasks)
        if edits and self.mix.edit_dropout > 0 and not self.encode.empty_edits:
            raise ConfigError(
                f"mix.edit_dropout is {self.mix.edit_dropout}, but encode.empty_edits is false: set it to true (and "
                "give another data.store), or set mix.edit_dropout = 0"
            )


Recipe = VAERecipe | FlowRecipe | SamplesRecipe | LoraRecipe | SFTRecipe | DistillRecipe
KINDS: dict[str, type[Recipe]] = {
    "vae": VAERecipe,
    "flow": FlowRecipe,
    "samples": SamplesRecipe,
    "lora": LoraRecipe,
    "sft": SFTRecipe,
    "distill": DistillRecipe,
}


def read(path: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file; its `kind` says which dataclass it fills.

    Raises:
        ConfigError: the file cannot be read, or has an unknown kind, key or value; the message names it.
    """
    try:
        with Path(path).open("rb") as file:
            kind = tomllib.load(file).get("kind")
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error.strerror}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the recipe {path} is not TOML: {error}") from error
    if kind is None:
        raise ConfigError(f"{path} says no kind of training run; it must be one of {', '.join(KINDS)}")
    if kind not in KINDS:
        near = nearest(str(kind), KINDS)
        hint = f"did you mean {near!r}?" if near else f"it must be one of {', '.join(KINDS)}"
        raise ConfigError(f"kind is {kind!r} in {path}; {hint}")
    return load_recipe(path, KINDS[kind], overrides)
