"""The loop, on velocities that need no model."""

from __future__ import annotations

import pytest
import torch

from hanmo.engine.denoise import StepInfo, denoise
from hanmo.errors import Cancelled, HanmoError, RequestError
from hanmo.flow import ScheduleConfig, interpolate, velocity
from hanmo.sampler import schedule

LEVELS = schedule(4, 24, ScheduleConfig())


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    x0, noise = torch.randn(2, 2, 24, 64, generator=torch.Generator().manual_seed(0))
    return x0, noise


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_a_constant_velocity_carries_noise_to_the_data(solver: str) -> None:
    x0, noise = pair()
    end = denoise(noise, lambda x, index: velocity(x0, noise), LEVELS, solver)
    torch.testing.assert_close(end, x0, atol=1e-5, rtol=1e-5)


def test_a_start_in_the_middle_runs_the_rest_of_the_steps() -> None:
    x0, noise = pair()
    asked: list[int] = []

    def v(x: torch.Tensor, index: int) -> torch.Tensor:
        asked.append(index)
        return velocity(x0, noise)

    x = interpolate(x0, noise, LEVELS[1].expand(2))
    torch.testing.assert_close(denoise(x, v, LEVELS, start=1), x0, atol=1e-5, rtol=1e-5)
    assert asked == [1, 2, 3]


def test_heun_asks_twice_a_step_but_for_the_last() -> None:
    asked: list[int] = []

    def v(x: torch.Tensor, index: int) -> torch.Tensor:
        asked.append(index)
        return x

    denoise(pair()[1], v, LEVELS, "heun")
    assert asked == [0, 1, 1, 2, 2, 3, 3]


def test_on_step_hears_every_step_with_the_level_reached() -> None:
    heard: list[StepInfo] = []
    end = denoise(pair()[1], lambda x, index: x, LEVELS, start=1, on_step=heard.append)
    assert [(info.index, info.total) for info in heard] == [(0, 3), (1, 3), (2, 3)]
    assert [info.sigma for info in heard] == LEVELS[2:].tolist()
    assert torch.equal(heard[-1].latents, end)


def test_a_hook_after_the_step_replaces_the_latents_before_they_are_shown() -> None:
    heard: list[StepInfo] = []
    reached: list[int] = []

    def hold(x: torch.Tensor, index: int) -> torch.Tensor:
        reached.append(index)
        return held

    held = pair()[0]
    end = denoise(pair()[1], lambda x, index: x + 1, LEVELS, on_step=heard.append, after_step=hold)
    assert reached == [1, 2, 3, 4]
    assert torch.equal(end, held)
    assert all(torch.equal(info.latents, held) for info in heard)


def test_cancelling_stops_before_the_next_step() -> None:
    asked: list[int] = []

    def v(x: torch.Tensor, index: int) -> torch.Tensor:
        asked.append(index)
        return x

    def stop(info: StepInfo) -> None:
        if info.index == 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        denoise(pair()[1], v, LEVELS, on_step=stop)
    assert asked == [0, 1]


def test_latents_that_are_not_finite_name_the_step() -> None:
    def v(x: torch.Tensor, index: int) -> torch.Tensor:
        return x * float("nan") if index == 2 else x

    with pytest.raises(HanmoError, match="not finite after step 3 of 4"):
        denoise(pair()[1], v, LEVELS)


def test_constant_latents_of_one_picture_name_the_step() -> None:
    def flat(x: torch.Tensor, index: int) -> torch.Tensor:
        return torch.stack([x[0], torch.full_like(x[1], 0.5)]) if index == 3 else x

    with pytest.raises(HanmoError, match="constant after step 3 of 4"):
        denoise(pair()[1], lambda x, index: x, LEVELS, after_step=flat)


def test_an_unknown_solver_is_refused() -> None:
    with pytest.raises(RequestError, match="'euler' or 'heun'"):
        denoise.__wrapped__(pair()[1], lambda x, index: x, LEVELS, "rk4")
