from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor
from toy_samples import maker, mixed, sample

from hanmo.errors import ConfigError
from hanmo.flow import interpolate, velocity
from hanmo.model.mmdit import MMDiT
from hanmo.producer.sample import Sample
from hanmo.train.objectives.distill import field_of
from hanmo.train.objectives.distill_depth import DepthConfig, DepthObjective, difference, image_mask, streams
from hanmo.train.objectives.samples import SampleObjective
from hanmo.train.prune import prune
from hanmo.train.randomness import generator_for
from hanmo.train.rows import row_positions
from tests.train.toy_teacher import Always, random_transformer

CPU = torch.device("cpu")


def _objective(teacher: MMDiT, samples: Sequence[Sample], kept: tuple[int, ...], config: DepthConfig) -> DepthObjective:
    student = copy.deepcopy(prune(teacher, kept))
    flow = SampleObjective(row_positions(student), Always(samples), maker(), 7, CPU)
    return DepthObjective(flow, row_positions(teacher), kept, config)


@pytest.fixture
def teacher() -> MMDiT:
    return random_transformer(layers=4).eval().requires_grad_(False)


def _values(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {key: float(value.detach()) for key, value in losses.items()}


def test_a_student_that_is_its_teacher_has_nothing_to_learn(teacher: MMDiT) -> None:
    objective = _objective(teacher, mixed(), (0, 1, 2, 3), DepthConfig(data=0.0))
    losses = _values(objective.loss(objective.batch(0, 0), 0.0))
    assert set(losses) == {"loss", "velocity", "features"}
    assert all(value < 1e-12 for value in losses.values())  # with gradients layers round otherwise


def test_the_parts_are_what_they_are_called(teacher: MMDiT) -> None:
    """Also that a row counts as often as its weight says."""
    objective = _objective(teacher, mixed(), (0, 3), DepthConfig(velocity=1.0, features=0.5, data=0.25))
    batch = objective.batch(0, 0)
    losses = _values(objective.loss(batch, 0.0))
    x = interpolate(batch.latents, batch.noise, batch.t)
    with torch.no_grad():
        taught_v = field_of(objective.teacher, batch)(x, batch.t)
        made = field_of(objective.flow.positions, batch)(x, batch.t)
    weights = batch.weights[:, None, None]
    assert batch.weights.tolist() == [1.0, 2.0, 1.0, 0.5, 1.0]
    assert losses["velocity"] == pytest.approx(float((weights * (made - taught_v).square()).mean()), rel=1e-5)
    true = velocity(batch.latents, batch.noise)
    assert losses["data"] == pytest.approx(float((weights * (made - true).square()).mean()), rel=1e-5)
    total = losses["velocity"] + 0.5 * losses["features"] + 0.25 * losses["data"]
    assert losses["loss"] == pytest.approx(total, rel=1e-5)


def test_features_are_compared_before_the_blocks_that_match(teacher: MMDiT) -> None:
    """Block 1 of a student of blocks 0 and 3 is held to what the teacher's block 3 is given, not its block 1."""
    samples = [sample(number) for number in range(1, 4)]
    objective = _objective(teacher, samples, (0, 3), DepthConfig(velocity=0.0, data=0.0, features=1.0))
    batch = objective.batch(0, 0)
    student = objective.flow.positions
    x = interpolate(batch.latents, batch.noise, batch.t)
    with torch.no_grad(), streams(teacher, range(4)) as theirs, streams(student.transformer, range(2)) as ours:
        field_of(objective.teacher, batch)(x, batch.t)
        field_of(student, batch)(x, batch.t)
    assert batch.mask is None
    assert image_mask(batch) is None
    assert float(difference(ours[0], theirs[0], None, None).max()) == 0.0
    assert float(difference(ours[1], theirs[1], None, None).max()) == 0.0, "both come from block 0"
    far = difference(ours[1], theirs[3], None, None).mean()
    assert float(far) > 1e-4
    assert _values(objective.loss(batch, 0.0))["features"] == pytest.approx(float(far) / 2, rel=1e-5)
    assert not teacher.transformer_blocks[0]._forward_pre_hooks


def test_padding_of_text_and_of_sources_is_not_learned() -> None:
    image, text = torch.ones(1, 2, 4), torch.ones(1, 3, 4)
    mask = torch.tensor([[True, True, False]])
    padded = text.clone()
    padded[:, 2] = 9.0
    assert float(difference((image, padded), (image, text), None, mask)) == 0.0
    assert float(difference((image, padded), (image, text), None, None)) > 0.0
    assert float(difference((padded, image), (text, image), mask, None)) == 0.0
    doubled = difference((3 * image, text), (image, text), None, mask)
    assert float(doubled) == pytest.approx(4.0), "squared error over the teacher's mean square"


def test_the_image_streams_padding_lies_behind_each_rows_own_sources() -> None:
    batch = maker().batch(mixed(), [torch.Generator() for _ in range(5)])
    mask = image_mask(batch)
    assert mask is not None
    assert mask.shape == (5, 8 + 22), "a target of 4 x 2 tokens; the longest row has sources of 2 x 2 and 6 x 3"
    assert mask.sum(1).tolist() == [8, 8 + 8, 8 + 22, 8 + 8, 8]


def test_a_batch_of_mixed_layouts_is_the_mean_of_its_rows_alone(teacher: MMDiT) -> None:
    samples = mixed()
    objective = _objective(teacher, samples, (0, 2), DepthConfig(features=1.0))
    together = _values(objective.loss(objective.batch(3, 1), 0.0))
    alone: dict[str, float] = {}
    for row, each in enumerate(samples):
        batch = objective.flow.maker.batch([each], [generator_for(7, 1, 3, 1, row)])
        for key, value in _values(objective.loss(batch, 0.0)).items():
            alone[key] = alone.get(key, 0.0) + value / len(samples)
    assert together == pytest.approx(alone, rel=1e-4)


def test_a_few_steps_lower_the_loss_and_move_the_student_alone(teacher: MMDiT) -> None:
    objective = _objective(teacher, mixed(), (0, 2), DepthConfig(data=0.0))
    student = objective.flow.positions.transformer.train().requires_grad_(True)
    before = copy.deepcopy(teacher.state_dict())
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3)
    batch = objective.batch(0, 0)
    losses: list[float] = []
    for _ in range(12):
        optimizer.zero_grad()
        found = objective.loss(batch, 0.0)
        loss: Tensor = found["loss"]
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(found["velocity"].detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"keep": 0}, r"depth\.keep"),
        ({"samples": 0}, r"depth\.samples"),
        ({"features": -1.0}, r"depth\.features"),
        ({"velocity": 0.0, "features": 0.0, "data": 0.0}, "would not learn"),
        ({"keep": 2, "blocks": (0, 1, 2)}, "give one of them"),
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DepthConfig(**wrong)  # type: ignore[arg-type]
