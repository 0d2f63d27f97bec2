"""The five data sets of the depth table: where their files belong, units, ranges, crops and masks.

    set      depth files              valid depth, metres   mask
    nyuv2    PNG, 16 bits, 1 mm       0.001 - 10            Eigen's crop: rows 45-471, columns 41-601 of 480x640
    kitti    PNG, 16 bits, 1/256 m    0.00001 - 80          Eigen's crop of the benchmark's crop, see below
    scannet  PNG, 16 bits, 1 mm       0.001 - 10            none
    diode    NPY, metres              0.6 - 350             the data set's own, in `mask/` (above 0 is valid)
    eth3d    NPY, metres              0.00001 - inf         none

as Marigold's scripts have them (prs-eth/Marigold, b1dffaaa). KITTI's pictures and maps are first cut to the 1216x352
pixels of the benchmark (all rows at the bottom, columns in the middle); of these rows 33.2 % to 91.4 % and columns
3.6 % to 96.4 % count. Invalid pixels are those out of range: 0, inf and nan among them. Files belong in

    depth/SET/rgb/NAME.png (or .jpg)   depth/SET/depth/NAME.png or .npy   depth/SET/mask/NAME.png or .npy (if any)

ETH3D's raw maps become such files by `numpy.save(out, numpy.fromfile(raw, "float32").reshape(4032, 6048))`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64
from PIL import Image

from hanmo.errors import RequestError

Box = tuple[int, int, int, int]
_PICTURES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class DepthSet:
    """One data set.

    Attributes:
        name: of its folder.
        title: for tables.
        unit: metres for one step of a PNG; NPY files are in metres.
        nearest: depth must lie above it to be valid.
        furthest: and below it.
        crop: which pictures are cut before they are shown: (width, height), at the bottom, in the middle.
        window: the pixels that count, as rows and columns (top, left, bottom, right), or as shares of height and width.
        needs_mask: whether a map without a mask file is an error.
        fit_side: the longer side of what is aligned, where the official script aligns a smaller picture.
    """

    name: str
    title: str
    unit: float
    nearest: float
    furthest: float
    crop: tuple[int, int] | None = None
    window: tuple[float, float, float, float] | None = None
    needs_mask: bool = False
    fit_side: int | None = None


SETS = {
    one.name: one
    for one in (
        DepthSet("nyuv2", "NYUv2", 1e-3, 1e-3, 10.0, window=(45.0, 41.0, 471.0, 601.0)),
        DepthSet("kitti", "KITTI", 1 / 256, 1e-5, 80.0, (1216, 352), (0.3324324, 0.0359477, 0.91351351, 0.96405229)),
        DepthSet("scannet", "ScanNet", 1e-3, 1e-3, 10.0),
        DepthSet("diode", "DIODE", 1.0, 0.6, 350.0, needs_mask=True),
        DepthSet("eth3d", "ETH3D", 1.0, 1e-5, math.inf, fit_side=1024),
    )
}


def names(folder: Path, one: DepthSet) -> list[str]:
    """The pictures of a data set by name, in order.

    Raises:
        RequestError: its folder holds none, or one without depth.
    """
    where = folder / one.name
    found = sorted(path.stem for path in (where / "rgb").glob("*") if path.suffix.lower() in _PICTURES)
    if not found:
        raise RequestError(
            f"depth needs {one.title} in {where} (rgb/NAME.png, depth/NAME.png or .npy), where no picture is: "
            "put it there, or name the sets that you have with sets=nyuv2,kitti"
        )
    for name in found:
        _map_file(where / "depth", name)
    return found


def picture(folder: Path, one: DepthSet, name: str) -> Image.Image:
    """A picture as a generator is shown it, RGB."""
    paths = [folder / one.name / "rgb" / f"{name}{suffix}" for suffix in _PICTURES]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise RequestError(f"depth needs {paths[0]}, which is not there")
    with Image.open(path) as image:
        whole = image.convert("RGB")
    return whole.crop(_crop(one, *whole.size))


def truth(folder: Path, one: DepthSet, name: str) -> tuple[Float64[np.ndarray, "H W"], Bool[np.ndarray, "H W"]]:
    """True depth in metres and which pixels count, as large as `picture`.

    Raises:
        RequestError: a file is missing, or none of its pixels is valid.
    """
    where = folder / one.name
    depth = _read(_map_file(where / "depth", name), one.unit)
    valid = np.isfinite(depth) & (depth > one.nearest) & (depth < one.furthest)
    if one.needs_mask:
        valid &= _read(_map_file(where / "mask", name), 1.0) > 0
    left, top, right, bottom = _crop(one, depth.shape[1], depth.shape[0])
    depth, valid = depth[top:bottom, left:right], valid[top:bottom, left:right]
    if one.window is not None:
        window = np.zeros_like(valid)
        rows, columns = _window(one.window, *valid.shape)
        window[rows, columns] = True
        valid &= window
    if valid.sum() < 2:
        raise RequestError(f"{where / 'depth'}: {name} has no valid depth; is its unit {one.unit:g} m?")
    return np.where(valid, depth, 1.0), valid


def _crop(one: DepthSet, width: int, height: int) -> Box:
    if one.crop is None or width < one.crop[0] or height < one.crop[1]:
        return 0, 0, width, height
    left, top = (width - one.crop[0]) // 2, height - one.crop[1]
    return left, top, left + one.crop[0], top + one.crop[1]


def _window(window: tuple[float, float, float, float], height: int, width: int) -> tuple[slice, slice]:
    shares = max(window) <= 1.0
    top, left, bottom, right = (
        int(value * length) if shares else int(value)
        for value, length in zip(window, (height, width, height, width), strict=True)
    )
    return slice(top, bottom), slice(left, right)


def _map_file(folder: Path, name: str) -> Path:
    for suffix in (".png", ".npy"):
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    raise RequestError(f"depth needs {folder / name}.png or .npy, which is not there")


def _read(path: Path, unit: float) -> Float64[np.ndarray, "H W"]:
    if path.suffix == ".npy":
        values: np.ndarray = np.load(path, allow_pickle=False).astype(np.float64).squeeze()
    else:
        with Image.open(path) as image:
            values = np.asarray(image, dtype=np.float64) * unit
    if values.ndim != 2:
        raise RequestError(f"{path} is not a map of one channel but of shape {values.shape}")
    return values
