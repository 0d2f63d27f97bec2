"""PSNR and SSIM, written from their definitions (report section 2.3, Table 2).

PSNR is 10 log10(peak^2 / mean squared error), SSIM the mean over all whole windows and channels of

    (2 mx my + c1)(2 cov + c2) / ((mx^2 + my^2 + c1)(vx + vy + c2)),    c1 = (0.01 peak)^2, c2 = (0.03 peak)^2

with Gaussian windows of 11 x 11 pixels and a deviation of 1.5 (Wang et al. 2004). They do not know autoencoders.

Letters: B pictures, C channels, H W pixels, h w windows (pixels - 10).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hanmo.errors import RequestError

WINDOW, DEVIATION = 11, 1.5
PEAK = 2.0
"""Between the darkest and the brightest value of [-1, 1]."""
_LEAST_ERROR = 1e-10  # equal pictures have 106 dB, not infinitely many


def psnr(made: Float[Tensor, "B C H W"], real: Float[Tensor, "B C H W"], peak: float = PEAK) -> Float[Tensor, " B"]:
    """Of each picture, in dB; `peak` is the range of values."""
    error = (made - real).square().mean((1, 2, 3)).clamp(min=_LEAST_ERROR)
    return 10.0 * torch.log10(peak**2 / error)


def ssim(made: Float[Tensor, "B C H W"], real: Float[Tensor, "B C H W"], peak: float = PEAK) -> Float[Tensor, " B"]:
    """Of each picture.

    Raises:
        RequestError: a side below 11 pixels.
    """
    if min(made.shape[-2:]) < WINDOW:
        raise RequestError(f"SSIM needs pictures of {WINDOW} x {WINDOW} pixels or more; given {tuple(made.shape[-2:])}")
    luminance, structure = similarity(made, real, peak)
    return (luminance * structure).mean((1, 2, 3))


def similarity(
    made: Float[Tensor, "B C H W"], real: Float[Tensor, "B C H W"], peak: float = PEAK
) -> tuple[Float[Tensor, "B C h w"], Float[Tensor, "B C h w"]]:
    """The two factors of SSIM in every window: of the means, and of contrast and structure."""
    first, second = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mx, my = blurred(made), blurred(real)
    vx, vy = blurred(made * made) - mx * mx, blurred(real * real) - my * my
    cov = blurred(made * real) - mx * my
    return (2 * mx * my + first) / (mx * mx + my * my + first), (2 * cov + second) / (vx + vy + second)


def blurred(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C h w"]:
    """Weighted means of the Gaussian windows that lie whole within the picture."""
    channels = x.shape[1]
    line = gaussian().to(x.device, x.dtype)
    down = F.conv2d(x, line.reshape(1, 1, -1, 1).expand(channels, -1, -1, -1), groups=channels)
    return F.conv2d(down, line.reshape(1, 1, 1, -1).expand(channels, -1, -1, -1), groups=channels)


def gaussian() -> Float[Tensor, " window"]:
    """The window along one axis; the weights sum to 1."""
    at = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    weights = torch.exp(-at.square() / (2 * DEVIATION**2))
    return weights / weights.sum()
