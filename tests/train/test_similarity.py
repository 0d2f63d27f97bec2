from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hanmo.errors import RequestError
from hanmo.train.similarity import gaussian, psnr, ssim


def _pictures(seed: int, height: int = 14, width: int = 17) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    real = torch.rand(2, 3, height, width, generator=generator) * 2 - 1
    return (real + 0.2 * torch.randn(real.shape, generator=generator)).clamp(-1, 1), real


def _slow_ssim(x: np.ndarray, y: np.ndarray, peak: float) -> float:
    """Window by window, as the definition says it."""
    side, deviation = 11, 1.5
    weights = np.array(
        [[math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / (2 * deviation**2)) for j in range(side)] for i in range(side)]
    )
    weights /= weights.sum()
    first, second = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    found = []
    for channel in range(x.shape[0]):
        for top in range(x.shape[1] - side + 1):
            for left in range(x.shape[2] - side + 1):
                a = x[channel, top : top + side, left : left + side]
                b = y[channel, top : top + side, left : left + side]
                mx, my = (weights * a).sum(), (weights * b).sum()
                vx, vy = (weights * (a - mx) ** 2).sum(), (weights * (b - my) ** 2).sum()
                cov = (weights * (a - mx) * (b - my)).sum()
                found.append(
                    (2 * mx * my + first) * (2 * cov + second) / ((mx**2 + my**2 + first) * (vx + vy + second))
                )
    return float(np.mean(found))


@pytest.mark.parametrize("peak", [1.0, 2.0])
def test_ssim_is_what_the_definition_gives_window_by_window(peak: float) -> None:
    made, real = _pictures(1)
    fast = ssim(made.double(), real.double(), peak)
    for number in range(2):
        slow = _slow_ssim(made[number].double().numpy(), real[number].double().numpy(), peak)
        assert float(fast[number]) == pytest.approx(slow, abs=1e-9)


def test_equal_pictures_have_ssim_one_and_others_less() -> None:
    made, real = _pictures(2)
    assert ssim(real, real).tolist() == pytest.approx([1.0, 1.0], abs=1e-5)
    assert all(value < 0.99 for value in ssim(made, real).tolist())
    assert float(gaussian().sum()) == pytest.approx(1.0)


def test_psnr_has_its_closed_form_and_each_picture_its_own() -> None:
    real = torch.zeros(2, 3, 12, 12)
    made = torch.stack([torch.full((3, 12, 12), 0.2), torch.full((3, 12, 12), 0.02)])
    assert psnr(made, real).tolist() == pytest.approx([20.0, 40.0], abs=1e-3)  # 10 log10(2^2 / 0.2^2)
    assert psnr(made, real, peak=1.0)[0].item() == pytest.approx(20.0 - 20 * math.log10(2), abs=1e-3)


def test_pictures_below_a_window_are_refused() -> None:
    made, real = _pictures(3, 10, 20)
    with pytest.raises(RequestError, match=r"11 x 11"):
        ssim(made, real)
