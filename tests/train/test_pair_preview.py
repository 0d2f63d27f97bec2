"""Held-out edits are painted as the pipeline paints them, from the store alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from producer_sets import SIZE, picture

from hanmo.errors import ConfigError
from hanmo.model.latents import tensor_to_images
from hanmo.pipeline.pipeline import Pipeline, load
from hanmo.producer.config import EncodeConfig
from hanmo.producer.encode import encode, fitted, identity_of, networks_of
from hanmo.producer.items import Item
from hanmo.producer.sample import Sample
from hanmo.train.batches import Maker, MixConfig
from hanmo.train.metrics import Metrics
from hanmo.train.pair_preview import PairPreviewConfig, paint_pair, show_pairs
from hanmo.train.samples import EmptyPrompts

WORDS = "change the card to green"
STEPS = 2


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return load()


@pytest.fixture(scope="module")
def maker(pipeline: Pipeline) -> Maker:
    return Maker(MixConfig(), pipeline.vae.config, EmptyPrompts(), pipeline.schedule)


@pytest.fixture(scope="module")
def pairs(pipeline: Pipeline) -> list[Sample]:
    """An edit, and a picture without one."""
    networks = networks_of(pipeline.encoder, pipeline.vae, pipeline.preferences)
    config = EncodeConfig(sizes=(SIZE,), empty_edits=True)
    identity = identity_of(networks, config)
    edit = Item("ti2i", picture(1), (picture(2),), WORDS, ("a", "b"), "tests")
    plain = Item("t2i", picture(3), (), "a card", ("c",), "tests")
    made = []
    for item in (edit, plain):
        made += encode(fitted(item, networks, config, identity), networks, config)
    return made


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_stored_edit_is_painted_as_the_pipeline_paints_its_picture(
    pipeline: Pipeline, maker: Maker, pairs: list[Sample], scale: float
) -> None:
    config = PairPreviewConfig(steps=STEPS, cfg_scale=scale)
    source, painted, truth = paint_pair(pipeline, pairs[0], maker, config, seed=5)
    wanted = pipeline.edit(picture(2), WORDS, steps=STEPS, cfg_scale=scale, seed=5).images[0]
    assert np.abs(np.asarray(painted, int) - np.asarray(wanted, int)).max() <= 1
    for shown, (mean, _) in ((source, pairs[0].sources[0]), (truth, pairs[0].target)):
        with torch.no_grad():
            (own,) = tensor_to_images(pipeline.vae.decode(mean[None]))
        assert np.abs(np.asarray(shown, int) - np.asarray(own, int)).max() <= 1, "as the autoencoder has it"


def test_the_sheet_holds_the_held_out_edits_alone(
    pipeline: Pipeline, maker: Maker, pairs: list[Sample], tmp_path: Path
) -> None:
    with Metrics(tmp_path, 0) as metrics:
        show_pairs(pipeline, pairs[1:], maker, PairPreviewConfig(steps=1), tmp_path / "none.png", 1, metrics)
        show_pairs(pipeline, pairs, maker, PairPreviewConfig(steps=1), tmp_path / "pairs.png", 1, metrics)
    assert not (tmp_path / "none.png").exists()
    with Image.open(tmp_path / "pairs.png") as whole:
        assert whole.size == (6 * (SIZE[0] + 4) + 4, SIZE[1] + 8)


def test_a_negative_count_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"preview\.pairs is -1"):
        PairPreviewConfig(pairs=-1)
