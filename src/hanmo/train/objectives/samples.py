"""Flow matching over producers' samples (report section 4.1, equations 1 and 2; section 4.1.3, multi-task).

L = E w || v_theta(x_t, t, h) - v ||^2 with logit-normal t and the sample's weight w; h are hidden states that a
producer has made with the frozen condition encoder. T2I, TI2I and I2I rows stand in one batch: they differ in
their sources only. The time convention is that of `hanmo.flow`.

The mean is over rows, not divided by the weights' sum, so a batch may be cut into parts. What learns is whatever
requires a gradient: the whole transformer, or adapters in it. It does not know where samples come from: `Draws` says
which are next.

Letters: B rows, S target tokens, P channels of a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.flow import interpolate, velocity
from hanmo.model.mmdit import MMDiT
from hanmo.producer.sample import Sample
from hanmo.train.batches import Maker, SampleBatch
from hanmo.train.plan.flops import Cost, Work, cost
from hanmo.train.randomness import generator_for, number_for
from hanmo.train.rows import RowPositions

_DRAWS, _PASS = 1, 2
"""Set the generators of rows, and of what the network draws, apart from those that choose samples."""


@runtime_checkable
class Draws(Protocol):
    """What decides which samples are next (`mixture.Mixture`)."""

    def samples(self, step: int, part: int) -> Sequence[Sample]:
        """Samples of one size for batch number (step, part)."""


@dataclass(frozen=True)
class SampleObjective:
    """The transformer on batches of samples.

    Attributes:
        positions: of the transformer that learns (`rows.row_positions`).
        draws: which samples.
        maker: samples to batches.
        seed: of everything random.
        device: of the transformer.
    """

    positions: RowPositions
    draws: Draws
    maker: Maker
    seed: int
    device: torch.device

    def batch(self, step: int, part: int) -> SampleBatch:
        """Batch number (step, part): its random numbers are a function of the seed, these two and the row."""
        return self.made(self.draws.samples(step, part), step, part)

    def made(self, samples: Sequence[Sample], step: int, part: int) -> SampleBatch:
        """Batch number (step, part) of samples that were drawn already."""
        generators = [generator_for(self.seed, _DRAWS, step, part, row) for row in range(len(samples))]
        return replace(self.maker.batch(samples, generators), seed=number_for(self.seed, _PASS, step, part))

    def loss(self, batch: SampleBatch, done: float) -> Mapping[str, Tensor]:
        """The weighted squared error of the velocity, and "flow", the same without weights."""
        here = [] if self.device.type == "cpu" else [self.device]
        with torch.random.fork_rng(devices=here):  # an adapter's dropout knows only the global generator
            torch.manual_seed(batch.seed)
            errors = row_errors(self.positions, batch, self.device)
        return {"loss": (batch.weights.to(self.device) * errors).mean(), "flow": errors.detach().mean()}

    def cost(self, batch: SampleBatch) -> Cost:
        """Tokens and operations of a batch, padding included; see `flops.Costed`."""
        transformer = self.positions.transformer
        return cost(transformer.config, work_of(batch), frozen=not _untouched(transformer).requires_grad)


def work_of(batch: SampleBatch) -> Work:
    """A batch as the transformer sees it."""
    source = 0 if batch.condition is None else batch.condition.shape[1]
    pictures, target = batch.latents.shape[:2]
    return Work(pictures, target, batch.states.shape[1], source)


def row_errors(positions: RowPositions, batch: SampleBatch, device: torch.device) -> Float[Tensor, " B"]:
    """Mean squared error of the velocity of every row."""
    clean, noise, t = (x.to(device) for x in (batch.latents, batch.noise, batch.t))
    made = predict(positions, batch, interpolate(clean, noise, t))
    return (made.float() - velocity(clean, noise)).square().mean(dim=(1, 2))


def predict(positions: RowPositions, batch: SampleBatch, x_t: Float[Tensor, "B S P"]) -> Float[Tensor, "B S P"]:
    """The transformer's velocity at x_t, on x_t's device; one call of the model, whatever the rows' layouts.

    The streams have the weights' dtype: a frozen base may be in bfloat16.
    """
    device, dtype = x_t.device, _untouched(positions.transformer).dtype
    mask = None if batch.mask is None else batch.mask.to(device)
    shapes = positions.use(batch.shapes, mask, batch.states.shape[1], device)
    tokens = x_t if batch.condition is None else torch.cat([x_t, batch.condition.to(device)], dim=1)
    made: Tensor = positions.transformer(
        tokens.to(dtype), batch.states.to(device, dtype), mask, batch.t.to(device), shapes, x_t.shape[1]
    )
    return made


def _untouched(transformer: MMDiT) -> Tensor:
    """A weight that neither adapters nor eight bits replace, for what is true of the whole base."""
    return transformer.txt_norm.weight
