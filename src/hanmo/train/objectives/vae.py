"""The autoencoder's loss (report section 2.3): reconstruction with edges, a perceptual part, a pull to a Gaussian.

The report freezes the encoder and tunes the image decoder with reconstruction and perceptual losses, in a ratio that is
adjusted dynamically, and drops the adversarial one. Reconstruction is here the L1 distance of pixels and of their
differences to the right and below: letters are edges. Where the encoder learns too, the divergence of its posterior
from a Gaussian is added; where it is frozen there is none, and a batch may bring posteriors that were kept.

It does not know which perceptual loss it is given, nor where pictures come from.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), Z latent channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.model.vae import VAE, Posterior
from hanmo.train.objectives.perceptual import Perceptual
from hanmo.train.objectives.ratio import Ratio
from hanmo.train.randomness import generator_for


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
    """8-bit pictures, the seed of the step's latent noise, and posteriors where a frozen encoder's were kept."""

    pixels: UInt8[Tensor, "B H W 3"]
    seed: int
    mean: Float[Tensor, "B Z h w"] | None = None
    logvar: Float[Tensor, "B Z h w"] | None = None


@dataclass(frozen=True)
class VAEObjective:
    """Reconstruction of pictures.

    Attributes:
        vae: what is trained; its encoder learns too unless its parameters need no gradient (`freeze_encoder`).
        draw: the batch of (step, part).
        weights: of the parts.
        device: where the losses are computed.
        perceptual: the distance that is added; None for none.
        ratio: how much of it.
    """

    vae: VAE
    draw: Callable[[int, int], PictureBatch]
    weights: VAELoss
    device: torch.device
    perceptual: Perceptual | None = None
    ratio: Ratio | None = None

    def batch(self, step: int, part: int) -> PictureBatch:
        """Pictures of the step."""
        return self.draw(step, part)

    def loss(self, batch: PictureBatch, done: float) -> Mapping[str, Tensor]:
        """L1 + edges, + ratio * perceptual, + KL where the encoder learns."""
        real = to_unit(batch.pixels.to(self.device))
        posterior = self._posterior(batch, real)
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        noise = torch.randn(mean.shape, generator=generator_for(batch.seed)).to(self.device)
        made = self.vae.reconstruct(mean + torch.exp(0.5 * logvar) * noise).float()
        pixel = F.l1_loss(made, real)
        edge = edges(made, real)
        parts = {"pixel": pixel, "edge": edge}
        total = reconstruction = pixel + self.weights.gradient * edge
        if self.perceptual is not None and self.ratio is not None:
            distance = self.perceptual(made, real)
            ratio = self.ratio(reconstruction, distance, self.vae.decoder.conv_out.weight, done)
            total = total + ratio * distance
            parts |= {"perceptual": distance, "ratio": ratio}
        if mean.requires_grad:
            parts["kl"] = kl(Posterior(mean, logvar))
            total = total + self.weights.kl * parts["kl"]
        return {"loss": total, **parts}

    def _posterior(self, batch: PictureBatch, real: Float[Tensor, "B 3 H W"]) -> Posterior:
        if batch.mean is None or batch.logvar is None:
            return self.vae.encode(real)
        return Posterior(batch.mean.to(self.device), batch.logvar.to(self.device))


def freeze_encoder(vae: VAE) -> None:
    """Leave the image decoder alone to learn: encoder and `quant_conv` need no gradients any more."""
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)


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
