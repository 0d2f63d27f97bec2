"""Pictures for the autoencoder: cards drawn on the fly, some of them in colours that no caption names.

A batch is a function of (seed, step, part). It does not know the autoencoder.

Letters: B pictures, H W pixels.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from hanmo.data.synthesize.cards import Card, draw_array, text_box
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.train.objectives.vae import PictureBatch
from hanmo.train.randomness import number_for, random_for

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Cards:
    """Cards of a config, drawn anew for every batch.

    Attributes:
        config: which cards.
        seed: of everything random.
        recolor: share of cards in two random colours.
        crop: width in pixels of the part that is cut out where the text is; 0 keeps whole cards.
    """

    config: CardConfig
    seed: int
    recolor: float = 0.0
    crop: int = 0

    def pictures(self, step: int, part: int, count: int) -> UInt8[Tensor, "B H W 3"]:
        """`count` pictures of one size."""
        rng = random_for(self.seed, step, part)
        drawn = []
        for _ in range(count):
            card = sample_card(rng, self.config)
            pixels = draw_array(card)
            if self.crop:
                pixels = pixels[:, _window(card, self.crop, rng)]
            drawn.append(recolored(pixels, rng) if rng.random() < self.recolor else pixels)
        return torch.from_numpy(np.stack(drawn))

    def batch(self, step: int, part: int, count: int) -> PictureBatch:
        """The same as a batch, with the seed of its latent noise."""
        return PictureBatch(self.pictures(step, part, count), number_for(self.seed, step, part, 1))


def _window(card: Card, width: int, rng: random.Random) -> slice:
    """Columns of a part of a card that begins on the grid of latents and meets the text."""
    left, _, right, _ = text_box(card)
    first, last = max(0, left - width // 2), min(right - width // 2, card.width - width)
    start = rng.randint(first // 8, max(first, last) // 8) * 8
    start = min(start, card.width - width)
    return slice(start, start + width)


def recolored(pixels: Pixels, rng: random.Random) -> Pixels:
    """A two-coloured picture in two random colours: every pixel keeps its place between ground and letters.

    The new colours differ by at least 60 of 255 in one channel, so that the letters can be seen.
    """
    values = pixels.astype(np.float32)
    distance = np.abs(values - values[0, 0]).sum(-1)
    furthest = float(distance.max())
    if furthest == 0:
        return pixels
    ground, letters = (np.array([rng.randint(0, 255) for _ in range(3)], np.float32) for _ in range(2))
    if np.abs(ground - letters).max() < 60:
        letters = (letters + 128) % 256
    mixed = ground + (distance / furthest)[..., None] * (letters - ground)
    rounded: Pixels = mixed.round().astype(np.uint8)
    return rounded
