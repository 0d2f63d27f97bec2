"""What both kinds of distillation share: a frozen teacher, what it and its student are told, and their velocities.

The report does not distil; issue and recipes say what ours are for: half the depth (`distill_depth`), or a few steps
without guidance (`distill_steps`). The condition encoder is the teacher's, frozen, and is asked once for both. Time is
that of `hanmo.flow`: t falls from 1 (noise) to 0 (data).

It knows no losses. Letters: B samples, S target tokens, C tokens of condition pictures, P channels of a token, K
steps of a path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hanmo.engine.guidance import guide
from hanmo.model.encoder import ConditionEncoder, TextStates
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import Shape
from hanmo.train.data import NEGATIVE, FlowBatch

Field = Callable[[Tensor, Tensor], Tensor]
"""(x [B, S, P], t [B]) -> velocity [B, S, P]."""


@dataclass(frozen=True)
class Told:
    """What a network is told besides x and t; `negative` where guidance is wanted, `pictures` in edits."""

    text: TextStates
    negative: TextStates | None
    pictures: Float[Tensor, "B C P"] | None
    shapes: tuple[Shape, ...]

    def rows(self, chosen: Int[Tensor, " R"]) -> Told:
        """The same for some samples."""
        return Told(
            _rows(self.text, chosen),
            None if self.negative is None else _rows(self.negative, chosen),
            None if self.pictures is None else self.pictures[chosen],
            self.shapes,
        )


@torch.no_grad()
def tell(
    encoder: ConditionEncoder, batch: FlowBatch, device: torch.device, negative: list[list[int]] | None = None
) -> Told:
    """Let the frozen encoder read the prompts of a batch.

    Args:
        encoder: the teacher's.
        batch: on the CPU.
        device: of the networks.
        negative: ids of the negative prompts (`negative_ids`); None when no guidance is wanted.
    """
    text = encoder.encode_ids(batch.ids, batch.patches, batch.kind)
    other = None if negative is None else encoder.encode_ids(negative, batch.patches, batch.kind)
    pictures = None if batch.condition is None else batch.condition.to(device)
    return Told(text, other, pictures, batch.shapes)


def negative_ids(tokenizing: ConditionEncoder, batch: FlowBatch) -> list[list[int]]:
    """Ids of guidance's second pass for a batch, as the pipeline has them: " ", with the same pictures."""
    pictures = 0 if batch.patches is None else len(batch.patches[0])
    return tokenizing.tokenize([NEGATIVE], batch.kind, pictures) * len(batch.ids)


def field_of(model: MMDiT, told: Told, scale: float = 1.0) -> Field:
    """The model's velocity as a function of x and t.

    Args:
        model: teacher or student.
        told: with negative prompts where `scale` is not 1.
        scale: of guidance, mixed as in the pipeline (`engine.guidance`); 1 asks for one pass.
    """

    def once(x: Tensor, t: Tensor, text: TextStates) -> Tensor:
        tokens = x if told.pictures is None else torch.cat([x, told.pictures.to(x.dtype)], dim=1)
        made: Tensor = model(tokens, text.states, text.mask, t, told.shapes, x.shape[1])
        return made.float()

    negative = told.negative
    if scale == 1.0 or negative is None:
        return lambda x, t: once(x, t, told.text)
    return lambda x, t: guide(once(x, t, told.text), once(x, t, negative), scale)


def follow(field: Field, x: Float[Tensor, "B S P"], times: Float[Tensor, "B K"]) -> Float[Tensor, "B S P"]:
    """Carry each sample along its own row of falling times by Euler's steps (`sampler.euler_step`, row by row)."""
    for step in range(times.shape[1] - 1):
        t, after = times[:, step], times[:, step + 1]
        x = x + (after - t)[:, None, None] * field(x, t)
    return x


def _rows(text: TextStates, chosen: Int[Tensor, " R"]) -> TextStates:
    return TextStates(text.states[chosen], None if text.mask is None else text.mask[chosen])
