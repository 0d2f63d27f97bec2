"""The autoencoder's loss (report section 2.3): reconstruction with edges, and a slight pull to a Gaussian.

The report tunes a decoder with reconstruction and perceptual losses on text-rich pictures, and drops the
adversarial one. Here the whole autoencoder is trained on cards, with the L1 distance of pixels and of
their differences to the right and below: letters are edges. There is no perceptual network.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), Z latent channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.model.vae import VAE, Posterior
from hanmo.train.randomness import generator_for, number_for
from hanmo.train.vae_data import Cards


@dataclass(frozen=True)
class VAELoss:
    """Weights of the parts; the L1 distance of pixels in [-1, 1] has weight 1.

    Attributes:
        gradient: weight of the edges.
        kl: weight of the divergence.
        recolor: share of cards in two random colours.
        crop: width of the part of a card that is trained on, where the text is; 0 for whole cards.
    """

    gradient: float = 1.0
    kl: float = 3e-4
    recolor: float = 0.3
    crop: int = 0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a negative weight, a share beyond 1, or a width that is no multiple of 8.
        """
        if self.crop < 0 or self.crop % 8:
            raise ConfigError(f"loss.crop is {self.crop}; it must be a multiple of 8, or 0 for whole cards")
        if self.gradient < 0 or self.kl < 0 or not 0 <= self.recolor <= 1:
            raise ConfigError(f"loss: gradient and kl must be at least 0, recolor between 0 and 1; given {self}")


@dataclass(frozen=True)
class PictureBatch:
    """8-bit pictures, and the latent noise of the step."""

    pixels: UInt8[Tensor, "B H W 3"]
    seed: int


@dataclass(frozen=True)
class VAEObjective:
    """Reconstruction of cards."""

    vae: VAE
    cards: Cards
    pictures: int
    weights: VAELoss
    device: torch.device

    def batch(self, step: int, part: int) -> PictureBatch:
        """Draw cards of the step."""
        return PictureBatch(self.cards.pictures(step, part, self.pictures), number_for(self.cards.seed, step, part, 1))

    def loss(self, batch: PictureBatch, done: float) -> Mapping[str, Tensor]:
        """L1 + edges + KL."""
        real = to_unit(batch.pixels.to(self.device))
        posterior = self.vae.encode(real)
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        noise = torch.randn(mean.shape, generator=generator_for(batch.seed)).to(self.device)
        made = self.vae.reconstruct(mean + torch.exp(0.5 * logvar) * noise).float()
        pixel = F.l1_loss(made, real)
        edge = edges(made, real)
        gaussian = kl(Posterior(mean, logvar))
        total = pixel + self.weights.gradient * edge + self.weights.kl * gaussian
        return {"loss": total, "pixel": pixel, "edge": edge, "kl": gaussian}


def to_unit(pixels: UInt8[Tensor, "B H W 3"]) -> Float[Tensor, "B 3 H W"]:
    """8-bit pictures as float32 in [-1, 1], colours in front (a channels-last view)."""
    return (pixels.float() / 127.5 - 1.0).permute(0, 3, 1, 2)


def edges(made: Float[Tensor, "B 3 H W"], real: Float[Tensor, "B 3 H W"]) -> Float[Tensor, ""]:
    """Mean absolute error of the differences between neighbouring pixels, right and below."""
    error = made - real
    return (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()) / 2


def kl(posterior: Posterior) -> Float[Tensor, ""]:
    """Divergence from the standard Gaussian, mean over latent values: (mu^2 + var - 1 - log var) / 2."""
    return 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1.0 - posterior.logvar).mean()
