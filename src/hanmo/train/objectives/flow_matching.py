"""Flow matching (report section 4.1, equations 1 and 2), from text, from pictures and text, from pictures.

L = E || v_theta(x_t, t, h) - v ||^2 with logit-normal t; h are the last hidden states of the condition
encoder, which is trained along in a small model. An edit appends the source's latents to the sequence;
reconstruction is an edit that changes nothing. Two things are ours: patches with letters weigh more, as
most of a card is flat, and the two auxiliary losses of `auxiliary`. The time convention is that of
`hanmo.flow`.

Letters: B batch, S target tokens, C condition tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.flow import interpolate, velocity
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.model.tokens import DROP
from hanmo.train.data import FlowBatch, FlowData
from hanmo.train.objectives import auxiliary
from hanmo.train.objectives.auxiliary import AuxiliaryConfig, IdentityHead, Labels
from hanmo.train.plan.flops import Cost, Work, cost


@dataclass(frozen=True)
class FlowLoss:
    """Weights of the flow-matching loss.

    Attributes:
        glyphs: weight of a patch with letters; others have 1.
    """

    glyphs: float = 3.0

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            ConfigError: a negative weight.
        """
        if self.glyphs < 0:
            raise ConfigError(f"loss.glyphs is {self.glyphs}; it must be at least 0")


@dataclass(frozen=True)
class FlowObjective:
    """The transformer and its condition encoder on batches of cards."""

    transformer: MMDiT
    encoder: ConditionEncoder
    head: IdentityHead | None
    data: FlowData
    weights: FlowLoss
    auxiliary: AuxiliaryConfig
    device: torch.device

    def batch(self, step: int, part: int) -> FlowBatch:
        """Cards, words and noise of the step."""
        return self.data.batch(step, part)

    def cost(self, batch: FlowBatch) -> Cost:
        """Tokens and operations of the transformer on a batch, both streams, padding included."""
        seen = batch.patches or [[]] * len(batch.ids)
        merge = self.encoder.picture_config.merge_size
        text = max(
            len(ids) + sum(picture.tokens(merge) - 1 for picture in pictures)  # each stands in ids as one token
            for ids, pictures in zip(batch.ids, seen, strict=True)
        )
        source = 0 if batch.condition is None else batch.condition.shape[1]
        work = Work(len(batch.ids), batch.latents.shape[1], text - DROP[batch.kind], source)
        return cost(self.transformer.config, work)

    def loss(self, batch: FlowBatch, done: float) -> Mapping[str, Tensor]:
        """The weighted squared error of the velocity, and what is left of the auxiliary losses."""
        clean, noise, t = (x.to(self.device) for x in (batch.latents, batch.noise, batch.t))
        tokens = interpolate(clean, noise, t)
        target = tokens.shape[1]
        if batch.condition is not None:
            tokens = torch.cat([tokens, batch.condition.to(self.device)], dim=1)
        fade = self.auxiliary.fade(done)
        with auxiliary.watch(self.transformer, self.auxiliary, fade > 0) as seen:
            text = self.encoder.encode_ids(batch.ids, batch.patches, batch.kind)
            made = self.transformer(tokens, text.states, text.mask, t, batch.shapes, target)
        flow = weighted_error(made.float(), velocity(clean, noise), batch.glyphs.to(self.device), self.weights.glyphs)
        losses = {"loss": flow, "flow": flow}
        if fade:
            labels = Labels(batch.labels.token.to(self.device), batch.labels.glyph.to(self.device))
            extra = auxiliary.losses(self.transformer, self.head, seen, labels, self.auxiliary)
            weights = {"alignment": self.auxiliary.alignment, "identity": self.auxiliary.identity}
            losses["loss"] = flow + fade * sum(weights[key] * value for key, value in extra.items())
            losses |= extra
        return losses


def weighted_error(
    made: Float[Tensor, "B S P"], wanted: Float[Tensor, "B S P"], glyphs: Float[Tensor, "B S"], weight: float
) -> Float[Tensor, ""]:
    """Mean squared error, tokens with letters counted `weight` times; not divided by the weights' sum.

    So it is a plain mean over samples, and a batch may be cut into parts.
    """
    error = (made - wanted).square().mean(-1)
    return (error * (1.0 + (weight - 1.0) * glyphs)).mean()
