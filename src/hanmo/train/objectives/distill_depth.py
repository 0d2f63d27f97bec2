"""Half the depth: a student with some of the teacher's blocks learns its velocity, and its streams on the way.

    L = velocity || v_s - v_t ||^2 + features mean_k D(in_k(student), in_keep[k](teacher)) + data || v_s - v ||^2

where in_k are both streams before block k, D is a row's squared error over the teacher's mean square, and v = noise -
data is the target of flow matching (report section 4.1). Block k of the student was block keep[k] of the teacher, so
matched blocks should be shown alike. Guidance is not folded in: a share of the prompts is dropped, and the student is
run as its teacher is. All three are means over rows, each counted as often as its weight says; padding of text and
sources plays no part, so a row teaches the same in any batch.

The report has one depth; the student and the weights are our choice. It does not know which blocks were kept why
(`train/prune`). Letters: B rows, S target tokens, C source tokens of the longest row, P channels of a token, N tokens
of a stream, D width.
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
from hanmo.model.mmdit import MMDiT
from hanmo.train.batches import SampleBatch
from hanmo.train.objectives.distill import errors_of, field_of
from hanmo.train.objectives.samples import SampleObjective, work_of
from hanmo.train.plan.flops import Cost, forward
from hanmo.train.rows import RowPositions, tokens_of

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
        flow: batches, and the student that learns; its block k was block `kept[k]` of the teacher.
        teacher: frozen, in evaluation mode.
        kept: see `flow`.
        config: weights.
    """

    flow: SampleObjective
    teacher: RowPositions
    kept: tuple[int, ...]
    config: DepthConfig

    def batch(self, step: int, part: int) -> SampleBatch:
        """Samples and noise of the step."""
        return self.flow.batch(step, part)

    def loss(self, batch: SampleBatch, done: float) -> Mapping[str, Tensor]:
        """All three losses, those of weight 0 left out, and their weighted sum."""
        clean, noise, t, weights = (
            x.to(self.flow.device) for x in (batch.latents, batch.noise, batch.t, batch.weights)
        )
        student = self.flow.positions
        x = interpolate(clean, noise, t)
        with torch.no_grad(), streams(self.teacher.transformer, self.kept) as theirs:
            taught = field_of(self.teacher, batch)(x, t)
        with streams(student.transformer, range(len(self.kept))) as ours:
            made = field_of(student, batch)(x, t)
        rows: dict[str, Float[Tensor, " B"]] = {}
        if self.config.velocity:
            rows["velocity"] = errors_of(made, taught)
        if self.config.features:
            real = image_mask(batch), batch.mask
            pairs = [(ours[place], theirs[number]) for place, number in enumerate(self.kept)]
            rows["features"] = torch.stack([difference(*pair, *real) for pair in pairs]).mean(0)
        if self.config.data:
            rows["data"] = errors_of(made, velocity(clean, noise))
        losses = {key: (weights * errors).mean() for key, errors in rows.items()}
        total = torch.stack([getattr(self.config, key) * value for key, value in losses.items()]).sum()
        return {"loss": total, **losses}

    def cost(self, batch: SampleBatch) -> Cost:
        """The student's forward and backward passes, and the teacher's forward pass; see `flops.Costed`."""
        own = self.flow.cost(batch)
        return Cost(own.tokens, own.flops + forward(self.teacher.transformer.config, work_of(batch)))


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


def image_mask(batch: SampleBatch) -> Bool[Tensor, "B N"] | None:
    """Which tokens of the image stream are real, the target's and each row's own sources; None when all are."""
    counts = torch.tensor([tokens_of(shapes) for shapes in batch.shapes])
    target = batch.latents.shape[1]
    source = 0 if batch.condition is None else batch.condition.shape[1]
    if bool((counts == source).all()):
        return None
    return torch.arange(target + source)[None] < target + counts[:, None]


def difference(
    ours: Streams, theirs: Streams, image: Bool[Tensor, "B N"] | None, text: Bool[Tensor, "B T"] | None
) -> Float[Tensor, " B"]:
    """Squared error over the teacher's mean square, of the image stream plus that of the text stream, row by row.

    Padding is left out (False in the masks; None has none): nothing reads it.
    """
    return _relative(ours[0], theirs[0], image) + _relative(ours[1], theirs[1], text)


def _relative(
    made: Float[Tensor, "B N D"], wanted: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N"] | None
) -> Float[Tensor, " B"]:
    wanted = wanted.float()
    error, size = (made.float() - wanted).square().mean(-1), wanted.square().mean(-1)
    if mask is not None:
        real = mask.to(error.device)
        error, size = error * real, size * real
    return error.sum(1) / size.sum(1).clamp(min=1e-12)
