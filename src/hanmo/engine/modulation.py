"""What of the transformer's work does not depend on the latents, done once before the first step.

The timestep enters the MMDiT (report section 2.4) through modulation only, and the schedule is known
beforehand: the tables of all steps come from one matrix product per block instead of one per step and pass.
The text stream's input and the rotary tables depend on the prompt and the sizes alone. All of it is exact up
to rounding.

`predictor` turns it into the velocity function of `denoise`. It does not know schedules or pictures.

Letters: B pictures, S target tokens, C tokens of condition pictures, P channels of a token, T text tokens,
E condition width, D width, N steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from hanmo.engine.denoise import Velocity
from hanmo.engine.guidance import guide
from hanmo.model.mmdit import MMDiT, Modulation
from hanmo.model.msrope import Rope, Shape, rope

# Below so many numbers in one pass's hidden state (tokens x width), a batch of both passes is faster than
# two: the fixed cost of an operation outweighs its arithmetic there. Measured on one CPU core, 8 layers of
# width 256: 1.14x at 14,000 numbers, 1.11x at 27,000, 0.99x at 39,000, 0.94x at 81,000. No GPU measured.
JOIN_BELOW = 1 << 15


Residuals = Callable[[Tensor, int], Sequence[Tensor]]
"""(x [B, S, P], index of a noise level) -> samples [B, S, D] for the image stream; none where none apply."""


def no_residuals(x: Tensor, index: int) -> Sequence[Tensor]:
    """Without a ControlNet."""
    return ()


@dataclass(frozen=True)
class Stream:
    """One pass's text: its projected states, which of them are real, and all rotary tables.

    `attention` says who may look at whom, padding included, where a mask asks for it (`attention.py`).
    """

    text: Float[Tensor, "B T D"]
    mask: Bool[Tensor, "B T"] | None
    rotation: Rope
    attention: Shaped[Tensor, "B 1 N N"] | None = None


def modulation_tables(transformer: MMDiT, levels: Float[Tensor, " N"]) -> list[Modulation]:
    """The modulation at every noise level, one row for the whole batch, from one product per block."""
    device = transformer.proj_out.weight.device
    tables = transformer.modulation(transformer.time(levels.to(device)))
    return [tables[index : index + 1] for index in range(len(levels))]


def text_stream(
    transformer: MMDiT,
    states: Float[Tensor, "B T E"],
    mask: Bool[Tensor, "B T"] | None,
    shapes: Sequence[Shape],
) -> Stream:
    """Project the condition encoder's states and build the rotary tables for pictures of these shapes.

    Args:
        transformer: the model.
        states: condition states, padded on the right.
        mask: False for padding; None when there is none.
        shapes: (frames, h, w) in tokens of each picture, the target first.
    """
    weight = transformer.proj_out.weight
    config = transformer.config
    rotation = rope(shapes, states.shape[1], config.axes_dims_rope, weight.device, config.use_layer3d_rope)
    text = transformer.text(states.to(weight.device, weight.dtype))
    return Stream(text, None if mask is None else mask.to(weight.device), rotation)


def join(positive: Stream, negative: Stream) -> Stream:
    """Both passes as one batch, the shorter text padded and masked."""
    length = max(positive.text.shape[1], negative.text.shape[1])
    texts, masks = [], []
    for stream in (positive, negative):
        missing = length - stream.text.shape[1]
        real = stream.text.new_ones(stream.text.shape[:2], dtype=torch.bool)
        texts.append(F.pad(stream.text, (0, 0, 0, missing)))
        masks.append(F.pad(real if stream.mask is None else stream.mask, (0, missing), value=False))
    mask = torch.cat(masks)
    rotation = max(positive.rotation, negative.rotation, key=lambda tables: len(tables.text_cos))
    return Stream(torch.cat(texts), None if bool(mask.all()) else mask, rotation)


def predictor(
    transformer: MMDiT,
    tables: Sequence[Modulation],
    positive: Stream,
    negative: Stream | None = None,
    scale: float = 1.0,
    pictures: Float[Tensor, "B C P"] | None = None,
    residuals: Residuals = no_residuals,
) -> Velocity:
    """The (guided) velocity of the transformer as a function of latents and step, as `denoise` wants it.

    Args:
        transformer: the model; latents are cast to its dtype, velocities come back in that of the latents.
        tables: `modulation_tables` of the schedule.
        positive: the prompts.
        negative: the negative prompts; None turns guidance off.
        scale: guidance scale, used with `negative`.
        pictures: packed latents of the pictures that condition the target.
        residuals: of ControlNets (`control.control_residuals`), asked once per step for both passes.

    Returns:
        A function of (x, index). With guidance it makes two passes, or one of twice the batch where that is
        faster; both give the same picture up to rounding.
    """
    weight = transformer.proj_out.weight
    context = None if pictures is None else pictures.to(weight.device, weight.dtype)

    def run(x: Tensor, index: int, stream: Stream, extra: Sequence[Tensor]) -> Tensor:
        tokens = x.to(weight.dtype)
        if context is not None:
            repeats = len(x) // len(context)
            tokens = torch.cat([tokens, context.repeat(repeats, 1, 1)], dim=1)
        samples = [sample.to(weight.device, weight.dtype) for sample in extra]
        velocity = transformer.velocity(
            tokens,
            stream.text,
            stream.mask,
            stream.rotation,
            tables[index],
            x.shape[1],
            stream.attention,
            samples,
        )
        return velocity.to(x.dtype)

    if negative is None:
        return lambda x, index: run(x, index, positive, residuals(x, index))
    other = negative
    if _one_batch_is_faster(positive, other):
        both = join(positive, other)

        def joined(x: Tensor, index: int) -> Tensor:
            extra = [torch.cat([sample, sample]) for sample in residuals(x, index)]
            conditioned, unconditioned = run(torch.cat([x, x]), index, both, extra).chunk(2)
            return guide(conditioned, unconditioned, scale)

        return joined

    def apart(x: Tensor, index: int) -> Tensor:
        extra = residuals(x, index)
        return guide(run(x, index, positive, extra), run(x, index, other, extra), scale)

    return apart


def _one_batch_is_faster(positive: Stream, negative: Stream) -> bool:
    if positive.attention is not None:
        return False
    batch, length, width = positive.text.shape
    tokens = len(positive.rotation.image_cos) + max(length, negative.text.shape[1])
    return batch * tokens * width < JOIN_BELOW
