"""Previews of edits: what the model makes of pairs that training never draws, beside the source and the truth.

A run on producers' samples may have no cards to judge by: depth, views, edits of photographs. Its held-out pairs
(`validation.share`) are then painted as the pipeline paints: its schedule, its guided velocity, its one loop, its
decoder. Everything comes from the store, so the pictures are as the autoencoder has them: a fault that all columns show
is the autoencoder's, not the transformer's. It does not know how the model is trained, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hanmo.engine.denoise import denoise
from hanmo.engine.modulation import Stream, modulation_tables, predictor, text_stream
from hanmo.errors import ConfigError
from hanmo.model.latents import pack
from hanmo.pipeline.conditions import noise_tokens
from hanmo.pipeline.pipeline import Pipeline
from hanmo.producer.sample import Sample
from hanmo.sampler import schedule
from hanmo.train.batches import Maker, SampleBatch
from hanmo.train.metrics import Metrics
from hanmo.train.preview import PreviewConfig
from hanmo.train.sheet import save_sheet, sheet


@dataclass(frozen=True)
class PairPreviewConfig(PreviewConfig):
    """Cards as `PreviewConfig` says, and held-out pairs.

    Attributes:
        pairs: edits of the held-out samples, the first by id; painted with `steps` and, where the store has their empty
            prompts, `cfg_scale`.
    """

    pairs: int = 8

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a count or a scale out of range; the message names the key.
        """
        super().__post_init__()
        if self.pairs < 0:
            raise ConfigError(f"preview.pairs is {self.pairs}; it must be at least 0")


def show_pairs(
    pipeline: Pipeline,
    held: Sequence[Sample],
    maker: Maker,
    config: PairPreviewConfig,
    path: Path,
    step: int,
    metrics: Metrics,
) -> None:
    """Paint held-out pairs and keep them as a sheet, two pairs a row: first source, painted, truth.

    Args:
        pipeline: the model with its averaged weights.
        held: samples that training never draws, of any tasks; without an edit among them nothing is written.
        maker: samples to batches, as in training.
        config: how many, and how.
        path: the sheet's PNG.
        step: for the board.
        metrics: the board.

    Raises:
        OutputError: the sheet cannot be written.
    """
    pairs = [sample for sample in sorted(held, key=lambda each: each.id) if sample.task == "ti2i"][: config.pairs]
    if not pairs:
        return
    shown = [
        picture for number, pair in enumerate(pairs) for picture in paint_pair(pipeline, pair, maker, config, number)
    ]
    whole = sheet(shown, columns=6)
    save_sheet(path, whole)
    metrics.picture(step, "pairs", np.asarray(whole))


@torch.no_grad()
def paint_pair(
    pipeline: Pipeline, pair: Sample, maker: Maker, config: PairPreviewConfig, seed: int
) -> tuple[Image.Image, Image.Image, Image.Image]:
    """The first source of an edit, what the model makes of it, and the truth.

    Args:
        pipeline: the model.
        pair: of the task ti2i.
        maker: samples to batches.
        config: steps and guidance.
        seed: of the noise.
    """
    batch = maker.batch([pair], [torch.Generator().manual_seed(seed)], times=[0.5])
    device = pipeline.transformer.proj_out.weight.device
    noise = noise_tokens(pair.size, torch.Generator().manual_seed(seed)).to(device)
    levels = schedule(config.steps, noise.shape[1], pipeline.schedule)
    guided = config.cfg_scale > 1 and pair.empty is not None
    velocity = predictor(
        pipeline.transformer,
        modulation_tables(pipeline.transformer, levels[:-1]),
        _stream(pipeline, batch, batch.states),
        _stream(pipeline, batch, pair.empty[None].float()) if guided and pair.empty is not None else None,
        config.cfg_scale,
        batch.condition,
    )
    painted = denoise(noise, velocity, levels)
    return (
        _decoded(pipeline, pair.sources[0][0], maker),
        pipeline.show(painted, pair.size, exact=True)[0],
        _decoded(pipeline, pair.target[0], maker),
    )


def _stream(pipeline: Pipeline, batch: SampleBatch, states: torch.Tensor) -> Stream:
    device = pipeline.transformer.proj_out.weight.device
    return text_stream(pipeline.transformer, states.to(device), None, batch.shapes[0])


def _decoded(pipeline: Pipeline, mean: torch.Tensor, maker: Maker) -> Image.Image:
    size = mean.shape[2] * maker.vae.scale, mean.shape[1] * maker.vae.scale
    return pipeline.show(pack(maker.normalise(mean.float())[None]), size, exact=True)[0]
