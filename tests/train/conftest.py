"""Toy recipes and a toy autoencoder, small enough that a whole run takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from tiny_pictures import png

from hanmo.data.collect import collect
from hanmo.data.sources.folder import FolderSource
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import RequestError
from hanmo.model.config import VAEConfig
from hanmo.model.vae import VAE
from hanmo.producer.config import ChooseConfig, EncodeConfig
from hanmo.train.data import DataConfig
from hanmo.train.objectives.auxiliary import AuxiliaryConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.pair_preview import PairPreviewConfig
from hanmo.train.preview import PreviewConfig
from hanmo.train.recipe import Base, FlowRecipe, NewModel, NewTransformer, NewVAE, RunConfig, SamplesRecipe, VAERecipe
from hanmo.train.stored import StoreConfig
from hanmo.train.tiny_encoder import TinyEncoderConfig
from hanmo.train.vae_files import save_vae
from hanmo.train.vae_init import identity_start
from hanmo.train.validation import ValidationConfig
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


@pytest.fixture(scope="module")
def samples_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint that `samples_recipe` begins with."""
    folder = tmp_path_factory.mktemp("samples") / "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(0)  # `tiny` leaves a few weights as they were made; sample ids are hashes of all of them
        tiny.save_checkpoint(folder)
    return folder


@pytest.fixture
def samples_recipe(tmp_path: Path, samples_base: Path) -> SamplesRecipe:
    """Twelve pictures, text to image and reconstruction, eight steps."""
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        (tmp_path / "pictures" / f"{number:02d}.png").write_bytes(png(20 * number, size=64))
        (tmp_path / "pictures" / f"{number:02d}.txt").write_text("a red card", encoding="utf-8")
    (tmp_path / "data").mkdir()
    collect([FolderSource(tmp_path / "pictures", "grey")], tmp_path / "data" / "set0")
    return SamplesRecipe(
        name="run",
        run=RunConfig(
            tmp_path, steps=8, batch=2, log_every=1, save_every=4, preview_every=4, threads=1, precision="float32"
        ),
        model=Base(str(samples_base)),
        data=StoreConfig((tmp_path / "data",), tmp_path / "store"),
        encode=EncodeConfig(sizes=((64, 64),)),
        choose=ChooseConfig(tasks=("t2i", "i2i")),
        validation=ValidationConfig(share=0.2, samples=4, bins=2, every=4),
        optim=OptimConfig(lr=1e-2, warmup=1),
        preview=PairPreviewConfig(prompts=0),
    )
