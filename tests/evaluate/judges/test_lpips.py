"""LPIPS against the lpips package's own code.

`EXPECTED` is what `lpips.LPIPS(net="alex")` 0.1.4 gave with the weights of `wave` in place of the trained ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lpips_weights import weights
from PIL import Image

from hanmo.errors import RequestError, WeightsError
from hanmo.evaluate.judges.lpips import Lpips

EXPECTED = 1.568471908569336


def pair() -> tuple[Image.Image, Image.Image]:
    y, x = np.mgrid[0:48, 0:64]
    first = np.stack([(y * 5) % 256, (x * 4) % 256, ((y + x) * 3) % 256], -1)
    second = np.stack([(y * 5 + 20) % 256, (x * 3) % 256, (y * x) % 256], -1)
    return Image.fromarray(first.astype(np.uint8)), Image.fromarray(second.astype(np.uint8))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return weights(tmp_path_factory.mktemp("lpips"))


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
    with pytest.raises(RequestError, match="31 pixels or more"):
        Lpips(*files).distance(small, small)
    with pytest.raises(RequestError, match="40x40 and 41x40 cannot be compared"):
        Lpips(*files).distance(Image.new("RGB", (40, 40)), Image.new("RGB", (41, 40)))
