"""Half the depth: a student with some of the teacher's blocks learns its velocity, and its streams on the way.

    L = velocity || v_s - v_t ||^2 + features mean_k D(in_k(student), in_keep[k](teacher)) + data || v_s - v ||^2

where in_k are both streams before block k, D is the squared error over the teacher's mean square, and v = noise -
data is the target of flow matching (report section 4.1). Block k of the student was block keep[k] of the teacher, so
matched blocks should be shown alike. Guidance is not folded in: a share of the prompts is dropped, and the student is
run as its teacher is.

The report has one depth; the student and the weights are our choice. It does not know which blocks were kept why
(`train/prune`). Letters: B samples, S target tokens, P channels of a token, N tokens of a stream, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hanmo.errors import ConfigError
from hanmo.flow import interpolate, velocity
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.train.data import FlowBatch, FlowData
from hanmo.train.objectives.distill import field_of, tell
from hanmo.train.objectives.flow_matching import weighted_error

Streams = tuple[Tensor, Tensor]
"""Image and text tokens before a block."""


@dataclass(frozen=True)
class DepthConfig:
    """Which blocks stay, and what the student is held to.

    Attributes:
        keep: how many blocks stay; None for half of them.
        choose: "even" for every second block, "measured" for those that are missed most (`prune`).
        blocks: the numbers themselves, in place of both.
        samples: pictures that the measurement looks at.
        velocity: weight of the teacher's velocity.
        features: weight of the streams before matched blocks.
        data: weight of flow matching on the data.
    """

    keep: int | None = None
    choose: Literal["even", "measured"] = "measured"
    blocks: tuple[int, ...] = ()
    samples: int = 64
    velocity: float = 1.0
    features: float = 0.1
    data: float = 0.1

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a count below 1, a negative weight, or none above 0; the message names the key.
        """
        if self.keep is not None and self.keep < 1:
            raise ConfigError(f"depth.keep is {self.keep}; it must be at least 1")
        if self.samples < 1:
            raise ConfigError(f"depth.samples is {self.samples}; it must be at least 1")
        if self.keep is not None and self.blocks and self.keep != len(self.blocks):
            raise ConfigError(f"depth.keep is {self.keep}, but depth.blocks names {len(self.blocks)}; give one of them")
        weights = {key: getattr(self, key) for key in ("velocity", "features", "data")}
        for key, weight in weights.items():
            if weight < 0:
                raise ConfigError(f"depth.{key} is {weight}; it must be at least 0")
        if not any(weights.values()):
            raise ConfigError("depth.velocity, depth.features and depth.data are all 0; the student would not learn")


@dataclass(frozen=True)
class DepthObjective:
    """A shallow student of a deep teacher.

    Attributes:
        student: what is trained; its block k was block `kept[k]` of the teacher.
        teacher: frozen, in evaluation mode.
        kept: see `student`.
        encoder: frozen, of both.
        data: batches.
        config: weights.
        glyphs: weight of a patch with letters; others have 1.
        device: of the networks.
    """

    student: MMDiT
    teacher: MMDiT
    kept: tuple[int, ...]
    encoder: ConditionEncoder
    data: FlowData
    config: DepthConfig
    glyphs: float
    device: torch.device

    def batch(self, step: int, part: int) -> FlowBatch:
        """Cards, words and noise of the step."""
        return self.data.batch(step, part)

    def loss(self, batch: FlowBatch, done: float) -> Mapping[str, Tensor]:
        """All three losses, those of weight 0 left out, and their weighted sum."""
        clean, noise, t = (x.to(self.device) for x in (batch.latents, batch.noise, batch.t))
        glyphs = batch.glyphs.to(self.device)
        told = tell(self.encoder, batch, self.device)
        x = interpolate(clean, noise, t)
        with torch.no_grad(), streams(self.teacher, self.kept) as theirs:
            taught = field_of(self.teacher, told)(x, t)
        with streams(self.student, range(len(self.kept))) as ours:
            made = field_of(self.student, told)(x, t)
        losses: dict[str, Tensor] = {}
        if self.config.velocity:
            losses["velocity"] = weighted_error(made, taught, glyphs, self.glyphs)
        if self.config.features:
            pairs = [(ours[place], theirs[number]) for place, number in enumerate(self.kept)]
            losses["features"] = torch.stack([difference(*pair, told.text.mask) for pair in pairs]).mean()
        if self.config.data:
            losses["data"] = weighted_error(made, velocity(clean, noise), glyphs, self.glyphs)
        total = torch.stack([getattr(self.config, key) * value for key, value in losses.items()]).sum()
        return {"loss": total, **losses}


@contextmanager
def streams(model: MMDiT, blocks: Sequence[int]) -> Iterator[dict[int, Streams]]:
    """Keep both streams before some blocks, for one forward pass; the table is filled by it."""
    seen: dict[int, Streams] = {}

    def keep(number: int) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            seen[number] = (inputs[0], inputs[1])

        return hook

    handles = [model.transformer_blocks[number].register_forward_pre_hook(keep(number)) for number in blocks]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def difference(ours: Streams, theirs: Streams, mask: Bool[Tensor, "B T"] | None) -> Float[Tensor, ""]:
    """Squared error over the teacher's mean square, of the image stream plus that of the text stream.

    Padding of the text is left out; nothing reads it.
    """
    (image, text), (their_image, their_text) = ours, theirs
    if mask is not None:
        text, their_text = text[mask], their_text[mask]
    return _relative(image, their_image) + _relative(text, their_text)


def _relative(made: Float[Tensor, "*any D"], wanted: Float[Tensor, "*any D"]) -> Float[Tensor, ""]:
    wanted = wanted.float()
    return (made.float() - wanted).square().mean() / wanted.square().mean().clamp(min=1e-12)
