"""The time convention, the shift, and the draw of training times."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig, interpolate, predict_x0, resolution_mu, sample_t, time_shift, velocity


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 4, 5, generator=generator), torch.randn(3, 4, 5, generator=generator)


def test_time_zero_is_data_and_time_one_is_noise() -> None:
    x0, noise = pair()
    assert torch.equal(interpolate(x0, noise, torch.zeros(3)), x0)
    assert torch.equal(interpolate(x0, noise, torch.ones(3)), noise)


def test_the_velocity_is_the_derivative_of_the_path() -> None:
    x0, noise = (x.double() for x in pair())
    t = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    slope = (interpolate(x0, noise, t + 1e-4) - interpolate(x0, noise, t - 1e-4)) / 2e-4
    torch.testing.assert_close(slope, velocity(x0, noise))


def test_the_data_is_found_again_from_the_velocity() -> None:
    x0, noise = pair()
    t = torch.tensor([0.0, 0.3, 1.0])
    torch.testing.assert_close(predict_x0(interpolate(x0, noise, t), velocity(x0, noise), t), x0)


def test_each_sample_has_its_own_time() -> None:
    x0, noise = pair()
    t = torch.tensor([0.2, 0.5, 0.7])
    together = interpolate(x0, noise, t)
    for i in range(3):
        assert torch.equal(together[i : i + 1], interpolate(x0[i : i + 1], noise[i : i + 1], t[i : i + 1]))


def test_training_times_are_logit_normal() -> None:
    t = sample_t(20_000, torch.Generator().manual_seed(1), mean=0.5, std=0.8)
    logits = torch.logit(t)
    assert t.dtype == torch.float32
    assert logits.mean().item() == pytest.approx(0.5, abs=0.03)
    assert logits.std().item() == pytest.approx(0.8, abs=0.03)


def test_the_shift_moves_training_times_towards_noise() -> None:
    plain = sample_t(1000, torch.Generator().manual_seed(2))
    shifted = sample_t(1000, torch.Generator().manual_seed(2), shift_mu=0.7)
    assert bool((shifted > plain).all())
    torch.testing.assert_close(torch.logit(shifted), torch.logit(plain) + 0.7, atol=1e-4, rtol=1e-4)


@given(mu=st.floats(-3, 3), t=st.floats(0.0, 1.0, width=32))
def test_the_shift_keeps_both_ends_and_the_order(mu: float, t: float) -> None:
    times = torch.tensor([0.0, t, 1.0])
    shifted = time_shift(mu, times)
    assert shifted[0] == 0
    assert shifted[2] == 1
    assert 0 <= shifted[1] <= 1


def test_mu_is_linear_between_the_published_ends() -> None:
    config = ScheduleConfig()
    assert resolution_mu(256, config) == pytest.approx(0.5)
    assert resolution_mu(8192, config) == pytest.approx(0.9)
    assert resolution_mu(4224, config) == pytest.approx(0.7)


def test_the_schedule_config_survives_its_file() -> None:
    config = ScheduleConfig(shift_terminal=None, max_shift=1.15)
    assert ScheduleConfig.from_dict(config.to_dict()) == config


def test_an_unknown_schedule_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'max_shift'"):
        ScheduleConfig.from_dict({"max_shfit": 1.0})


@pytest.mark.parametrize(
    "values",
    [{"use_karras_sigmas": True}, {"shift_terminal": 1.5}, {"shift": 0}, {"time_shift_type": "cubic"}],
)
def test_a_schedule_that_is_not_ours_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        ScheduleConfig.from_dict(values)
