"""Our noise levels are those of diffusers' FlowMatchEulerDiscreteScheduler."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.qwenimage.pipeline_qwenimage import calculate_shift

from hanmo.flow import ScheduleConfig, resolution_mu
from hanmo.sampler import euler_step, schedule

CONFIGS = [
    ScheduleConfig(),
    ScheduleConfig(base_shift=1.0986122886681098, max_shift=1.0986122886681098, shift_terminal=None),
    ScheduleConfig(use_dynamic_shifting=False, shift=3.0),
    ScheduleConfig(use_dynamic_shifting=False, shift_terminal=None),
    ScheduleConfig(time_shift_type="linear"),
]


def reference(config: ScheduleConfig, steps: int, tokens: int) -> FlowMatchEulerDiscreteScheduler:
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(config.to_dict())
    mu = calculate_shift(
        tokens, config.base_image_seq_len, config.max_image_seq_len, config.base_shift, config.max_shift
    )
    assert mu == pytest.approx(resolution_mu(tokens, config), abs=1e-12)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
    return scheduler


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("steps", [2, 4, 20, 50])
@pytest.mark.parametrize("tokens", [24, 256, 4096, 6889])
def test_noise_levels_equal_those_of_diffusers(config: ScheduleConfig, steps: int, tokens: int) -> None:
    sigmas = reference(config, steps, tokens).sigmas
    assert (schedule(steps, tokens, config) - sigmas).abs().max().item() <= 1e-7


def test_an_euler_step_equals_that_of_diffusers() -> None:
    scheduler = reference(ScheduleConfig(), 4, 24)
    x, v = torch.randn(2, 1, 24, 64, generator=torch.Generator().manual_seed(0))
    levels = schedule(4, 24, ScheduleConfig()).tolist()
    for index, timestep in enumerate(scheduler.timesteps):
        ours = euler_step(x, v, levels[index], levels[index + 1])
        x = scheduler.step(v, timestep, x, return_dict=False)[0]
        torch.testing.assert_close(ours, x, atol=1e-6, rtol=1e-6)
