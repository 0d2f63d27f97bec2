from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor
from toy_samples import changed, maker, mixed, sample, transformer

from hanmo.errors import ConfigError, RequestError
from hanmo.producer.sample import Sample
from hanmo.train.batches import SampleBatch
from hanmo.train.curriculum import Curriculum, CurriculumConfig
from hanmo.train.mixture import Mixture
from hanmo.train.objectives.samples import predict
from hanmo.train.rows import row_positions
from hanmo.train.samples import Listed
from hanmo.train.validation import Validation, ValidationConfig, validate, validation_set

CPU = torch.device("cpu")
CONFIG = ValidationConfig(samples=100, bins=4, batch=16)


def point(number: int, size: tuple[int, int]) -> Sample:
    """A sample whose normalised latents are 0: then x_t = t noise and the velocity is the noise."""
    shape = (16, size[1] // 8, size[0] // 8)
    target = (torch.full(shape, 0.1), torch.full(shape, -80.0))
    return changed(sample(number), size=size, target=target)


def identity(batch: SampleBatch, x_t: Tensor) -> Tensor:
    return x_t


def test_each_bucket_and_range_has_the_loss_of_the_closed_form() -> None:
    """A model that gives back x_t errs by (1 - t) noise, so a range [a, b] has the mean of (1 - t)^2 over it."""
    sizes = ((64, 64), (32, 96))
    samples = [point(number, sizes[number % 2]) for number in range(160)]
    found = validate(samples, identity, maker(), CONFIG, CPU)
    assert set(found.means) == {(size, place) for size in sizes for place in range(4)}
    for (_, place), mean in found.means.items():
        low, high = place / 4, (place + 1) / 4
        expected = ((1 - low) ** 3 - (1 - high) ** 3) / 3 / (high - low)
        assert mean == pytest.approx(expected, rel=0.08, abs=0.003)
    assert found.loss == pytest.approx(1 / 3, rel=0.03)


def test_the_same_question_is_asked_every_time_and_in_any_batch() -> None:
    samples = [*mixed(), sample(20, size=(32, 32))]
    ask = partial(predict, row_positions(transformer()))
    first = validate(samples, ask, maker(dropout=1.0), CONFIG, CPU)
    again = validate(samples[::-1], ask, maker(), ValidationConfig(bins=4, batch=1), CPU)
    assert first.loss == pytest.approx(again.loss, rel=1e-5)
    assert dict(first.means) == pytest.approx(dict(again.means), rel=1e-4)
    other = validate(samples, partial(predict, row_positions(transformer(seed=1))), maker(), CONFIG, CPU)
    assert other.loss != pytest.approx(first.loss, rel=1e-4)


def test_measuring_leaves_no_gradient_and_counts_no_weights() -> None:
    net = transformer()
    heavy = [changed(each, weight=100.0) for each in mixed()]
    ask = partial(predict, row_positions(net))
    assert validate(heavy, ask, maker(), CONFIG, CPU).loss == validate(mixed(), ask, maker(), CONFIG, CPU).loss
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_bucket_is_measured_on_its_first_samples_by_id() -> None:
    samples = [point(number, (16, 16)) for number in range(8)]
    few = validate(samples[::-1], identity, maker(), ValidationConfig(samples=3), CPU)
    assert few == validate(samples[:3], identity, maker(), CONFIG, CPU)


def test_the_numbers_are_named_by_bucket_and_bounds() -> None:
    found = Validation(0.5, {((64, 32), 0): 0.25, ((64, 32), 1): 0.75}, 2)
    assert found.scalars() == {
        "val/loss": 0.5,
        "val/64x32/t0.00-0.50": 0.25,
        "val/64x32/t0.50-1.00": 0.75,
        "val/64x32": 0.5,
    }


def test_what_is_held_out_is_measured_and_never_drawn() -> None:
    listed = Listed([changed(sample(1), id=f"{number * 2654435761 % 2**32:08x}" + "0" * 24) for number in range(400)])
    config = ValidationConfig(share=0.25)
    everything = {each.id for each in validation_set(listed, replace(config, samples=400))}
    assert len(everything) == pytest.approx(100, abs=15)
    assert [each.id for each in validation_set(listed, config)] == sorted(everything)[:64]
    mix = Mixture(listed, Curriculum(CurriculumConfig()), 0, 100, 1, held_out=config.share)
    drawn = {key for step in range(8) for key in mix.ids(step, 0)}
    assert drawn == {entry.id for entry in listed.entries()} - everything
    assert validation_set(listed, ValidationConfig()) == []


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(RequestError, match="no samples to validate on"):
        validate([], identity, maker(), CONFIG, CPU)
    with pytest.raises(ConfigError, match=r"validation\.share is 1\.0"):
        ValidationConfig(share=1.0)
    with pytest.raises(ConfigError, match=r"validation\.bins is 0"):
        ValidationConfig(bins=0)
