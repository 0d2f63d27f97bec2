"""A glance at a picture while it is painted: latents to colours by one small linear map, without the VAE.

A latent cell stands for 8x8 pixels, and its 16 numbers tell their mean colour, roughly linearly. The map is
fitted once per checkpoint, by least squares on pictures of smooth colour that the VAE encodes; nothing about
it is stored. The result is small (a pixel per cell) and blurred in detail, and costs nothing next to a step.

It does not know requests or the loop.

Letters: B pictures, S tokens, P channels of a token, Z latent channels, h w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.model.latents import tensor_to_images, unpack
from hanmo.model.vae import VAE
from hanmo.pipeline.geometry import Size

_PICTURES, _SIDE, _SEED = 12, 64, 7


@dataclass(frozen=True)
class Glance:
    """The map of one checkpoint: rgb = latents @ weight + bias, in [-1, 1]."""

    weight: Float[Tensor, "Z 3"]
    bias: Float[Tensor, 3]

    def pictures(self, tokens: Float[Tensor, "B S P"], size: Size) -> list[Image.Image]:
        """Small pictures, one pixel per latent cell.

        Args:
            tokens: packed normalised latents, such as `StepInfo.clean`.
            size: (width, height) in pixels of what is painted.
        """
        z = unpack(tokens.detach().float().cpu(), size[1] // 8, size[0] // 8)
        rgb = torch.einsum("bzhw,zc->bchw", z, self.weight) + self.bias[:, None, None]
        return tensor_to_images(rgb.clamp(-1, 1))


@torch.inference_mode()
def fit_glance(vae: VAE) -> Glance:
    """Fit the map for an autoencoder: a second or so on a CPU for the released one."""
    parameter = vae.quant_conv.weight
    generator = torch.Generator().manual_seed(_SEED)
    coarse = torch.rand(_PICTURES, 3, 4, 4, generator=generator) * 2 - 1
    pictures = F.interpolate(coarse, (_SIDE, _SIDE), mode="bicubic").clamp(-1, 1)
    single = pictures.to(parameter.device, parameter.dtype).split(1)
    z = torch.cat([vae.normalise(vae.encode(picture).mode()) for picture in single]).float().cpu()
    cells = z.permute(0, 2, 3, 1).flatten(0, 2).double()
    colours = F.avg_pool2d(pictures, 8).permute(0, 2, 3, 1).flatten(0, 2).double()
    design = torch.cat([cells, torch.ones(len(cells), 1, dtype=torch.float64)], dim=1)
    # A little ridge: channels that smooth colours do not move must not be blown up.
    gram = design.T @ design + 1e-3 * len(design) * torch.eye(design.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(gram, design.T @ colours).float()
    return Glance(solved[:-1], solved[-1])
