"""Few steps: each step of the student's short schedule ends where the teacher ends after several finer ones.

    target = (x(t_i -> t_{i+1} by the teacher, guided, in `fine` steps) - x(t_i)) / (t_{i+1} - t_i)
    L      = E_i || v_student(x(t_i), t_i, h) - target ||^2

So the student learns the mean velocity of a span, with guidance folded in: it runs in a few passes without a second
one. Progressive distillation (Salimans and Ho, 2202.00512) does this with two steps for one, again and again; we do it
in one go, as the spans are known. Where a span begins is either noised data, or, for the share `own`, where the
student itself has come from noise, so that it also learns to answer for its earlier steps.

The report does not distil. Schedule: `flow.fixed_shift`, as the released Lightning weights have it. The loss is a mean
over rows, each counted as often as its weight says. It knows no files.

Letters: B rows, S target tokens, P channels of a token, N steps of the student.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig, interpolate
from hanmo.sampler import schedule
from hanmo.train.batches import SampleBatch
from hanmo.train.objectives.distill import Field, chosen_rows, emptied, errors_of, field_of, follow
from hanmo.train.objectives.samples import SampleObjective, work_of
from hanmo.train.plan.flops import Cost, forward
from hanmo.train.randomness import generator_for
from hanmo.train.rows import RowPositions

_SPANS = 5  # what the seed is used for here, besides what samples and rows are drawn with


@dataclass(frozen=True)
class StepsConfig:
    """How many steps, and how the teacher shows them.

    Attributes:
        steps: of the student; 4 and 8 are usual.
        shift: factor e^mu of the student's schedule, the same at every resolution (Lightning: 3).
        fine: the teacher's steps for one of the student's.
        cfg_scale: of the teacher's guidance; None takes what its folder prefers.
        own: share of samples that begin where the student itself has come to.
    """

    steps: int = 4
    shift: float = 3.0
    fine: int = 3
    cfg_scale: float | None = None
    own: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names the key.
        """
        for key in ("steps", "fine"):
            if getattr(self, key) < 1:
                raise ConfigError(f"steps.{key} is {getattr(self, key)}; it must be at least 1")
        if self.shift <= 0:
            raise ConfigError(f"steps.shift is {self.shift}; it must be above 0 (1 for none)")
        if self.cfg_scale is not None and self.cfg_scale < 1:
            raise ConfigError(f"steps.cfg_scale is {self.cfg_scale}; it must be at least 1 (guidance off)")
        if not 0.0 <= self.own <= 1.0:
            raise ConfigError(f"steps.own is {self.own}; it must lie between 0 and 1")


@dataclass(frozen=True)
class StepsBatch:
    """Rows and noise, the same under empty prompts, which span each row learns, and who brings it there."""

    flow: SampleBatch
    negative: SampleBatch | None
    span: Int[Tensor, " B"]
    own: Bool[Tensor, " B"]


@dataclass(frozen=True)
class StepsObjective:
    """A student of a teacher of the same shape, for a schedule of few steps.

    Attributes:
        flow: batches, and the student that learns.
        teacher: frozen, in evaluation mode.
        config: see there.
        scale: the teacher's guidance.
        plan: the student's schedule.
        alike: ask the student equally often for every batch, as processes must that share a divided one.
    """

    flow: SampleObjective
    teacher: RowPositions
    config: StepsConfig
    scale: float
    plan: ScheduleConfig
    alike: bool = False

    def batch(self, step: int, part: int) -> StepsBatch:
        """Samples and noise of the step, and a span for each row.

        Raises:
            RequestError: guidance for an edit whose empty prompt no producer has encoded.
        """
        samples = self.flow.draws.samples(step, part)
        flow = self.flow.made(samples, step, part)
        generator = generator_for(self.flow.seed, _SPANS, step, part)
        return StepsBatch(
            flow,
            emptied(flow, samples, self.flow.maker.empty) if self.scale != 1.0 else None,
            torch.randint(self.config.steps, (len(samples),), generator=generator),
            torch.rand(len(samples), generator=generator) < self.config.own,
        )

    def loss(self, batch: StepsBatch, done: float) -> Mapping[str, Tensor]:
        """Squared error of the mean velocity; "span_i" are its parts by span, "drift" those of own starts."""
        device, student, flow = self.flow.device, self.flow.positions, batch.flow
        span, own, weights = batch.span.to(device), batch.own.to(device), flow.weights.to(device)
        levels = schedule(self.config.steps, flow.latents.shape[1], self.plan).to(device)
        clean, noise = flow.latents.to(device), flow.noise.to(device)
        with torch.no_grad():
            start = interpolate(clean, noise, levels[span])
            passes = self.config.steps - 1 if self.alike and self.config.own else 0
            come = carried(student, flow, noise, levels, torch.where(own, span, 0), passes)
            start = torch.where(own[:, None, None], come, start)
            field = field_of(self.teacher, flow, self.scale, batch.negative)
            wanted = mean_velocity(field, start, levels[span], levels[span + 1], self.config.fine)
        errors = errors_of(field_of(student, flow)(start, levels[span]), wanted)
        seen = errors.detach()
        parts = {f"span_{number}": _mean(seen, span == number) for number in range(self.config.steps)}
        return {"loss": (weights * errors).mean(), **parts, "drift": _mean(seen, own)}

    def cost(self, batch: StepsBatch) -> Cost:
        """The student's passes, its own steps to where rows begin, and the teacher's; see `flops.Costed`."""
        own = self.flow.cost(batch.flow)
        shapes = [batch.flow] if batch.negative is None else [batch.flow, batch.negative]
        shown = sum(forward(self.teacher.transformer.config, work_of(one)) for one in shapes) * self.config.fine
        stop = torch.where(batch.own, batch.span, 0)
        come = [chosen_rows(batch.flow, (stop > index).nonzero()[:, 0]) for index in range(int(stop.max()))]
        config = self.flow.positions.transformer.config
        return Cost(own.tokens, own.flops + shown + sum(forward(config, work_of(rows)) for rows in come))


@torch.no_grad()
def carried(
    student: RowPositions,
    batch: SampleBatch,
    noise: Float[Tensor, "B S P"],
    levels: Float[Tensor, " N1"],
    stop: Int[Tensor, " B"],
    passes: int = 0,
) -> Float[Tensor, "B S P"]:
    """Where the student's own steps lead from noise: row b after `stop[b]` of them (0 leaves it noise).

    The student is asked at least `passes` times, of the first row when there is nothing left to know.
    """
    x = noise.clone()
    for index in range(max(int(stop.max()), passes)):
        rows = (stop > index).nonzero()[:, 0]
        asked = rows if len(rows) else torch.zeros(1, dtype=rows.dtype, device=rows.device)
        times = levels[index : index + 2].expand(len(asked), 2)
        come = follow(field_of(student, chosen_rows(batch, asked)), x[asked], times)
        if len(rows):
            x[rows] = come
    return x


def mean_velocity(
    field: Field,
    x: Float[Tensor, "B S P"],
    start: Float[Tensor, " B"],
    stop: Float[Tensor, " B"],
    fine: int,
) -> Float[Tensor, "B S P"]:
    """The velocity that leads in one step from x at `start` to where `fine` even steps along `field` end."""
    shares = torch.linspace(0, 1, fine + 1, device=x.device)
    times = start[:, None] + (stop - start)[:, None] * shares
    if fine == 1:
        return field(x, start)
    return (follow(field, x, times) - x) / (stop - start)[:, None, None]


def _mean(error: Float[Tensor, " B"], chosen: Bool[Tensor, " B"]) -> Float[Tensor, ""]:
    """Mean over the chosen rows, to look at; 0 where the batch has none."""
    return (error * chosen).sum() / chosen.sum().clamp(min=1)
