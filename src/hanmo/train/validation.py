"""Validation loss with fixed noise, for each bucket and each range of noise levels.

The flow-matching loss on samples that training never draws. Noise, latents and times are a function of the
sample's id (and of the range), so two models, or one model at two steps, are asked exactly the same question and
small differences mean something. A row is computed once in each range of t, at a level inside it; weights and
dropped captions play no part. The report does not say how training was watched: this is our choice.

It does not know steps, files or stages; a curriculum's plateau is measured on `Validation.loss`.

Letters: B rows, S target tokens, P channels of a token.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.errors import ConfigError, RequestError
from hanmo.flow import interpolate, velocity
from hanmo.producer.sample import Sample
from hanmo.train.batches import Maker, SampleBatch
from hanmo.train.randomness import generator_for
from hanmo.train.samples import Entry, SampleSource, held_out

Predict = Callable[[SampleBatch, Float[Tensor, "B S P"]], Float[Tensor, "B S P"]]
"""Velocity of a batch at x_t: `objectives.samples.predict` of a transformer."""


@dataclass(frozen=True)
class ValidationConfig:
    """How much is measured.

    Attributes:
        share: of all samples that is kept from training for this, chosen by id.
        samples: most of one bucket, the first by id; 0 measures nothing.
        bins: ranges of t of equal width, each of which is measured.
        batch: rows computed at once.
        every: steps between measurements; there is one before every preview, too.
    """

    share: float = 0.0
    samples: int = 64
    bins: int = 4
    batch: int = 16
    every: int = 500

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a number below its least value, or a share outside [0, 1); the message names the key.
        """
        if not 0.0 <= self.share < 1.0:
            raise ConfigError(f"validation.share is {self.share}; it must lie between 0 and 1 (not included)")
        for key, least in {"samples": 0, "bins": 1, "batch": 1, "every": 1}.items():
            if getattr(self, key) < least:
                raise ConfigError(f"validation.{key} is {getattr(self, key)}; it must be at least {least}")


@dataclass(frozen=True)
class Validation:
    """Mean losses.

    Attributes:
        loss: over all samples and ranges.
        means: by bucket (width and height in pixels) and number of the range, the cleanest first.
        bins: ranges in all.
    """

    loss: float
    means: Mapping[tuple[tuple[int, int], int], float]
    bins: int

    def scalars(self) -> dict[str, float]:
        """For the metrics: "val/loss", each bucket, and each range of each bucket by its bounds."""
        buckets: dict[tuple[int, int], list[float]] = {}
        found = {"val/loss": self.loss}
        for (size, place), mean in self.means.items():
            buckets.setdefault(size, []).append(mean)
            found[f"val/{size[0]}x{size[1]}/t{place / self.bins:.2f}-{(place + 1) / self.bins:.2f}"] = mean
        return found | {f"val/{w}x{h}": math.fsum(means) / len(means) for (w, h), means in buckets.items()}


def validation_set(source: SampleSource, config: ValidationConfig) -> list[Sample]:
    """The samples of a source that are kept from training, at most so many of a bucket; empty when share is 0."""
    held = Held(source, config)
    held.grow(0, source.entries())
    return held.at(0)


@dataclass
class Held:
    """The samples that are kept from training, as a function of the step where the source grows.

    Of a bucket the first ones are taken, and stay: once it has `config.samples` of them its question is the same for
    good. Until then validation losses of different steps are means over more and more samples.
    """

    source: SampleSource
    config: ValidationConfig
    _kept: dict[tuple[int, int], list[tuple[int, Entry]]] = field(default_factory=dict)
    _read: dict[str, Sample] = field(default_factory=dict)

    def grow(self, step: int, entries: Iterable[Entry]) -> None:
        """Samples that a source has from step number `step` on; later calls name later steps."""
        if not self.config.share:
            return
        for entry in sorted(entries, key=lambda entry: entry.id):
            if held_out(entry.id, self.config.share):
                kept = self._kept.setdefault(entry.size, [])
                if len(kept) < self.config.samples:
                    kept.append((step, entry))

    def at(self, step: int) -> list[Sample]:
        """Those of a step, bucket by bucket."""
        keys = [entry.id for entry in self.entries(step)]
        self._read.update({key: self.source.sample(key) for key in keys if key not in self._read})
        return [self._read[key] for key in keys]

    def entries(self, step: int) -> list[Entry]:
        """What is known of those of a step."""
        return [entry for size in sorted(self._kept) for at, entry in self._kept[size] if at <= step]


@torch.no_grad()
def validate(
    samples: Sequence[Sample], predict: Predict, maker: Maker, config: ValidationConfig, device: torch.device
) -> Validation:
    """Measure a model.

    Args:
        samples: of any sizes and tasks; their order does not matter.
        predict: the model; put the averaged weights in place before, where they are what is exported.
        maker: samples to batches.
        config: how much.
        device: where `predict` wants its tensors.

    Raises:
        RequestError: no samples.
    """
    sums: dict[tuple[tuple[int, int], int], list[float]] = {}
    for rows in _batches(samples, config):
        for place in range(config.bins):
            generators = [generator_for(*_words(sample.id), place) for sample in rows]
            times = [(place + float(torch.rand(1, generator=each))) / config.bins for each in generators]
            errors = _errors(predict, maker.batch(rows, generators, times), device)
            sums.setdefault((rows[0].size, place), []).extend(errors.tolist())
    if not sums:
        raise RequestError("there are no samples to validate on; give a validation set, or validation.samples above 0")
    every = [error for errors in sums.values() for error in errors]
    means = {key: math.fsum(errors) / len(errors) for key, errors in sums.items()}
    return Validation(math.fsum(every) / len(every), means, config.bins)


def _errors(predict: Predict, batch: SampleBatch, device: torch.device) -> Float[Tensor, " B"]:
    clean, noise, t = (x.to(device) for x in (batch.latents, batch.noise, batch.t))
    made = predict(batch, interpolate(clean, noise, t))
    return (made.float() - velocity(clean, noise)).square().mean(dim=(1, 2))


def _batches(samples: Sequence[Sample], config: ValidationConfig) -> Iterator[list[Sample]]:
    """Samples of one size each, the sizes in order, at most so many of a size."""
    for size in sorted({sample.size for sample in samples}):
        kept = sorted((each for each in samples if each.size == size), key=lambda each: each.id)[: config.samples]
        for at in range(0, len(kept), config.batch):
            yield kept[at : at + config.batch]


def _words(key: str) -> list[int]:
    """An id of 32 hexadecimal digits as whole numbers that seed a generator."""
    return [int(key[at : at + 8], 16) for at in range(0, len(key), 8)]
