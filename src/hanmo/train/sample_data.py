"""Batches of kept samples: which ones, which noise, as a function of (seed, step, part).

All samples of a batch have pictures of the same sizes; texts are padded. An epoch deals every size's samples out in a
new order; the last batch of a size is filled from its front, so every batch is full. Latents are drawn from the kept
posteriors anew each time, those of sources are their means, as the pipeline has them. It does not know networks.

Letters: B batch, S target tokens, C condition tokens, T text tokens, D width of the states, P channels of a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig, resolution_mu, sample_t
from hanmo.model.config import VAEConfig
from hanmo.model.latents import pack
from hanmo.model.msrope import Shape
from hanmo.pipeline.geometry import Size
from hanmo.producer.sample import Posterior, Sample
from hanmo.train.encode_folder import Kept, read_sample
from hanmo.train.randomness import generator_for, random_for
from hanmo.weights.preferences import GRID


@dataclass(frozen=True)
class SampleConfig:
    """How samples become batches.

    Attributes:
        dropout: share of prompts that become the empty prompt, for guidance.
        t_mean: mean of the normal behind logit-normal t; above 0 favours noise.
        t_std: its standard deviation.
        shift: move t by the picture's size as the sampler does.
    """

    dropout: float = 0.05
    t_mean: float = 0.0
    t_std: float = 1.0
    shift: bool = False

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value out of range; the message names the key.
        """
        if not 0.0 <= self.dropout <= 1.0:
            raise ConfigError(f"samples.dropout is {self.dropout}; it must lie between 0 and 1")
        if self.t_std <= 0:
            raise ConfigError(f"samples.t_std is {self.t_std}; it must be above 0")


@dataclass(frozen=True)
class SampleBatch:
    """Samples of one layout; `mask` is None where no text is padded, `condition` where there is no source.

    `seed` is for whatever the network draws in its pass (an adapter's dropout).
    """

    latents: Float[Tensor, "B S P"]
    condition: Float[Tensor, "B C P"] | None
    noise: Float[Tensor, "B S P"]
    t: Float[Tensor, " B"]
    states: Float[Tensor, "B T D"]
    mask: Bool[Tensor, "B T"] | None
    weight: Float[Tensor, " B"]
    shapes: tuple[Shape, ...]
    seed: int


@dataclass(frozen=True)
class SampleData:
    """All batches of a run; files are read when they are needed.

    Attributes:
        config: how.
        seed: of everything random.
        size: samples of a batch.
        parts: batches of a step.
        kept: the samples.
        vae: whose statistics normalise latents.
        schedule: whose shift t follows, if the config says so.
    """

    config: SampleConfig
    seed: int
    size: int
    parts: int
    kept: Sequence[Kept]
    vae: VAEConfig
    schedule: ScheduleConfig
    _epochs: dict[int, list[list[Kept]]] = field(default_factory=dict)

    def batch(self, step: int, part: int) -> SampleBatch:
        """Batch number (step, part)."""
        epoch, place = divmod(step * self.parts + part, self.per_epoch)
        if epoch not in self._epochs:
            self._epochs.clear()
            self._epochs[epoch] = self._deal(epoch)
        generator = generator_for(self.seed, step, part)
        read = [read_sample(kept.path) for kept in self._epochs[epoch][place]]
        dropped = torch.rand(len(read), generator=generator) < self.config.dropout
        texts = [empty if drop else sample.hidden for (sample, empty), drop in zip(read, dropped.tolist(), strict=True)]
        return self._batch([sample for sample, _ in read], texts, generator)

    @property
    def per_epoch(self) -> int:
        """Batches in which every sample comes up."""
        return sum(-(-len(group) // self.size) for group in self._groups().values())

    def _groups(self) -> dict[tuple[Size, ...], list[Kept]]:
        groups: dict[tuple[Size, ...], list[Kept]] = {}
        for kept in self.kept:
            groups.setdefault(kept.key, []).append(kept)
        return groups

    def _deal(self, epoch: int) -> list[list[Kept]]:
        rng = random_for(self.seed, epoch, self.size)
        batches = []
        for group in self._groups().values():
            order = rng.sample(group, len(group))
            count = -(-len(order) // self.size) * self.size
            filled = [order[number % len(order)] for number in range(count)]
            batches += [filled[at : at + self.size] for at in range(0, count, self.size)]
        rng.shuffle(batches)
        return batches

    def _batch(self, samples: Sequence[Sample], texts: Sequence[Tensor], generator: torch.Generator) -> SampleBatch:
        clean = pack(torch.stack([self._latent(sample.target, generator) for sample in samples]))
        columns = list(zip(*(sample.sources for sample in samples), strict=True))
        sources = [pack(torch.stack([self._latent(one, None) for one in column])) for column in columns]
        cells = [samples[0].target[0], *(pair[0] for pair in samples[0].sources)]
        lengths = torch.tensor([len(text) for text in texts])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        mu = resolution_mu(clean.shape[1], self.schedule) if self.config.shift else None
        return SampleBatch(
            latents=clean,
            condition=torch.cat(sources, dim=1) if sources else None,
            noise=torch.randn(clean.shape, generator=generator),
            t=sample_t(len(samples), generator, self.config.t_mean, self.config.t_std, mu),
            states=nn.utils.rnn.pad_sequence([text.float() for text in texts], batch_first=True),
            mask=None if bool(mask.all()) else mask,
            weight=torch.tensor([sample.weight for sample in samples]),
            shapes=tuple((1, one.shape[1] * 8 // GRID, one.shape[2] * 8 // GRID) for one in cells),
            seed=int(torch.randint(1 << 62, (1,), generator=generator)),
        )

    def _latent(self, posterior: Posterior, generator: torch.Generator | None) -> Float[Tensor, "Z h w"]:
        """Normalised: a draw, or the mean where there is no generator."""
        mean, logvar = (part.float() for part in posterior)
        if generator is not None:
            mean = mean + torch.exp(0.5 * logvar) * torch.randn(mean.shape, generator=generator)
        middle, spread = (torch.tensor(row)[:, None, None] for row in (self.vae.latents_mean, self.vae.latents_std))
        return (mean - middle) / spread
