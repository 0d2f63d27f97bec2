"""PSNR, SSIM and LPIPS against closed formulas, and against the lpips package's own code.

`EXPECTED` is what `lpips.LPIPS(net="alex")` 0.1.4 gave with the weights of `wave` in place of the trained ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from hanmo.errors import RequestError, WeightsError
from hanmo.evaluate.judges.fidelity import Lpips, psnr, ssim

pytest.importorskip("skimage")

EXPECTED = 1.568471908569336
SHAPES = ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3))


def wave(shape: tuple[int, ...], scale: float, start: int) -> Tensor:
    """Numbers that look random and are the same everywhere."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.from_numpy((np.sin(k * k * 0.001 + k * 1.7 + start) * scale).reshape(shape)).float()


def weights(folder: Path) -> tuple[Path, Path]:
    backbone, heads = {}, {}
    for number, (place, channels, before, side) in enumerate(SHAPES):
        shape = (channels, before, side, side)
        backbone[f"features.{place}.weight"] = wave(shape, (2 / (before * side * side)) ** 0.5 * 1.4, number)
        backbone[f"features.{place}.bias"] = wave((channels,), 0.1, 10 + number)
        heads[f"lin{number}.model.1.weight"] = wave((1, channels, 1, 1), 1, 20 + number).abs()
    save_file(backbone, folder / "alexnet.safetensors")
    torch.save(heads, folder / "alex.pth")
    return folder / "alexnet.safetensors", folder / "alex.pth"


def pair() -> tuple[Image.Image, Image.Image]:
    y, x = np.mgrid[0:48, 0:64]
    first = np.stack([(y * 5) % 256, (x * 4) % 256, ((y + x) * 3) % 256], -1)
    second = np.stack([(y * 5 + 20) % 256, (x * 3) % 256, (y * x) % 256], -1)
    return Image.fromarray(first.astype(np.uint8)), Image.fromarray(second.astype(np.uint8))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return weights(tmp_path_factory.mktemp("lpips"))


def test_psnr_is_its_formula() -> None:
    black, grey = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), (16, 16, 16))
    assert psnr(black, grey) == pytest.approx(20 * np.log10(255 / 16), abs=1e-9)
    assert psnr(black, black) == float("inf")
    first, second = pair()
    error = (np.asarray(first, dtype=float) - np.asarray(second, dtype=float)) ** 2
    assert psnr(first, second) == pytest.approx(10 * np.log10(255**2 / error.mean()), abs=1e-9)


def test_ssim_of_flat_pictures_is_its_formula_and_of_equal_ones_1() -> None:
    light = [Image.new("RGB", (16, 16), (value,) * 3) for value in (100, 150)]
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + constant) / (100**2 + 150**2 + constant)
    assert ssim(*light) == pytest.approx(expected, abs=1e-9)
    first, second = pair()
    assert ssim(first, first) == pytest.approx(1.0)
    assert ssim(first, second) < 0.9


def test_lpips_is_what_its_authors_code_computes(files: tuple[Path, Path]) -> None:
    judge = Lpips(*files)
    assert judge.distance(*pair()) == pytest.approx(EXPECTED, rel=1e-5)
    assert judge.distance(pair()[0], pair()[0]) == 0.0


def test_lpips_records_which_weights_it_has(files: tuple[Path, Path]) -> None:
    said = Lpips(*files).describe()
    assert said["name"] == "LPIPS (AlexNet)"
    assert all(len(digest) == 16 for digest in said["settings"].values())


def test_missing_weights_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"AlexNet's weights .* and its channels' weights") as caught:
        Lpips(tmp_path / "none.pth", tmp_path / "none.pth")
    assert "\n" not in str(caught.value)


def test_other_weights_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"features.0.weight.* is not in alex.pth"):
        Lpips(files[1], files[1]).distance(*pair())
    torn = tmp_path / "torn.pth"
    torn.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot be read"):
        Lpips(torn, files[1]).distance(*pair())


def test_pictures_that_cannot_be_compared_are_refused(files: tuple[Path, Path]) -> None:
    small = Image.new("RGB", (8, 8))
    with pytest.raises(RequestError, match="8x8 and 9x8 cannot be compared"):
        psnr(small, Image.new("RGB", (9, 8)))
    with pytest.raises(RequestError, match="11 pixels or more"):
        ssim(small, small)
    with pytest.raises(RequestError, match="31 pixels or more"):
        Lpips(*files).distance(small, small)
