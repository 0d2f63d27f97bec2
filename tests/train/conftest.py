"""Toy recipes and a toy autoencoder, small enough that a whole run takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import RequestError
from hanmo.model.config import VAEConfig
from hanmo.model.vae import VAE
from hanmo.train.data import DataConfig
from hanmo.train.objectives.auxiliary import AuxiliaryConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.recipe import FlowRecipe, NewModel, NewTransformer, NewVAE, RunConfig, VAERecipe
from hanmo.train.tiny_encoder import TinyEncoderConfig
from hanmo.train.vae_files import save_vae
from hanmo.train.vae_init import identity_start
from hanmo.weights.preferences import Preferences


@pytest.fixture(scope="session", autouse=True)
def fonts() -> None:
    for script in ("en", "zh"):
        for font in ("sans", "serif"):
            try:
                font_path(script, font)
            except RequestError as error:
                pytest.skip(str(error))


def toy_vae(seed: int = 0) -> VAE:
    config = VAEConfig(
        base_dim=8, dim_mult=(1, 1, 1, 1), num_res_blocks=1, latents_mean=(0.1,) * 16, latents_std=(0.8,) * 16
    )
    vae = VAE(config)
    identity_start(vae, torch.Generator().manual_seed(seed))
    return vae.eval()


@pytest.fixture(scope="session")
def vae_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae")
    vae = toy_vae()
    save_vae(folder, vae, vae.config)
    return folder


@pytest.fixture
def flow_recipe(vae_folder: Path, tmp_path: Path) -> Callable[..., FlowRecipe]:
    """A recipe of a toy model; keyword arguments replace whole tables."""

    def make(**tables: object) -> FlowRecipe:
        recipe = FlowRecipe(
            name="toy",
            seed=3,
            run=RunConfig(
                folder=tmp_path,
                steps=4,
                batch=4,
                log_every=1,
                save_every=2,
                preview_every=0,
                threads=1,
                precision="float32",
            ),
            model=NewModel(
                vae=vae_folder,
                transformer=NewTransformer(layers=4, heads=2, head_dim=16, axes=(4, 6, 6)),
                encoder=TinyEncoderConfig(
                    hidden=32,
                    layers=1,
                    heads=2,
                    kv_heads=1,
                    intermediate=64,
                    vision_hidden=16,
                    vision_layers=1,
                    vision_heads=1,
                    vision_intermediate=32,
                ),
            ),
            cards=CardConfig(characters=50),
            data=DataConfig(cards=24, pairs=8),
            auxiliary=AuxiliaryConfig(after=2),
            optim=OptimConfig(warmup=2, ema=0.9),
            preview=PreviewConfig(prompts=2, steps=2),
            preferences=Preferences((128, 64), 8192, 8192, 8192, 4, 1.0, 256),
        )
        return replace(recipe, **tables)  # type: ignore[arg-type]

    return make


@pytest.fixture
def vae_recipe(tmp_path: Path) -> VAERecipe:
    return VAERecipe(
        name="toy-vae",
        seed=3,
        measure=64,
        previews=4,
        run=RunConfig(folder=tmp_path, steps=30, batch=4, log_every=5, save_every=15, preview_every=0, threads=1),
        model=NewVAE(base_dim=8, dim_mult=(1, 2, 4, 4), num_res_blocks=1, principal=False),
        cards=CardConfig(characters=50),
        optim=OptimConfig(kind="muon", lr=3e-3, warmup=5, ema=0.9),
    )
