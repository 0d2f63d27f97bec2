"""Schedules and steps, on a 1-D Gaussian whose velocity is known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from hanmo.errors import RequestError
from hanmo.flow import ScheduleConfig
from hanmo.sampler import euler_step, heun_step, schedule, sde_log_prob, sde_step

MEAN, STD = 2.0, 0.5


def exact_velocity(x: torch.Tensor, s: float) -> torch.Tensor:
    """E[noise - x0 | x_s = x] for data N(2, 0.5^2)."""
    variance = (1 - s) ** 2 * STD**2 + s**2
    residual = (x - (1 - s) * MEAN) / variance
    return s * residual - (MEAN + (1 - s) * STD**2 * residual)


Step = Callable[[torch.Tensor, float, float, torch.Generator], torch.Tensor]


def transport(step: Step, steps: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20_000, 1, generator=generator)
    levels = torch.linspace(1, 0, steps + 1).tolist()
    for s, s_next in pairwise(levels):
        x = step(x, s, s_next, generator)
    return x


def test_the_ode_carries_noise_to_the_data() -> None:
    x = transport(lambda x, s, n, _: euler_step(x, exact_velocity(x, s), s, n), 500)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(STD, abs=0.01)


@pytest.mark.parametrize("noise_level", [0.3, 0.7, 1.0])
def test_the_sde_has_the_marginals_of_the_ode(noise_level: float) -> None:
    def step(x: torch.Tensor, s: float, s_next: float, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(x.shape, generator=generator)
        return sde_step(x, exact_velocity(x, s), s, s_next, noise_level, noise).x_next

    x = transport(step, 500)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(STD, abs=0.015)


def test_equation_6_pasted_under_equation_1_diverges() -> None:
    # Eq. 1 has data at t = 1 and v = x0 - noise; Eq. 6 was written for the other convention.
    generator = torch.Generator().manual_seed(0)
    x, steps = torch.randn(20_000, 1, generator=generator), 500
    for index in range(1, steps):
        t = index / steps
        v, s2 = -exact_velocity(x, 1 - t), 0.7**2 * t / (1 - t)
        drift = v + s2 / (2 * t) * (x + (1 - t) * v)
        x = x + drift / steps + (s2 / steps) ** 0.5 * torch.randn(x.shape, generator=generator)
    assert abs(x.mean().item() - MEAN) > 1
    assert x.std().item() > 2 * STD


def test_the_same_equation_rederived_for_data_at_one_agrees() -> None:
    generator = torch.Generator().manual_seed(0)
    x, steps = torch.randn(20_000, 1, generator=generator), 500
    for index in range(1, steps):
        t = index / steps
        v, s2 = -exact_velocity(x, 1 - t), 0.7**2 * (1 - t) / t
        drift = v - s2 / (2 * (1 - t)) * (x - t * v)
        x = x + drift / steps + (s2 / steps) ** 0.5 * torch.randn(x.shape, generator=generator)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(STD, abs=0.015)


def test_heun_is_of_second_order() -> None:
    def error(steps: int, heun: bool) -> float:
        x = torch.full((1, 1), 1.3, dtype=torch.float64)
        levels = torch.linspace(0.95, 0.15, steps + 1, dtype=torch.float64).tolist()
        for s, s_next in pairwise(levels):
            v = exact_velocity(x, s)
            if heun:
                x = heun_step(x, v, s, s_next, lambda y, n=s_next: exact_velocity(y, n))
            else:
                x = euler_step(x, v, s, s_next)
        deviation = [((1 - s) ** 2 * STD**2 + s**2) ** 0.5 for s in (0.95, 0.15)]
        true = 0.85 * MEAN + (1.3 - 0.05 * MEAN) * deviation[1] / deviation[0]
        return abs(x.item() - true)

    assert error(20, heun=False) / error(40, heun=False) == pytest.approx(2, rel=0.2)
    assert error(20, heun=True) / error(40, heun=True) == pytest.approx(4, rel=0.2)


def test_the_last_heun_step_asks_only_once() -> None:
    x, v = torch.ones(1, 2), torch.full((1, 2), 0.5)

    def never(_: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the model was asked at noise level 0")

    assert torch.equal(heun_step(x, v, 0.02, 0.0, never), euler_step(x, v, 0.02, 0.0))


def test_a_stochastic_step_without_noise_is_eulers() -> None:
    x, v, noise = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(3))
    step = sde_step(x, v, 0.6, 0.5, 0.0, noise)
    torch.testing.assert_close(step.x_next, euler_step(x, v, 0.6, 0.5))
    assert torch.equal(step.log_prob, torch.zeros(2))


def test_the_log_probability_is_that_of_a_normal() -> None:
    x, v, noise = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(3))
    step = sde_step(x, v, 0.6, 0.5, 0.7, noise)
    truth = torch.distributions.Normal(step.mean, step.std).log_prob(step.x_next).mean(1)
    torch.testing.assert_close(step.log_prob, truth)
    torch.testing.assert_close(sde_log_prob(step.x_next, step.mean, step.std), truth)


def test_the_log_probability_of_the_step_is_differentiable_in_the_velocity() -> None:
    x, v, noise = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(3))
    v = v.clone().requires_grad_()
    sde_step(x, v, 0.6, 0.5, 0.7, noise).log_prob.sum().backward()
    assert v.grad is not None
    assert v.grad.abs().sum() > 0


@pytest.mark.parametrize("steps", [1, 2, 4, 30])
def test_a_schedule_falls_from_noise_to_data(steps: int) -> None:
    levels = schedule(steps, 4096, ScheduleConfig())
    assert levels.shape == (steps + 1,)
    assert levels[0] == 1
    assert levels[-1] == 0
    assert bool((levels.diff() < 0).all())
    if steps > 1:
        assert levels[-2].item() == pytest.approx(0.02, abs=1e-6)


def test_more_tokens_stay_longer_in_the_noise() -> None:
    few, many = (schedule(8, tokens, ScheduleConfig()) for tokens in (256, 8192))
    assert bool((many[1:-2] > few[1:-2]).all())


def test_no_steps_are_refused() -> None:
    with pytest.raises(RequestError, match="steps 0 is not allowed"):
        schedule(0, 256, ScheduleConfig())
