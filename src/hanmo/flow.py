"""Flow matching: THE statement of the time convention (report section 4.1, Eqs. 1-2; section 4.2.2, Eq. 6).

In all of Hanmo time t is the noise level sigma, as in the released scheduler:

    x_t = (1 - t) x0 + t noise        t = 0 is data, t = 1 is pure noise
    v   = dx_t/dt = noise - x0        what the transformer predicts; sampling runs t from 1 to 0

The report's Eqs. 1-2 count the other way (data at t = 1), its Eqs. 6-8 this way; a formula of one under the
other is wrong (the literal mixture diverges, see `tests/test_sampler.py`). This module knows no model and no
steps. Letters: B samples; `...` any further axes.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.errors import ConfigError

# What a published scheduler_config.json also says; no released checkpoint sets one of them.
_MUST_BE_FALSE = (
    "invert_sigmas",
    "stochastic_sampling",
    "use_beta_sigmas",
    "use_exponential_sigmas",
    "use_karras_sigmas",
)


@dataclass(frozen=True)
class ScheduleConfig:
    """`scheduler_config.json`. The defaults are the released values (not the defaults of diffusers' class).

    Attributes:
        base_shift: mu of a picture of `base_image_seq_len` tokens.
        max_shift: mu of a picture of `max_image_seq_len` tokens.
        base_image_seq_len: tokens.
        max_image_seq_len: tokens.
        shift_terminal: the last noise level before 0; None leaves it where the shift puts it.
        num_train_timesteps: only names the unit of the published timesteps (1000 t).
        use_dynamic_shifting: shift by resolution (mu); else by `shift`.
        shift: factor of the static shift, 1 for none.
        time_shift_type: how mu acts; "exponential" as released.
    """

    base_shift: float = 0.5
    max_shift: float = 0.9
    base_image_seq_len: int = 256
    max_image_seq_len: int = 8192
    shift_terminal: float | None = 0.02
    num_train_timesteps: int = 1000
    use_dynamic_shifting: bool = True
    shift: float = 1.0
    time_shift_type: Literal["exponential", "linear"] = "exponential"

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value that describes no schedule.
        """
        if self.shift_terminal is not None and not 0 < self.shift_terminal < 1:
            raise ConfigError(f"shift_terminal {self.shift_terminal} must be in (0, 1), or null for none")
        if self.max_image_seq_len <= self.base_image_seq_len:
            raise ConfigError(
                f"max_image_seq_len {self.max_image_seq_len} must be above base_image_seq_len {self.base_image_seq_len}"
            )
        if self.shift <= 0:
            raise ConfigError(f"shift {self.shift} must be above 0 (1 for none)")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ScheduleConfig:
        """Build from a parsed `scheduler_config.json`; keys that begin with `_` are skipped.

        Raises:
            ConfigError: an unknown key (the nearest is named), a value out of range, or a kind of schedule
                that no released checkpoint uses.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        kept: dict[str, Any] = {}
        for key, value in values.items():
            if key in _MUST_BE_FALSE and value:
                raise ConfigError(f"{key} = {value} is not supported: no released schedule sets it")
            if key.startswith("_") or key in _MUST_BE_FALSE:
                continue
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(sorted(known))}"
                raise ConfigError(f"the schedule has no field {key!r}; {hint}")
            if key == "time_shift_type" and value not in ("exponential", "linear"):
                raise ConfigError(f"time_shift_type {value!r} must be 'exponential' or 'linear'")
            kept[key] = value
        for key in ("base_shift", "max_shift", "shift", "shift_terminal"):  # JSON writes 1.0 as 1 at times
            if isinstance(kept.get(key), int):
                kept[key] = float(kept[key])
        return cls(**kept)

    def to_dict(self) -> dict[str, Any]:
        """The content of `scheduler_config.json`, readable by diffusers."""
        return {
            "_class_name": "FlowMatchEulerDiscreteScheduler",
            **dataclasses.asdict(self),
            **dict.fromkeys(_MUST_BE_FALSE, False),
        }


def interpolate(
    x0: Float[Tensor, "B ..."], noise: Float[Tensor, "B ..."], t: Float[Tensor, " B"]
) -> Float[Tensor, "B ..."]:
    """x_t = (1 - t) x0 + t noise, with a time for each sample."""
    t = _column(t, x0)
    return (1 - t) * x0 + t * noise


def velocity(x0: Float[Tensor, "B ..."], noise: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
    """The target of the regression: noise - x0, whatever t is."""
    return noise - x0


def predict_x0(
    x_t: Float[Tensor, "B ..."], v: Float[Tensor, "B ..."], t: Float[Tensor, " B"]
) -> Float[Tensor, "B ..."]:
    """The data that a velocity at (x_t, t) points to: x_t - t v."""
    return x_t - _column(t, x_t) * v


def sample_t(
    n: int,
    generator: torch.Generator,
    mean: float = 0.0,
    std: float = 1.0,
    shift_mu: float | None = None,
) -> Float[Tensor, " n"]:
    """Draw n training times: the sigmoid of a normal (report section 4.1), then shifted where mu is given.

    Args:
        n: how many.
        generator: the only source of randomness; its device is the result's.
        mean: of the normal; above 0 favours noise.
        std: of the normal.
        shift_mu: `resolution_mu` of the pictures, for the shift that sampling uses. The report states the
            logit-normal only; shifting it too is our choice, following the released schedule.

    Returns:
        float32 in (0, 1).
    """
    normal = torch.randn(n, generator=generator, device=generator.device, dtype=torch.float32)
    t = torch.sigmoid(mean + std * normal)
    return t if shift_mu is None else time_shift(shift_mu, t)


def resolution_mu(tokens: int, config: ScheduleConfig) -> float:
    """The shift of a picture of so many tokens (pixels / 256, the target's only): linear in the tokens."""
    slope = (config.max_shift - config.base_shift) / (config.max_image_seq_len - config.base_image_seq_len)
    return tokens * slope + config.base_shift - slope * config.base_image_seq_len


def fixed_shift(config: ScheduleConfig, factor: float) -> ScheduleConfig:
    """The schedule with one shift at every resolution, e^mu = factor, and no terminal level (Lightning: 3)."""
    mu = math.log(factor)
    return dataclasses.replace(
        config,
        base_shift=mu,
        max_shift=mu,
        shift_terminal=None,
        use_dynamic_shifting=True,
        time_shift_type="exponential",
    )


def time_shift(
    mu: float, t: Float[Tensor, " n"], kind: Literal["exponential", "linear"] = "exponential"
) -> Float[Tensor, " n"]:
    """Move times towards noise: e^mu / (e^mu + 1/t - 1), or with mu in the place of e^mu ("linear").

    0 and 1 stay where they are; mu = 0 (exponential) changes nothing.
    """
    strength = math.exp(mu) if kind == "exponential" else mu
    # A tensor on top: torch turns number / tensor into a product with the reciprocal, which rounds twice.
    return torch.full_like(t, strength) / (strength + (1 / t - 1))


def _column(t: Tensor, like: Tensor) -> Tensor:
    return t.to(like.dtype).reshape(-1, *(1,) * (like.ndim - 1))
