"""Flow matching on kept samples (report section 4.1, equations 1 and 2): encoder and VAE have had their say already.

L = E w || v_theta(x_t, t, h) - v ||^2, w the sample's weight. The same loss serves adapters (`train/adapters`) and the
whole transformer (SFT): what learns is whatever requires a gradient. The time convention is that of `hanmo.flow`.

Letters: B batch, S target tokens, C condition tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from hanmo.flow import interpolate, velocity
from hanmo.model.mmdit import MMDiT
from hanmo.train.sample_data import SampleBatch, SampleData


@dataclass(frozen=True)
class SampleObjective:
    """A transformer on kept samples; `dtype` is that of its streams (its frozen base's)."""

    transformer: MMDiT
    data: SampleData
    device: torch.device
    dtype: torch.dtype = torch.float32

    def batch(self, step: int, part: int) -> SampleBatch:
        """Samples and noise of the step."""
        return self.data.batch(step, part)

    def loss(self, batch: SampleBatch, done: float) -> Mapping[str, Tensor]:
        """The weighted squared error of the velocity, a plain mean over samples."""
        clean, noise, t, weight = (x.to(self.device) for x in (batch.latents, batch.noise, batch.t, batch.weight))
        tokens = interpolate(clean, noise, t)
        target = tokens.shape[1]
        if batch.condition is not None:
            tokens = torch.cat([tokens, batch.condition.to(self.device)], dim=1)
        states = batch.states.to(self.device, self.dtype)
        mask = None if batch.mask is None else batch.mask.to(self.device)
        here = [] if self.device.type == "cpu" else [self.device]
        with torch.random.fork_rng(devices=here):  # dropout knows only the global generator
            torch.manual_seed(batch.seed)
            made = self.transformer(tokens.to(self.dtype), states, mask, t, batch.shapes, target)
        error = (made.float() - velocity(clean, noise)).square().mean((1, 2))
        return {"loss": (error * weight).mean()}
