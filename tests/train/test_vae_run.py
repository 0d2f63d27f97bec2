from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import OutputError, WeightsError
from hanmo.model.vae import Posterior
from hanmo.train.judge import Box, Verdict
from hanmo.train.objectives.vae import edges, kl
from hanmo.train.randomness import random_for
from hanmo.train.recipe import VAERecipe
from hanmo.train.run import train
from hanmo.train.vae_data import Cards, recolored
from hanmo.train.vae_files import load_vae
from hanmo.train.vae_run import statistics


def _values(folder: Path, key: str) -> list[float]:
    lines: Iterable[dict[str, float]] = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line[key] for line in lines if key in line]


def test_a_short_run_learns_and_leaves_an_autoencoder_with_statistics(vae_recipe: VAERecipe) -> None:
    asked: list[tuple[Box, str]] = []

    def judge(picture: Image.Image, box: Box, text: str) -> Verdict:
        asked.append((box, text))
        return Verdict("", False, 0.25)

    result = train(vae_recipe, judge=judge)
    folder = result.parent
    losses = _values(folder, "pixel")
    assert losses[-1] < 0.8 * losses[0]
    assert _values(folder, "text_characters") == [0.25]
    assert len(asked) == 4
    vae = load_vae(result)
    mean, std = statistics(vae, Cards(vae_recipe.cards, vae_recipe.seed), 64)
    assert vae.config.latents_mean == pytest.approx(mean, abs=1e-3)
    assert vae.config.latents_std == pytest.approx(std, rel=1e-3)
    assert (folder / "previews" / "step-000000030.png").is_file()
    assert (folder / "recipe.toml").is_file()
    assert "step 30/30" in (folder / "train.log").read_text()


def test_a_folder_that_holds_a_run_is_not_overwritten(vae_recipe: VAERecipe) -> None:
    short = replace(vae_recipe, run=replace(vae_recipe.run, steps=1))
    train(short)
    with pytest.raises(OutputError, match="holds a run already"):
        train(short)


def test_an_autoencoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no VAE"):
        load_vae(tmp_path)


def test_pictures_are_a_function_of_the_step_and_are_cut_where_the_text_is() -> None:
    cards = Cards(CardConfig(placed=0.5), 1, recolor=0.5, crop=64)
    pixels = cards.pictures(3, 0, 12)
    assert pixels.shape == (12, 64, 64, 3)
    assert torch.equal(pixels, cards.pictures(3, 0, 12))
    assert not torch.equal(pixels, cards.pictures(4, 0, 12))
    assert all(int(picture.amax() - picture.amin()) > 0 for picture in pixels)


def test_recoloured_pictures_keep_their_shapes() -> None:
    pixels = Cards(CardConfig(), 1).pictures(0, 0, 1)[0].numpy()
    made = recolored(pixels, random_for(5)).astype(np.float32)
    ground = (pixels == pixels[0, 0]).all(-1)
    assert len(np.unique(made[ground], axis=0)) == 1
    assert np.abs(made[~ground] - made[0, 0]).max() >= 60


def test_edges_and_divergence_have_their_closed_forms() -> None:
    real = torch.zeros(1, 3, 4, 4)
    made = real.clone()
    made[..., 2:] = 1.0  # one vertical edge: of three differences to the right one is off by 1
    assert float(edges(made, real)) == pytest.approx((1 / 3 + 0) / 2)
    assert float(kl(Posterior(torch.full((1, 1, 1, 1), 2.0), torch.zeros(1, 1, 1, 1)))) == pytest.approx(2.0)
