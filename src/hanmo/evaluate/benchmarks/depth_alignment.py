"""Depth up to scale and shift (Marigold, arXiv 2312.02145, section 4.1; MiDaS): align by least squares, then compare.

A picture shows depth only up to two unknown numbers. Over the valid pixels of each picture,

    scale, shift = argmin sum (scale * shown + shift - true)^2

and AbsRel = mean |aligned - true| / true, delta1 = share of pixels with max(aligned / true, true / aligned) < 1.25.
What is shown may be linear in depth, or in disparity (1 / depth); disparity is aligned with 1 / true, is at least
0.001, and is turned over afterwards. The scale may be negative: whether near is white or black makes no difference.
Aligned depth is clipped to the range of the data set before it is compared, as Marigold's script does.

This module does not know pictures or data sets. H W: rows and columns. Depth is in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hanmo.errors import RequestError

Map = Float[np.ndarray, "H W"]
Mask = Bool[np.ndarray, "H W"]

LEAST_DISPARITY = 1e-3
_LEAST_DEPTH = 1e-6


@dataclass(frozen=True)
class DepthScore:
    """How well one map fits.

    Attributes:
        absrel: mean relative error, 0 is best.
        delta1: share of pixels within 25 %, 0-1, 1 is best.
        scale: of the alignment.
        shift: of the alignment.
    """

    absrel: float
    delta1: float
    scale: float
    shift: float


def fit(shown: Map, true: Map, valid: Mask) -> tuple[float, float]:
    """Scale and shift that bring `shown` nearest to `true` over the valid pixels, in squares.

    A flat map fits any scale; it is given the smallest pair of numbers, as `numpy.linalg.lstsq` does.

    Raises:
        RequestError: fewer than two valid pixels.
    """
    if int(valid.sum()) < 2:
        raise RequestError(f"a depth map needs two valid pixels at least to be aligned, not {int(valid.sum())}")
    x, y = shown[valid].astype(np.float64), true[valid].astype(np.float64)
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(((x - mean_x) ** 2).mean())
    if spread <= 1e-12 * max(1.0, mean_x**2):
        scale = mean_x * mean_y / (mean_x**2 + 1.0)
        return scale, mean_y / (mean_x**2 + 1.0)
    scale = float(((x - mean_x) * (y - mean_y)).mean()) / spread
    return scale, mean_y - scale * mean_x


def score_depth(
    shown: Map,
    true: Map,
    valid: Mask,
    *,
    disparity: bool,
    nearest: float = 0.0,
    furthest: float = np.inf,
    fit_side: int | None = None,
    without_black: bool = False,
) -> DepthScore:
    """Align a map and compare it.

    Args:
        shown: what was painted, any unit, as large as `true`.
        true: depth in metres, above 0 where valid.
        valid: which pixels count.
        disparity: whether `shown` is linear in 1 / depth instead of depth.
        nearest: the data set's range; aligned depth is clipped to it.
        furthest: the same.
        fit_side: align on every n-th column, so that the longer side would be this; None takes all. (The official
            script means to shrink both sides, but its rows stay.)
        without_black: align without the pixels that are shown as 0 or below.

    Raises:
        RequestError: fewer than two valid pixels.
    """
    with np.errstate(divide="ignore"):
        wanted = np.where(valid, 1.0 / true, 0.0) if disparity else true
    columns = _columns(shown.shape, fit_side)
    fitted = valid & (shown > 0.0) if without_black else valid
    scale, shift = fit(shown[:, columns], wanted[:, columns], fitted[:, columns])
    aligned = shown[valid].astype(np.float64) * scale + shift
    if disparity:
        aligned = 1.0 / np.maximum(aligned, LEAST_DISPARITY)
    aligned = np.maximum(np.clip(aligned, nearest, furthest), _LEAST_DEPTH)
    truth = true[valid].astype(np.float64)
    absrel = float((np.abs(aligned - truth) / truth).mean())
    delta1 = float((np.maximum(aligned / truth, truth / aligned) < 1.25).mean())
    return DepthScore(absrel, delta1, scale, shift)


def _columns(shape: tuple[int, ...], side: int | None) -> np.ndarray:
    """The columns of a picture whose longer side would be `side`, each the nearest."""
    share = 1.0 if side is None else min(1.0, side / max(shape))
    return np.floor(np.arange(int(shape[1] * share)) / share).astype(np.int64)
