import math

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from hanmo.errors import RequestError
from hanmo.evaluate.fidelity import psnr, ssim


def noise(seed: int, size: tuple[int, int] = (24, 20)) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(values.astype(np.uint8))


def flat(level: int) -> Image.Image:
    return Image.new("RGB", (16, 16), (level, level, level))


def test_psnr_is_ten_decibels_for_each_tenth_of_the_error() -> None:
    # by hand: a difference of 255 everywhere is 0 dB; of 5 it is 20 log10(51) = 34.1514 dB
    assert psnr(flat(0), flat(255)) == 0.0
    assert psnr(flat(100), flat(105)) == pytest.approx(34.15140352195873, abs=1e-12)
    assert psnr(flat(9), flat(9)) == math.inf


def test_ssim_of_flat_pictures_is_its_first_term() -> None:
    # by hand: without variance only (2 m1 m2 + c1) / (m1^2 + m2^2 + c1) is left, c1 = (0.01 * 255)^2
    c1 = 2.55**2
    assert ssim(flat(100), flat(150)) == pytest.approx((2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), abs=1e-12)
    assert ssim(noise(1), noise(1)) == 1.0


def test_ssim_is_the_formula_of_wang_with_a_gaussian_window() -> None:
    # independent: the formula written out with scipy's filter (11x11: sigma 1.5 cut at 3.5), the rim left out
    one, other = noise(1), noise(2)
    a, b = (np.asarray(picture, dtype=float) for picture in (one, other))

    def window(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, (1.5, 1.5, 0.0), truncate=3.5)[5:-5, 5:-5]

    ma, mb = window(a), window(b)
    va, vb, vab = window(a * a) - ma**2, window(b * b) - mb**2, window(a * b) - ma * mb
    c1, c2 = 2.55**2, 7.65**2
    expected = ((2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()
    assert ssim(one, other) == pytest.approx(expected, abs=1e-9)


def test_pictures_that_cannot_be_compared_are_named() -> None:
    with pytest.raises(RequestError, match="24x20 and 20x24"):
        psnr(noise(1), noise(1, (20, 24)))
    with pytest.raises(RequestError, match="11x11"):
        ssim(noise(1, (10, 30)), noise(2, (10, 30)))
