"""ControlNets over a schedule: residuals for the transformer, computed once per step.

Source: the released ControlNet pipelines; the report has no such section. A net sees the positive prompt
only, so both passes of guidance share one run of it, and outside its range it is not run at all. As with the
transformer, modulation of the whole schedule, text input and rotary tables are computed before the first
step. It does not know pictures or files.

Letters: B pictures, S tokens, C channels of a condition token, T text tokens, E condition width, N steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor

from hanmo.engine.modulation import Residuals, Stream, no_residuals
from hanmo.errors import RequestError
from hanmo.model.controlnet import ControlNet
from hanmo.model.mmdit import MMDiT, Modulation
from hanmo.model.msrope import Shape, rope


@dataclass(frozen=True)
class Control:
    """One control picture: the net that watches it, how strongly, and over which part of the run.

    Attributes:
        net: the ControlNet; several controls may share one.
        condition: packed latents of the picture (and its mask), normalised.
        scale: factor on the net's residuals.
        start: the first part of the run that the control sits out, 0 to 1.
        end: from which part on it sits out again, 0 to 1.
    """

    net: ControlNet
    condition: Float[Tensor, "B S C"]
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0

    def active(self, step: int, steps: int) -> bool:
        """Whether step number `step` of `steps`, as the interval [step, step + 1] / steps, is in the range."""
        return self.scale != 0 and runs(step, steps, self.start, self.end)


def runs(step: int, steps: int, start: float, end: float) -> bool:
    """Whether the interval [step, step + 1] / steps lies within [start, end], as the released pipelines ask."""
    return step / steps >= start and (step + 1) / steps <= end


def check_fits(name: str, net: ControlNet, transformer: MMDiT) -> None:
    """See whether a net's residuals can be added to this transformer's image stream.

    Args:
        name: of the net, for the message.
        net: the ControlNet.
        transformer: the model it is to correct.

    Raises:
        RequestError: another width, other latents or text states, or more blocks than the transformer has.
    """
    ours, wanted = net.config, transformer.config
    for what, found, right in (
        ("a width of {}", ours.inner_dim, wanted.inner_dim),
        ("latent tokens of {} numbers", ours.in_channels, wanted.in_channels),
        ("text states of {} numbers", ours.joint_attention_dim, wanted.joint_attention_dim),
    ):
        if found != right:
            raise RequestError(
                f"the ControlNet {name} has {what.format(found)}, this model {right}: it was made for another model"
            )
    if ours.num_layers > wanted.num_layers:
        raise RequestError(
            f"the ControlNet {name} has {ours.num_layers} blocks, this model only {wanted.num_layers}: "
            "it was made for another model"
        )


def control_residuals(
    controls: Sequence[Control],
    levels: Float[Tensor, " N"],
    states: Float[Tensor, "B T E"],
    mask: Bool[Tensor, "B T"] | None,
    shape: Shape,
    blocks: int,
    skipped: int = 0,
) -> Residuals:
    """What `predictor` adds to the transformer's image stream, as a function of latents and step.

    Args:
        controls: nets and pictures; residuals are summed.
        levels: noise levels of the schedule, without the last.
        states: condition states of the prompts, padded on the right.
        mask: False for padding; None when there is none.
        shape: (1, h, w) in tokens of the picture.
        blocks: of the transformer.
        skipped: how many of the first levels the run leaves out; a range counts the steps that are run.

    Returns:
        A function of (x, index): n samples for the blocks in turn, or none where no control is active.
    """
    if not controls:
        return no_residuals
    nets = {id(control.net): control.net for control in controls}
    prepared = {key: _prepare(net, levels, states, mask, shape) for key, net in nets.items()}
    controls = [replace(control, condition=_like(control.net, control.condition)) for control in controls]
    steps = len(levels) - skipped

    def residuals(x: Tensor, index: int) -> Sequence[Tensor]:
        total: Sequence[Tensor] = ()
        for control in controls:
            if control.active(index - skipped, steps):
                tables, stream = prepared[id(control.net)]
                total = add(total, _run(control, x, tables[index], stream), blocks)
        return total

    return residuals


def add(
    total: Sequence[Float[Tensor, "B S D"]], more: Sequence[Float[Tensor, "B S D"]], blocks: int
) -> Sequence[Float[Tensor, "B S D"]]:
    """The sum of two nets' samples; nets of different depth are first spread over all blocks."""
    if not total:
        return more
    if len(total) != len(more):
        total, more = (spread(samples, blocks) for samples in (total, more))
    return tuple(a + b.to(a.device, a.dtype) for a, b in zip(total, more, strict=True))


def spread(samples: Sequence[Float[Tensor, "B S D"]], blocks: int) -> Sequence[Float[Tensor, "B S D"]]:
    """The sample that each block of the transformer gets: number i // ceil(blocks / n) for block i."""
    stride = -(-blocks // len(samples))
    return tuple(samples[index // stride] for index in range(blocks))


def _prepare(
    net: ControlNet, levels: Tensor, states: Tensor, mask: Tensor | None, shape: Shape
) -> tuple[list[Modulation], Stream]:
    device = net.controlnet_x_embedder.weight.device
    tables = net.modulation(net.time(levels.to(device)))
    rotation = rope([shape], states.shape[1], net.config.axes_dims_rope, device)
    stream = Stream(net.text(_like(net, states)), None if mask is None else mask.to(device), rotation)
    return [tables[index : index + 1] for index in range(len(levels))], stream


def _run(control: Control, x: Tensor, tables: Modulation, stream: Stream) -> Sequence[Tensor]:
    latents = _like(control.net, x)
    samples = control.net.residuals(latents, control.condition, stream.text, stream.mask, stream.rotation, tables)
    return tuple(sample * control.scale for sample in samples)


def _like(net: ControlNet, tensor: Tensor) -> Tensor:
    weight = net.controlnet_x_embedder.weight
    return tensor.to(weight.device, weight.dtype)
