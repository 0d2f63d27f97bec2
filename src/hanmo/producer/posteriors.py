"""What the autoencoder says of pictures, each asked once while it is near (report section 4.1.1).

Several samples of a record show the same pictures: other words for one edit, a pair's target as text to image, a
reconstruction. They come one after the other, so the last posteriors are remembered by what the pictures show. It does
not know samples.

Letters: B pictures, Z channels, h w latent cells (pixels / 8).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image

from hanmo.model.latents import image_to_tensor
from hanmo.model.vae import VAE
from hanmo.producer.items import pixels_hash
from hanmo.producer.remembered import Remembered
from hanmo.producer.sample import Posterior

REMEMBERED = 64_000_000
"""Bytes of posteriors that are kept."""


class Posteriors:
    """Posteriors of an autoencoder; those asked for last are remembered.

    Args:
        vae: frozen.
        room: bytes that are kept.

    Attributes:
        asked: pictures that the autoencoder has seen.
    """

    def __init__(self, vae: VAE, room: int = REMEMBERED) -> None:
        self._vae = vae
        self._known: Remembered[Posterior] = Remembered(lambda said: sum(tensor.nbytes for tensor in said), room)
        self.asked = 0

    @torch.no_grad()
    def of(self, pictures: Sequence[Image.Image]) -> list[Posterior]:
        """Of each picture, on the CPU; new ones of one size in one run.

        Args:
            pictures: RGB, sides are multiples of 16.
        """
        names = [pixels_hash(picture) for picture in pictures]
        new = {name: picture for name, picture in zip(names, pictures, strict=True) if name not in self._known}
        sizes: dict[tuple[int, int], list[str]] = {}
        for name, picture in new.items():
            sizes.setdefault(picture.size, []).append(name)
        found = {name: self._known[name] for name in names if name in self._known}
        weight = self._vae.quant_conv.weight
        for some in sizes.values():
            pixels = torch.cat([image_to_tensor(new[name]) for name in some]).to(weight.device, weight.dtype)
            posterior = self._vae.encode(pixels)
            self.asked += len(some)
            # Clones, so that what is remembered does not hold a whole batch.
            for name, mean, logvar in zip(some, posterior.mean.cpu(), posterior.logvar.cpu(), strict=True):
                found[name] = mean.clone(), logvar.clone()
        for name in dict.fromkeys(names):
            self._known[name] = found[name]
        return [found[name] for name in names]
