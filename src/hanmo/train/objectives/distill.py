"""What both kinds of distillation share: velocities of a frozen teacher and of its student on producers' samples.

The report does not distil; issue and recipes say what ours are for: half the depth (`distill_depth`), or a few steps
without guidance (`distill_steps`). Hidden states are what a producer stored, so teacher and student are told the same
and no condition encoder is asked. Rows of text-to-image, edits and reconstruction stand in one batch (`batches`). Time
is that of `hanmo.flow`: t falls from 1 (noise) to 0 (data).

It knows no losses. Letters: B rows, R rows chosen, S target tokens, P channels of a token, K steps of a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from jaxtyping import Float, Int
from torch import Tensor

from hanmo.engine.guidance import guide
from hanmo.errors import ConfigError
from hanmo.producer.sample import Sample
from hanmo.train.batches import SampleBatch, padded
from hanmo.train.objectives.samples import predict
from hanmo.train.rows import RowPositions, tokens_of
from hanmo.train.samples import EmptyPrompts, Entry

Field = Callable[[Tensor, Tensor], Tensor]
"""(x [B, S, P], t [B]) -> velocity [B, S, P], float32."""


def field_of(
    positions: RowPositions, batch: SampleBatch, scale: float = 1.0, negative: SampleBatch | None = None
) -> Field:
    """A model's velocity on a batch as a function of x and t; the batch's own noise and times play no part.

    Args:
        positions: of teacher or student.
        batch: what it is told.
        scale: of guidance, mixed as in the pipeline (`engine.guidance`); 1 asks for one pass.
        negative: the batch with empty prompts (`emptied`), where `scale` is not 1.
    """

    def once(told: SampleBatch, x: Tensor, t: Tensor) -> Tensor:
        return predict(positions, replace(told, t=t), x).float()

    if scale == 1.0:
        return lambda x, t: once(batch, x, t)
    assert negative is not None, "guidance needs the empty prompts"
    return lambda x, t: guide(once(batch, x, t), once(negative, x, t), scale)


def emptied(batch: SampleBatch, samples: Sequence[Sample], empty: EmptyPrompts) -> SampleBatch:
    """The same batch under the empty prompt, for guidance's second pass.

    Args:
        batch: made of `samples`.
        samples: its rows, in their order.
        empty: states of the empty prompt; in an edit they also hold what the encoder saw in the sources.

    Raises:
        RequestError: an edit whose empty prompt no producer has encoded.
    """
    states, mask = padded([empty.of(sample).float() for sample in samples])
    return replace(batch, states=states, mask=mask)


def check_guidance(entries: Iterable[Entry], empty: EmptyPrompts, scale: float) -> None:
    """Look, before the first step, whether every sample that may be drawn has its empty prompt.

    Args:
        entries: what may be drawn.
        empty: what there is.
        scale: of guidance; 1 needs none.

    Raises:
        ConfigError: one has none.
    """
    for entry in entries if scale != 1.0 else ():
        if empty.lack(entry):
            raise ConfigError(
                f"the teacher is guided (scale {scale:g}), but sample {entry.id} ({entry.task}) has no empty prompt: "
                "let the producer write them, set steps.cfg_scale = 1, or take t2i alone (curriculum.stages.only)"
            )


def chosen_rows(batch: SampleBatch, chosen: Int[Tensor, " R"]) -> SampleBatch:
    """Some rows of a batch; sources are padded to the longest of these."""
    rows = chosen.tolist()
    shapes = tuple(batch.shapes[row] for row in rows)
    longest = max(map(tokens_of, shapes))
    return SampleBatch(
        ids=tuple(batch.ids[row] for row in rows),
        tasks=tuple(batch.tasks[row] for row in rows),
        size=batch.size,
        states=batch.states[rows],
        mask=None if batch.mask is None else batch.mask[rows],
        latents=batch.latents[rows],
        condition=None if batch.condition is None or not longest else batch.condition[rows, :longest],
        shapes=shapes,
        noise=batch.noise[rows],
        t=batch.t[rows],
        weights=batch.weights[rows],
    )


def follow(field: Field, x: Float[Tensor, "B S P"], times: Float[Tensor, "B K"]) -> Float[Tensor, "B S P"]:
    """Carry each sample along its own row of falling times by Euler's steps (`sampler.euler_step`, row by row)."""
    for step in range(times.shape[1] - 1):
        t, after = times[:, step], times[:, step + 1]
        x = x + (after - t)[:, None, None] * field(x, t)
    return x


def errors_of(made: Float[Tensor, "B S P"], wanted: Float[Tensor, "B S P"]) -> Float[Tensor, " B"]:
    """Mean squared error of every row."""
    return (made - wanted).square().mean((1, 2))
