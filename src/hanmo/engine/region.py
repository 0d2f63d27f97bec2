"""Keeping a part of the latents while the rest is painted: the hook of inpainting for the one loop.

After every step the kept latents are set to the reference at the noise level that the step has reached,
x_s = s noise + (1 - s) x_0, and to x_0 itself after the last. It does not know masks in pixels or the model.

Letters: B pictures, S target tokens, P channels of a token, N steps.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from hanmo.engine.denoise import AfterStep
from hanmo.flow import interpolate


def keep_outside(
    start: Float[Tensor, "B S P"],
    noise: Float[Tensor, "B S P"],
    edited: Float[Tensor, "B S P"],
    levels: Float[Tensor, " levels"],
) -> AfterStep:
    """The hook that keeps `start` where `edited` is 0.

    Args:
        start: clean latents x_0.
        noise: the run's own.
        edited: 1 where latents are painted.
        levels: N + 1 falling noise levels of the schedule, the last 0.
    """

    def after(x: Tensor, index: int) -> Tensor:
        level = levels[index].to(x.device)
        kept = start if index == len(levels) - 1 else interpolate(start, noise, level.expand(len(x)))
        return kept + edited * (x - kept)

    return after
