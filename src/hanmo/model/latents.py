"""Pictures to tensors and latents to tokens (report section 2.4: 2x2 patches of a 16-channel latent).

Letters: B pictures, H W pixels, C latent channels, h w latent cells (pixels / 8), S = (h/2)(w/2) tokens.
It does not know the VAE or the noise; it only moves numbers.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor


def pack(z: Float[Tensor, "B C h w"]) -> Float[Tensor, "B S P"]:
    """Group 2x2 latent cells into tokens; channel index = c*4 + dy*2 + dx."""
    batch, channels, height, width = z.shape
    cells = z.reshape(batch, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return cells.reshape(batch, (height // 2) * (width // 2), channels * 4)


def unpack(tokens: Float[Tensor, "B S P"], height: int, width: int) -> Float[Tensor, "B C h w"]:
    """Undo `pack`; height and width are those of the latent (pixels / 8)."""
    batch, _, channels = tokens.shape
    cells = tokens.reshape(batch, height // 2, width // 2, channels // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return cells.reshape(batch, channels // 4, height, width)


def image_to_tensor(image: Image.Image) -> Float[Tensor, "1 3 H W"]:
    """An RGB picture as float32 in [-1, 1]; other modes are converted to RGB first."""
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32) / 255.0
    return torch.from_numpy(2.0 * pixels - 1.0).permute(2, 0, 1)[None].contiguous()


def tensor_to_images(pixels: Float[Tensor, "B 3 H W"]) -> list[Image.Image]:
    """Pictures from values in [-1, 1] (clamped), rounded half to even to 8 bits as diffusers does."""
    unit = (pixels.detach().float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(picture) for picture in (unit * 255).round().astype(np.uint8)]
