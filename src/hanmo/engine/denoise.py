"""The one denoising loop of Hanmo (report section 2.1: from noise to data along the predicted velocity).

Text-to-image, editing, image-to-image and what is to come differ in the velocity function, the level at
which they start and the hook after a step; never in the loop. It knows neither the model nor guidance.

Letters: B pictures, S target tokens, P channels of a token, N steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.errors import HanmoError, RequestError
from hanmo.sampler import euler_step, heun_step

Solver = Literal["euler", "heun"]

Velocity = Callable[[Tensor, int], Tensor]
"""(x [B, S, P], index of a noise level) -> velocity [B, S, P] at that level."""

AfterStep = Callable[[Tensor, int], Tensor]
"""(x [B, S, P] after a step, index of the level it has reached) -> what to go on with (inpainting)."""


@dataclass(frozen=True)
class StepInfo:
    """What `on_step` hears after each step.

    Attributes:
        index: number of the step just done, from 0.
        total: how many will be done.
        sigma: noise level that the latents have reached; 0 after the last step.
        latents: packed latents, to look at and not to change.
        clean: what they would become in one step from here, x - s v: what previews show.
        pictures: which pictures of the request they belong to; a request whose pictures differ in layout is
            painted in several runs, whose steps are counted through.
    """

    index: int
    total: int
    sigma: float
    latents: Float[Tensor, "B S P"]
    clean: Float[Tensor, "B S P"]
    pictures: tuple[int, ...] = ()


OnStep = Callable[[StepInfo], None]


def denoise(
    x: Float[Tensor, "B S P"],
    velocity: Velocity,
    levels: Float[Tensor, " levels"],
    solver: Solver = "euler",
    start: int = 0,
    on_step: OnStep | None = None,
    after_step: AfterStep | None = None,
) -> Float[Tensor, "B S P"]:
    """Carry x from `levels[start]` to the last level.

    Args:
        x: float32 packed latents at `levels[start]`.
        velocity: the model's prediction at a level.
        levels: N + 1 falling noise levels, from `sampler.schedule`.
        solver: "euler" asks for one velocity a step; "heun" for two, but for the last step.
        start: index of the first level; above 0 when the start is a noised picture.
        on_step: called after every step; it may raise `Cancelled` to stop.
        after_step: replaces the latents after every step, before `on_step` sees them.

    Returns:
        Latents at the last level.

    Raises:
        HanmoError: the latents are no longer finite, or those of one picture are all one value; the step is named.
        RequestError: an unknown solver.
    """
    values: list[float] = levels.tolist()
    total = len(values) - 1 - start
    for index in range(start, len(values) - 1):
        s, s_next = values[index], values[index + 1]
        v = velocity(x, index)
        match solver:
            case "euler":
                x = euler_step(x, v, s, s_next)
            case "heun":
                x = heun_step(x, v, s, s_next, partial(_at, velocity, index + 1))
            case _:
                raise RequestError(f"solver {solver!r} is not allowed: give 'euler' or 'heun'")
        if after_step is not None:
            x = after_step(x, index + 1)
        fault = _fault(x)
        if fault is not None:
            raise HanmoError(
                f"{fault} after step {index - start + 1} of {total} (from noise level {s:.4f}): "
                "the weights or their dtype do not fit; try dtype float32"
            )
        if on_step is not None:
            on_step(StepInfo(index - start, total, s_next, x, x - s_next * v))
    return x


def _fault(x: Float[Tensor, "B S P"]) -> str | None:
    """What makes latents useless: they would become a black or a grey picture without a word."""
    if not bool(torch.isfinite(x).all()):
        return "the latents are not finite"
    low, high = x.flatten(1).aminmax(dim=1)
    return "the latents are constant" if bool((low == high).any()) else None


def _at(velocity: Velocity, index: int, x: Tensor) -> Tensor:
    return velocity(x, index)
