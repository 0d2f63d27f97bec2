"""From samples of one size to a training batch (report section 4.1.3: T2I, TI2I and I2I in one).

Latents are drawn from the target's posterior at every use; those of sources are the posterior's mean, which is
what the pipeline shows to the transformer. Both are normalised, packed, and laid out as the pipeline does: the
target, then the sources in their order. A reconstruction without a source has its own picture for one. What
rows lack in text or sources is padded on the right.

Every random number of a row comes from that row's own generator, so a row is the same in any batch. It does not
know which samples are drawn, nor the loss.

Letters: B rows, T text tokens, E condition width, S target tokens, C source tokens of the longest row, P
channels of a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from hanmo.errors import ConfigError, RequestError
from hanmo.flow import ScheduleConfig, resolution_mu, sample_t
from hanmo.model.config import VAEConfig
from hanmo.model.latents import pack
from hanmo.producer.sample import Sample, Task
from hanmo.train.rows import Shapes
from hanmo.train.samples import WAYS, EmptyPrompts, Entry


@dataclass(frozen=True)
class MixConfig:
    """What is drawn for a row, but for the row itself. The report says "logit-normal t" and no more.

    Attributes:
        dropout: share of captions of text-to-image that become the empty prompt.
        edit_dropout: the same of edits and reconstructions; wants `encode.empty_edits`.
        t_mean: mean of the normal behind logit-normal t; above 0 favours noise.
        t_std: its standard deviation.
        shift: move t towards noise as sampling does at the target's resolution.
    """

    dropout: float = 0.05
    edit_dropout: float = 0.0
    t_mean: float = 0.0
    t_std: float = 1.0
    shift: bool = False

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a share outside [0, 1], or a deviation that is not above 0; the message names the key.
        """
        for key in ("dropout", "edit_dropout"):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise ConfigError(f"mix.{key} is {getattr(self, key)}; it must lie between 0 and 1")
        if not self.t_std > 0:
            raise ConfigError(f"mix.t_std is {self.t_std}; it must be above 0")

    def dropout_of(self, task: Task) -> float:
        """The share of a task's captions that are dropped."""
        return self.dropout if task == "t2i" else self.edit_dropout


@dataclass(frozen=True)
class SampleBatch:
    """One batch of targets of one size.

    Attributes:
        ids: of the samples.
        tasks: of the rows.
        size: of the targets, pixels, width and height.
        states: hidden states of the condition encoder, float32, zeros behind each row's end.
        mask: True for real text tokens; None when all are.
        latents: clean targets, normalised and packed, float32.
        condition: the sources' tokens, one source behind the other; None when no row has any.
        shapes: of each row's pictures in tokens: the target's, then its sources'.
        noise: standard normal.
        t: noise levels in (0, 1), see `hanmo.flow`.
        weights: of the rows' losses.
        seed: of what a network draws in its pass (an adapter's dropout), so that a loss is a function of the batch.
    """

    ids: tuple[str, ...]
    tasks: tuple[Task, ...]
    size: tuple[int, int]
    states: Float[Tensor, "B T E"]
    mask: Bool[Tensor, "B T"] | None
    latents: Float[Tensor, "B S P"]
    condition: Float[Tensor, "B C P"] | None
    shapes: tuple[Shapes, ...]
    noise: Float[Tensor, "B S P"]
    t: Float[Tensor, " B"]
    weights: Float[Tensor, " B"]
    seed: int = 0


@dataclass(frozen=True)
class Maker:
    """Makes batches of samples.

    Attributes:
        config: what is drawn for a row.
        vae: of the autoencoder that made the posteriors: its statistics normalise latents.
        empty: states of dropped captions.
        schedule: says how far `config.shift` moves t.
    """

    config: MixConfig
    vae: VAEConfig
    empty: EmptyPrompts
    schedule: ScheduleConfig

    def check(self, entries: Iterable[Entry]) -> None:
        """Look, before the first step, whether every caption that may be dropped has its empty prompt.

        Raises:
            ConfigError: one has none; the message names the key.
        """
        for entry in entries:
            if self.config.dropout_of(entry.task) > 0 and self.empty.lack(entry):
                key = "mix.dropout" if entry.task == "t2i" else "mix.edit_dropout"
                raise ConfigError(
                    f"{key} is {self.config.dropout_of(entry.task)}, but sample {entry.id} ({entry.task}) has no empty "
                    f"prompt: {WAYS[entry.task == 't2i']}, or set {key} = 0"
                )

    def batch(
        self, samples: Sequence[Sample], generators: Sequence[torch.Generator], times: Sequence[float] | None = None
    ) -> SampleBatch:
        """Assemble one batch.

        Args:
            samples: of one size.
            generators: one for each, on the CPU.
            times: noise levels to use instead of drawn ones; then no caption is dropped either (validation).

        Raises:
            RequestError: no samples, samples of several sizes, a posterior of another shape than its size or
                the autoencoder's, or a dropped caption without an empty prompt.
        """
        _check(samples, self.vae)
        hidden, latents, noise, drawn = [], [], [], []
        for sample, generator in zip(samples, generators, strict=True):
            dropped = float(torch.rand(1, generator=generator)) < self.config.dropout_of(sample.task)
            tokens = sample.size[0] * sample.size[1] // 256
            mu = resolution_mu(tokens, self.schedule) if self.config.shift else None
            drawn.append(sample_t(1, generator, self.config.t_mean, self.config.t_std, mu))
            mean, logvar = (each.float() for each in sample.target)
            noise.append(pack(torch.randn(mean.shape, generator=generator)[None]))
            z = mean + torch.exp(0.5 * logvar) * torch.randn(mean.shape, generator=generator)
            latents.append(pack(self.normalise(z)[None]))
            hidden.append((self.empty.of(sample) if dropped and times is None else sample.hidden).float())
        states, mask = padded(hidden)
        return SampleBatch(
            ids=tuple(sample.id for sample in samples),
            tasks=tuple(sample.task for sample in samples),
            size=samples[0].size,
            states=states,
            mask=mask,
            latents=torch.cat(latents),
            condition=self._condition(samples),
            shapes=tuple(tuple(_shape(p) for p in (sample.target, *sources_of(sample))) for sample in samples),
            noise=torch.cat(noise),
            t=torch.cat(drawn) if times is None else torch.tensor(list(times), dtype=torch.float32),
            weights=torch.tensor([sample.weight for sample in samples], dtype=torch.float32),
        )

    def normalise(self, z: Float[Tensor, "16 h w"]) -> Float[Tensor, "16 h w"]:
        """Latents as the transformer sees them, as `model.vae.VAE.normalise` makes them."""
        mean, std = (
            torch.tensor(values, dtype=z.dtype)[:, None, None]
            for values in (self.vae.latents_mean, self.vae.latents_std)
        )
        return (z - mean) / std

    def _condition(self, samples: Sequence[Sample]) -> Float[Tensor, "B C P"] | None:
        width = 4 * self.vae.z_dim
        rows = [
            torch.cat(
                [torch.zeros(0, width), *(pack(self.normalise(p[0].float())[None])[0] for p in sources_of(sample))]
            )
            for sample in samples
        ]
        return pad_sequence(rows, batch_first=True) if any(len(row) for row in rows) else None


def sources_of(sample: Sample) -> tuple[tuple[Tensor, Tensor], ...]:
    """What a row is conditioned on beside its text; a reconstruction's own picture, unless it holds one."""
    return (sample.target,) if sample.task == "i2i" and not sample.sources else sample.sources


def padded(hidden: Sequence[Float[Tensor, "_ E"]]) -> tuple[Float[Tensor, "B T E"], Bool[Tensor, "B T"] | None]:
    """States of all rows with zeros behind their ends, and where they are real; None when none needed any."""
    lengths = torch.tensor([len(states) for states in hidden])
    longest = int(lengths.max())
    mask = None if bool((lengths == longest).all()) else torch.arange(longest)[None] < lengths[:, None]
    return pad_sequence(list(hidden), batch_first=True), mask


def _shape(posterior: tuple[Tensor, Tensor]) -> tuple[int, int, int]:
    return (1, posterior[0].shape[1] // 2, posterior[0].shape[2] // 2)


def _check(samples: Sequence[Sample], vae: VAEConfig) -> None:
    if not samples:
        raise RequestError("a batch of no samples was asked for; give at least one")
    sizes = sorted({sample.size for sample in samples})
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height}" for width, height in sizes)
        raise RequestError(f"a batch has targets of {found}; draw samples of one size")
    for sample in samples:
        wanted = (vae.z_dim, sample.size[1] // vae.scale, sample.size[0] // vae.scale)
        for name, (mean, logvar) in [("target", sample.target), *(("source", each) for each in sample.sources)]:
            shape = tuple(mean.shape)
            fits = shape == wanted if name == "target" else shape[0] == vae.z_dim
            if not fits or tuple(logvar.shape) != shape or shape[1] % 2 or shape[2] % 2 or 0 in shape:
                raise RequestError(
                    f"the {name} of sample {sample.id} has latents of {list(shape)}, its size is "
                    f"{sample.size[0]}x{sample.size[1]} and the autoencoder's channels are {vae.z_dim}: the store is "
                    "of another autoencoder or damaged; produce it anew"
                )
        if not len(sample.hidden):
            raise RequestError(f"sample {sample.id} has no hidden states; produce it anew")
