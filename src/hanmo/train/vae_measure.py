"""How well an autoencoder gives pictures back: PSNR and SSIM (report section 2.3, Table 2), in float32.

Both are taken of each picture over its three colours, on values that are clamped but not rounded, and averaged over
pictures. The report does not say whether its figures are of colours or of lightness, nor on which pictures, so ours
mirror its table and do not continue it. It does not know where pictures come from.

Letters: B pictures, H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from hanmo.errors import RequestError
from hanmo.model.latents import tensor_to_images
from hanmo.model.vae import VAE
from hanmo.train.objectives.vae import to_unit
from hanmo.train.sheet import save_sheet, sheet
from hanmo.train.similarity import psnr, ssim


@dataclass(frozen=True)
class Quality:
    """Means over pictures: PSNR in dB, SSIM up to 1."""

    pictures: int
    psnr: float
    ssim: float


@torch.no_grad()
def quality(vae: VAE, pictures: Sequence[UInt8[Tensor, "H W 3"]], batch: int = 4) -> Quality:
    """Means over pictures, each encoded to the mean of its posterior and decoded again.

    Args:
        vae: on its device; computed in float32 whatever its weights are.
        pictures: 8-bit, of one size, whose sides are multiples of the VAE's scale.
        batch: pictures at a time.

    Raises:
        RequestError: no pictures, or smaller ones than a window of SSIM.
    """
    if not pictures:
        raise RequestError("there are no pictures to measure: give one or more")
    device = next(vae.parameters()).device
    found = []
    for start in range(0, len(pictures), batch):
        real = to_unit(torch.stack(list(pictures[start : start + batch]))).to(device).contiguous()
        made = vae.decode(vae.encode(real).mode()).float()
        found.append(torch.stack([psnr(made, real), ssim(made, real)]).double().cpu())
    both = torch.cat(found, 1).mean(1).tolist()
    return Quality(len(pictures), both[0], both[1])


def look_at(vae: VAE, pictures: Sequence[UInt8[Tensor, "H W 3"]], path: Path) -> dict[str, float]:
    """A sheet of pictures (real above, given back below), and their quality; PSNR is the score."""
    device = next(vae.parameters()).device
    columns, rows = min(8, len(pictures)), []
    for start in range(0, len(pictures), columns):
        some = to_unit(torch.stack(list(pictures[start : start + columns])))
        made = torch.cat([vae.decode(vae.encode(one[None].to(device)).mode()).float().cpu() for one in some])
        rows += [*tensor_to_images(some), *tensor_to_images(made)]
    save_sheet(path, sheet(rows, columns))
    found = quality(vae, pictures)
    return {"psnr": found.psnr, "ssim": found.ssim, "score": found.psnr}
