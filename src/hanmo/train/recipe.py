"""What a training run is told: the frozen dataclasses behind a TOML recipe, one for each kind of run.

`kind = "vae"` trains the autoencoder, `kind = "flow"` the transformer together with its condition
encoder, `kind = "distill"` a student of a finished model (`distill_recipe`). Defaults are the truth; a
recipe names what differs. The report gives no rates, lengths or weights for any of this: they are our
choices (`objectives/` says where each enters).

It knows no tensors. Sizes of a model appear here only where a run begins a new one; from then on the
checkpoint's `config.json` holds them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hanmo.config import load_recipe
from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig
from hanmo.train.data import DataConfig
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.objectives.auxiliary import AuxiliaryConfig
from hanmo.train.objectives.flow_matching import FlowLoss
from hanmo.train.objectives.vae import VAELoss
from hanmo.train.optim import OptimConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.run_config import RunConfig as RunConfig
from hanmo.train.tiny_encoder import TinyEncoderConfig
from hanmo.weights.preferences import Preferences


@dataclass(frozen=True)
class NewVAE:
    """A new autoencoder's sizes; `init` continues one that exists instead (a folder with `vae/` in it).

    `principal`: begin the encoder at principal components of drawn cards (`vae_init`).
    """

    init: Path | None = None
    base_dim: int = 16
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 1
    principal: bool = True


@dataclass(frozen=True)
class VAERecipe:
    """A run that trains the autoencoder; `measure` cards give the latents' statistics at the end."""

    name: str = "vae"
    kind: Literal["vae"] = "vae"
    seed: int = 0
    measure: int = 2048
    previews: int = 16
    run: RunConfig = field(default_factory=RunConfig)
    model: NewVAE = field(default_factory=NewVAE)
    cards: CardConfig = field(default_factory=CardConfig)
    loss: VAELoss = field(default_factory=VAELoss)
    optim: OptimConfig = field(default_factory=OptimConfig)


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


Recipe = VAERecipe | FlowRecipe | DistillRecipe


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
    match kind:
        case "vae":
            return load_recipe(path, VAERecipe, overrides)
        case "flow":
            return load_recipe(path, FlowRecipe, overrides)
        case "distill":
            return load_recipe(path, DistillRecipe, overrides)
        case _:
            raise ConfigError(f'kind is {kind!r} in {path}; write kind = "vae", "flow" or "distill"')
