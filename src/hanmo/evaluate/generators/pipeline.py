"""Our own models as a generator: words, edits, and what the autoencoder keeps of a picture.

    generate      Pipeline.generate
    edit          Pipeline.edit, with the prompt's source pictures
    reconstruct   VAE: mean of the posterior -> decoder, no noise; edges are filled up to whole latents, then cut off

It does not know benchmarks, judges or files of results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.generators.model_hash import model_hash
from hanmo.evaluate.generators.protocol import Order, Painted, Unpainted
from hanmo.evaluate.types import Json
from hanmo.model.latents import image_to_tensor, tensor_to_images
from hanmo.pipeline.pipeline import Pipeline, load
from hanmo.pipeline.request import Request
from hanmo.safety.policy import Blocked
from hanmo.weights.hub import Source, resolve

Size = tuple[int, int]
CELL = 8
"""Pixels along the side of a latent."""


@dataclass(frozen=True)
class PipelineConfig:
    """What to paint with, and how.

    Attributes:
        model: a folder or a hub id; None for the bundled model.
        steps: denoising steps; None takes the checkpoint's.
        cfg_scale: guidance; None takes the checkpoint's.
        size: (width, height) where a prompt asks for none; None takes the checkpoint's.
        batch: pictures at once.
        device: "cpu", "cuda", ...
        dtype: of the weights.
        source: the hub that ids are looked up on.
    """

    model: str | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    size: Size | None = None
    batch: int = 4
    device: str = "cpu"
    dtype: str = "float32"
    source: Source = "huggingface"

    def __post_init__(self) -> None:
        """Check what needs no checkpoint."""
        if self.batch < 1:
            raise RequestError(f"batch {self.batch} is not allowed: give 1 or more")
        Request(("words",), steps=self.steps, cfg_scale=self.cfg_scale, size=self.size)


class PipelineGenerator:
    """A checkpoint that paints; see `protocol.Generator`.

    Args:
        config: which, and how.
        pipeline: the loaded checkpoint; None loads the one that `config` names.

    Raises:
        WeightsError: the checkpoint is missing or damaged.
    """

    concurrent = False

    def __init__(self, config: PipelineConfig, pipeline: Pipeline | None = None) -> None:
        self._config = config
        folder = resolve(config.model, config.source)
        self._pipeline = pipeline or load(config.model, config.device, config.dtype, config.source)
        self._hash = model_hash(Path(folder))

    @property
    def batch(self) -> int:
        """See `Generator`."""
        return self._config.batch

    def describe(self) -> Mapping[str, Json]:
        """See `Generator`; `batch` is not in it, since no picture depends on its neighbours."""
        preferred, config = self._pipeline.preferences, self._config
        return {
            "kind": "pipeline",
            "name": self._pipeline.name,
            "model_hash": self._hash,
            "steps": preferred.steps if config.steps is None else config.steps,
            "cfg_scale": preferred.cfg_scale if config.cfg_scale is None else config.cfg_scale,
            "size": None if config.size is None else list(config.size),
            "device": config.device,
            "dtype": config.dtype,
        }

    def check(self, orders: Sequence[Order]) -> None:
        """See `Generator`: every task is known."""

    def paint(self, orders: Sequence[Order], sources: Sequence[Sequence[Image.Image]]) -> list[Painted]:
        """See `Generator`."""
        groups: dict[object, list[int]] = {}
        for row, order in enumerate(orders):
            groups.setdefault((order.prompt.task, order.prompt.size), []).append(row)
        painted: dict[int, Painted] = {}
        for rows in groups.values():
            found = self._paint([orders[row] for row in rows], [list(sources[row]) for row in rows])
            painted |= dict(zip(rows, found, strict=True))
        return [painted[row] for row in range(len(orders))]

    def _paint(self, orders: Sequence[Order], sources: Sequence[list[Image.Image]]) -> list[Painted]:
        """Orders of one task and size. A prompt that the model refuses does not take its neighbours along."""
        try:
            if orders[0].prompt.task == "reconstruct":
                return [self._reconstructed(pictures) for pictures in sources]
            return self._asked(orders, sources)
        except RequestError as error:
            if len(orders) == 1:
                return [Unpainted(str(error))]
        return [self._paint([order], [own])[0] for order, own in zip(orders, sources, strict=True)]

    def _asked(self, orders: Sequence[Order], sources: Sequence[list[Image.Image]]) -> list[Painted]:
        config, task = self._config, orders[0].prompt.task
        request = Request(
            tuple(order.prompt.text for order in orders),
            "edit" if task == "edit" else "generate",
            images=tuple(tuple(own) for own in sources) if task == "edit" else (),
            size=orders[0].prompt.size or config.size,
            steps=config.steps,
            cfg_scale=config.cfg_scale,
            seeds=tuple(order.seed for order in orders),
        )
        outcomes = self._pipeline(request).outcomes
        return [Unpainted("kept back by the safety policy") if isinstance(one, Blocked) else one for one in outcomes]

    @torch.inference_mode()
    def _reconstructed(self, sources: Sequence[Image.Image]) -> Image.Image:
        if len(sources) != 1:
            raise RequestError(f"a reconstruction of {len(sources)} pictures is not possible: it needs exactly one")
        vae, (source,) = self._pipeline.vae, sources
        weight = vae.quant_conv.weight
        pixels = image_to_tensor(filled(source)).to(weight.device, weight.dtype)
        (again,) = tensor_to_images(vae.decode(vae.encode(pixels).mode()))
        return again.crop((0, 0, *source.size))


def filled(picture: Image.Image, cell: int = CELL) -> Image.Image:
    """A picture in RGB whose sides are multiples of `cell`: its last row and column are repeated."""
    width, height = picture.size
    right, bottom = -width % cell, -height % cell
    if not right and not bottom:
        return picture.convert("RGB")
    return Image.fromarray(np.pad(np.asarray(picture.convert("RGB")), ((0, bottom), (0, right), (0, 0)), "edge"))
