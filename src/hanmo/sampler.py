"""Schedules of noise levels, and one function per way to step between two (report section 4.2.2, Eqs. 6-7).

Plain functions over tensors: none of them knows a model, guidance or a picture. The convention of time is
that of `flow`: s falls from 1 (noise) to 0 (data), v = noise - data.

Letters: N steps, B samples; `...` any further axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.errors import RequestError
from hanmo.flow import ScheduleConfig, resolution_mu, time_shift


def schedule(steps: int, tokens: int, config: ScheduleConfig) -> Float[Tensor, " levels"]:
    """Noise levels of a run: N evenly spaced from 1 to 1/N, shifted, stretched to the terminal one, then 0.

    Args:
        steps: N.
        tokens: of the target picture (pixels / 256), which sets the shift.
        config: the checkpoint's schedule.

    Returns:
        float32 on the CPU, N + 1 falling levels; the first is 1, the last is 0.

    Raises:
        RequestError: N < 1.
    """
    if steps < 1:
        raise RequestError(f"steps {steps} is not allowed: give 1 or more")
    levels = torch.from_numpy(np.linspace(1.0, 1 / steps, steps).astype(np.float32))
    if config.use_dynamic_shifting:
        levels = time_shift(resolution_mu(tokens, config), levels, config.time_shift_type)
    else:
        levels = config.shift * levels / (1 + (config.shift - 1) * levels)
    # One step goes straight from noise to data: there is no span to stretch (diffusers divides 0 by 0 there).
    if config.shift_terminal is not None and steps > 1:
        levels = 1 - (1 - levels) / ((1 - levels[-1]) / (1 - config.shift_terminal))
    return torch.cat([levels, torch.zeros(1)])


def euler_step(x: Float[Tensor, "B ..."], v: Float[Tensor, "B ..."], s: float, s_next: float) -> Float[Tensor, "B ..."]:
    """Follow the velocity at s in a straight line to s_next: one evaluation, first order."""
    return x + (s_next - s) * v


def heun_step(
    x: Float[Tensor, "B ..."],
    v: Float[Tensor, "B ..."],
    s: float,
    s_next: float,
    velocity_fn: Callable[[Float[Tensor, "B ..."]], Float[Tensor, "B ..."]],
) -> Float[Tensor, "B ..."]:
    """Follow the mean of the velocities at both ends: two evaluations, second order.

    Args:
        x: sample at s.
        v: velocity at (x, s).
        s: noise level.
        s_next: the next one. At 0 the second velocity is not asked for (the model was hardly trained there)
            and the step is Euler's.
        velocity_fn: velocity of a sample at s_next.

    Returns:
        Sample at s_next.
    """
    guess = euler_step(x, v, s, s_next)
    if s_next == 0:
        return guess
    return euler_step(x, (v + velocity_fn(guess)) / 2, s, s_next)


@dataclass(frozen=True)
class SdeStep:
    """One stochastic step: the sample drawn, and the Gaussian that it was drawn from.

    Attributes:
        x_next: the sample at s_next.
        log_prob: `sde_log_prob` of x_next.
        mean: of the Gaussian.
        std: of the Gaussian, the same for all elements; 0 when `noise_level` is.
    """

    x_next: Float[Tensor, "B ..."]
    log_prob: Float[Tensor, " B"]
    mean: Float[Tensor, "B ..."]
    std: float


def sde_step(
    x: Float[Tensor, "B ..."],
    v: Float[Tensor, "B ..."],
    s: float,
    s_next: float,
    noise_level: float,
    noise: Float[Tensor, "B ..."],
) -> SdeStep:
    """One Euler-Maruyama step of Eq. 6, which has the ODE's marginals at every noise level.

        dx = (v + c^2 / (2 s) (x + (1 - s) v)) ds + c dw,     c = noise_level * sqrt(s / (1 - s))

    At s = 1, where c has no value, 1 - s is taken at s_next, as Flow-GRPO does.

    Args:
        x: sample at s.
        v: velocity at (x, s).
        s: noise level, in (0, 1].
        s_next: the next one, below s.
        noise_level: a in Flow-GRPO's words; 0 gives Euler's step.
        noise: standard normal, drawn by the caller.

    Returns:
        The step, with the log-probability that a policy gradient needs.
    """
    span = s - s_next
    diffusion = noise_level * math.sqrt(s / (1 - (s_next if s == 1 else s)))
    drift = v + diffusion**2 / (2 * s) * (x + (1 - s) * v)
    mean, std = x - span * drift, diffusion * math.sqrt(span)
    x_next = mean + std * noise
    return SdeStep(x_next, sde_log_prob(x_next.detach(), mean, std), mean, std)


def sde_log_prob(x_next: Float[Tensor, "B ..."], mean: Float[Tensor, "B ..."], std: float) -> Float[Tensor, " B"]:
    """Log-density of x_next under N(mean, std^2), float32, averaged over a sample's elements.

    The average, which is Flow-GRPO's choice, keeps the ratio of two policies near 1 at any resolution. A step
    without noise (std 0) has no density; its log-probability is 0.
    """
    if std == 0:
        return torch.zeros(len(mean), device=mean.device)
    squares = ((x_next.float() - mean.float()) / std).square().flatten(1).mean(1)
    return -0.5 * squares - math.log(std) - 0.5 * math.log(2 * math.pi)
