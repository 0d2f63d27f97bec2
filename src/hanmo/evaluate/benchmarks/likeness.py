"""PSNR and SSIM of a picture that has a true one, as values that a mean can be taken of. It knows no benchmark."""

from __future__ import annotations

from PIL import Image

from hanmo.evaluate.fidelity import psnr, ssim

MOST_DECIBELS = 100.0
"""What two equal pictures count, and two that are nearer to each other than that: a mean must be finite."""


def likeness(made: Image.Image, true: Image.Image) -> dict[str, float]:
    """PSNR in dB, at most 100, and SSIM, at most 1.

    Raises:
        RequestError: pictures of different sizes, or too small for SSIM.
    """
    return {"PSNR": min(psnr(made, true), MOST_DECIBELS), "SSIM": ssim(made, true)}
