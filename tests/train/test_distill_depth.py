from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.flow import interpolate, velocity
from hanmo.model.mmdit import MMDiT
from hanmo.train.data import FlowData
from hanmo.train.model import Model
from hanmo.train.objectives.distill import field_of, tell
from hanmo.train.objectives.distill_depth import DepthConfig, DepthObjective, difference, streams
from hanmo.train.prune import prune
from hanmo.train.recipe import FlowRecipe
from tests.train.toy_teacher import taught

pytestmark = pytest.mark.slow
"""The bundled model learns: a minute in all."""

Make = Callable[..., FlowRecipe]
CPU = torch.device("cpu")


def _objective(
    model: Model, data: FlowData, student: MMDiT, kept: tuple[int, ...], config: DepthConfig
) -> DepthObjective:
    return DepthObjective(student, model.transformer, kept, model.encoder, data, config, 3.0, CPU)


def _values(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {key: float(value.detach()) for key, value in losses.items()}


@pytest.mark.parametrize("edits", [0.0, 1.0])
def test_a_student_that_is_its_teacher_has_nothing_to_learn(flow_recipe: Make, tmp_path: Path, edits: float) -> None:
    model, data = taught(flow_recipe, tmp_path, edits)
    kept = (0, 1, 2, 3)
    objective = _objective(model, data, prune(model.transformer, kept), kept, DepthConfig(data=0.0))
    losses = _values(objective.loss(objective.batch(0, 0), 0.0))
    assert set(losses) == {"loss", "velocity", "features"}
    assert all(value < 1e-12 for value in losses.values())  # with gradients layers round otherwise


def test_the_parts_are_what_they_are_called(flow_recipe: Make, tmp_path: Path) -> None:
    model, data = taught(flow_recipe, tmp_path, 0.0)
    kept = (0, 3)
    student = prune(model.transformer, kept)
    weights = DepthConfig(velocity=1.0, features=0.5, data=0.25)
    objective = replace(_objective(model, data, student, kept, weights), glyphs=1.0)
    batch = objective.batch(0, 0)
    losses = _values(objective.loss(batch, 0.0))
    told = tell(model.encoder, batch, CPU)
    x = interpolate(batch.latents, batch.noise, batch.t)
    with torch.no_grad():
        taught_v, made = field_of(model.transformer, told)(x, batch.t), field_of(student, told)(x, batch.t)
    assert losses["velocity"] == pytest.approx(float((made - taught_v).square().mean()), rel=1e-5)
    true = velocity(batch.latents, batch.noise)
    assert losses["data"] == pytest.approx(float((made - true).square().mean()), rel=1e-5)
    total = losses["velocity"] + 0.5 * losses["features"] + 0.25 * losses["data"]
    assert losses["loss"] == pytest.approx(total, rel=1e-5)


def test_features_are_compared_before_the_blocks_that_match(flow_recipe: Make, tmp_path: Path) -> None:
    """Block 1 of a student of blocks 0 and 3 is held to what the teacher's block 3 is given, not its block 1."""
    model, data = taught(flow_recipe, tmp_path, 0.0)
    kept = (0, 3)
    student = prune(model.transformer, kept)
    objective = _objective(model, data, student, kept, DepthConfig(velocity=0.0, data=0.0, features=1.0))
    batch = objective.batch(0, 0)
    told = tell(model.encoder, batch, CPU)
    x = interpolate(batch.latents, batch.noise, batch.t)
    with torch.no_grad(), streams(model.transformer, range(4)) as theirs, streams(student, range(2)) as ours:
        field_of(model.transformer, told)(x, batch.t)
        field_of(student, told)(x, batch.t)
    mask = told.text.mask
    assert float(difference(ours[0], theirs[0], mask)) == 0.0
    assert float(difference(ours[1], theirs[1], mask)) == 0.0, "both come from block 0"
    far = difference(ours[1], theirs[3], mask)
    assert float(far) > 1e-4
    assert _values(objective.loss(batch, 0.0))["features"] == pytest.approx(float(far) / 2, rel=1e-5)
    assert not model.transformer.transformer_blocks[0]._forward_pre_hooks


def test_padding_of_the_text_is_not_learned() -> None:
    image, text = torch.ones(1, 2, 4), torch.ones(1, 3, 4)
    mask = torch.tensor([[True, True, False]])
    padded = text.clone()
    padded[:, 2] = 9.0
    assert float(difference((image, padded), (image, text), mask)) == 0.0
    assert float(difference((image, padded), (image, text), None)) > 0.0
    doubled = difference((3 * image, text), (image, text), mask)
    assert float(doubled) == pytest.approx(4.0), "squared error over the teacher's mean square"


def test_a_few_steps_lower_the_loss_and_move_the_student_alone(flow_recipe: Make, tmp_path: Path) -> None:
    model, data = taught(flow_recipe, tmp_path, 0.5)
    kept = (0, 2)
    student = copy.deepcopy(prune(model.transformer, kept)).train().requires_grad_(True)
    objective = _objective(model, data, student, kept, DepthConfig(data=0.0))
    before = copy.deepcopy(model.transformer.state_dict())
    optimizer = torch.optim.AdamW(student.parameters(), lr=3e-4)
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
    assert all(torch.equal(value, before[key]) for key, value in model.transformer.state_dict().items())


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
