"""How alike two pictures are, pixel by pixel (report section 5: Table 2, novel views): PSNR and SSIM.

    psnr   10 log10(255^2 / mean squared difference over all pixels and channels), in dB; inf for equal pictures
    ssim   Wang et al. 2004: a Gaussian window of sigma 1.5 (11x11), K1 = 0.01, K2 = 0.03, population variances,
           the mean over pixels and the three channels; 1 for equal pictures

The report names neither window nor colour space, so these are the definitions of the papers, on RGB, 0-255, as
scikit-image computes them. Others (a flat 7x7 window, luma only) give other figures: do not mix them. This module does
not know benchmarks.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64
from PIL import Image

from hanmo.errors import RequestError

_SMALLEST = 11
"""Side of SSIM's window."""


def psnr(a: Image.Image, b: Image.Image) -> float:
    """Peak signal to noise ratio of two RGB pictures in dB; inf where they are equal.

    Raises:
        RequestError: pictures of different sizes.
    """
    one, other = _pixels(a, b)
    error = float(np.mean((one - other) ** 2))
    return math.inf if error == 0.0 else 10.0 * math.log10(255.0**2 / error)


def ssim(a: Image.Image, b: Image.Image) -> float:
    """Structural similarity of two RGB pictures, at most 1.

    Raises:
        RequestError: pictures of different sizes, or smaller than the window of 11x11 pixels; no scikit-image.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise RequestError("SSIM needs scikit-image: pip install 'hanmo[evaluate]'") from None
    one, other = _pixels(a, b)
    if min(one.shape[:2]) < _SMALLEST:
        raise RequestError(f"SSIM needs pictures of {_SMALLEST}x{_SMALLEST} pixels or more, not {a.width}x{a.height}")
    value = structural_similarity(
        one, other, channel_axis=2, data_range=255.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(value)


def _pixels(a: Image.Image, b: Image.Image) -> tuple[Float64[np.ndarray, "H W 3"], Float64[np.ndarray, "H W 3"]]:
    if a.size != b.size:
        raise RequestError(
            f"pictures of {a.width}x{a.height} and {b.width}x{b.height} cannot be compared: resize one first"
        )
    one, other = (np.asarray(picture.convert("RGB"), dtype=np.float64) for picture in (a, b))
    return one, other
