from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hanmo.engine.denoise import denoise
from hanmo.engine.modulation import Stream, modulation_tables, predictor, text_stream
from hanmo.errors import ConfigError
from hanmo.flow import fixed_shift
from hanmo.model.mmdit import MMDiT
from hanmo.sampler import euler_step, schedule
from hanmo.train.data import FlowBatch, FlowData
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.model import Model
from hanmo.train.objectives.distill import Told, field_of, follow, negative_ids, tell
from hanmo.train.objectives.distill_steps import StepsConfig, StepsObjective, carried, mean_velocity
from hanmo.train.preview import PreviewConfig
from hanmo.train.recipe import FlowRecipe
from tests.train.toy_teacher import another, taught

pytestmark = pytest.mark.slow
"""The bundled model learns: a minute in all."""

Make = Callable[..., FlowRecipe]
CPU = torch.device("cpu")


def _objective(model: Model, data: FlowData, student: MMDiT, config: StepsConfig, scale: float) -> StepsObjective:
    plan = fixed_shift(model.schedule, config.shift)
    return StepsObjective(student, model.transformer, model.encoder, data, config, scale, plan, 3.0, CPU)


def _streams(model: Model, batch: FlowBatch, negative: bool) -> Stream:
    ids = [[*ids] for ids in (negative_ids(model.encoder, batch) if negative else batch.ids)]
    states = model.encoder.encode_ids(ids, batch.patches, batch.kind)
    return text_stream(model.transformer, states.states, states.mask, batch.shapes)


def test_one_step_of_the_mean_velocity_ends_where_the_fine_steps_end() -> None:
    """On v = a x, K even Euler steps over a span d multiply x by (1 + a d / K)^K."""
    x = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    start, stop = torch.tensor([1.0, 0.75, 0.5]), torch.tensor([0.75, 0.5, 0.0])
    for a, fine in ((-1.5, 1), (-1.5, 4), (0.7, 3)):
        v = mean_velocity(lambda x, t, a=a: a * x, x, start, stop, fine)
        for row in range(3):
            factor = (1 + a * float(stop[row] - start[row]) / fine) ** fine
            reached = euler_step(x[row : row + 1], v[row : row + 1], float(start[row]), float(stop[row]))
            torch.testing.assert_close(reached, factor * x[row : row + 1])


def test_each_sample_follows_its_own_times() -> None:
    """On v = t, Euler's steps add t_k (t_{k+1} - t_k), whatever the neighbours do."""
    times = torch.tensor([[1.0, 0.6, 0.0], [0.5, 0.2, 0.1]])
    end = follow(lambda x, t: t[:, None, None].expand_as(x), torch.zeros(2, 1, 1), times)
    torch.testing.assert_close(end.flatten(), torch.tensor([-0.4 - 0.36, -0.15 - 0.02]))


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_a_student_that_is_its_teacher_has_nothing_to_learn(flow_recipe: Make, tmp_path: Path, own: float) -> None:
    model, data = taught(flow_recipe, tmp_path, 0.5)
    student = copy.deepcopy(model.transformer).requires_grad_(False)
    same = _objective(model, data, student, StepsConfig(fine=1, own=own), 1.0)
    assert float(same.loss(same.batch(0, 0), 0.0)["loss"]) < 1e-12  # with gradients layers round otherwise
    finer = replace(same, config=StepsConfig(fine=2, own=own))
    assert float(finer.loss(finer.batch(0, 0), 0.0)["loss"]) > 1e-6
    guided = replace(same, scale=2.0)
    assert float(guided.loss(guided.batch(0, 0), 0.0)["loss"]) > 1e-6


@pytest.mark.parametrize("edits", [0.0, 1.0])
def test_the_teacher_is_guided_as_the_pipeline_guides(flow_recipe: Make, tmp_path: Path, edits: float) -> None:
    model, data = taught(flow_recipe, tmp_path, edits)
    batch = data.batch(0, 0)
    t = 0.6
    tables = modulation_tables(model.transformer, torch.tensor([t]))
    streams = (_streams(model, batch, negative=False), _streams(model, batch, negative=True))
    wanted = predictor(model.transformer, tables, *streams, 2.5, batch.condition)(batch.noise, 0)
    told = tell(model.encoder, batch, CPU, negative_ids(data.encoder, batch))
    found = field_of(model.transformer, told, 2.5)(batch.noise, torch.full((4,), t))
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)
    plain = field_of(model.transformer, told)(batch.noise, torch.full((4,), t))
    assert not torch.allclose(plain, wanted, atol=1e-3)


def test_own_starts_are_where_the_pipelines_loop_comes_with_the_student(flow_recipe: Make, tmp_path: Path) -> None:
    model, data = taught(flow_recipe, tmp_path, 1.0)
    batch = data.batch(0, 0)
    levels = schedule(4, batch.noise.shape[1], fixed_shift(model.schedule, 3.0))
    told = tell(model.encoder, batch, CPU)
    stop = torch.tensor([0, 2, 3, 1])
    found = carried(model.transformer, told, batch.noise, levels, stop)
    stream = _streams(model, batch, negative=False)
    velocity = predictor(
        model.transformer, modulation_tables(model.transformer, levels), stream, None, 1.0, batch.condition
    )
    for row, steps in enumerate(stop.tolist()):
        wanted = denoise(batch.noise, velocity, levels[: steps + 1]) if steps else batch.noise
        torch.testing.assert_close(found[row], wanted[row], atol=2e-5, rtol=1e-4)


def test_the_target_is_the_teachers_end_and_the_loss_its_distance(flow_recipe: Make, tmp_path: Path) -> None:
    """The loss of a batch, put together from the pipeline's own parts for one span."""
    model, data = taught(flow_recipe, tmp_path, 0.0)
    student = another(model.transformer).requires_grad_(False)
    objective = _objective(model, data, student, StepsConfig(fine=3, own=0.0), 2.0)
    batch = objective.batch(0, 0)
    span = 2
    batch = replace(
        batch, span=torch.full((4,), span), flow=replace(batch.flow, glyphs=torch.zeros_like(batch.flow.glyphs))
    )
    levels = schedule(4, batch.flow.noise.shape[1], objective.plan)
    s, s_next = float(levels[span]), float(levels[span + 1])
    x = (1 - s) * batch.flow.latents + s * batch.flow.noise
    fine = torch.linspace(s, s_next, 4)
    streams = (_streams(model, batch.flow, negative=False), _streams(model, batch.flow, negative=True))
    end = denoise(x, predictor(model.transformer, modulation_tables(model.transformer, fine), *streams, 2.0), fine)
    told = Told(model.encoder.encode_ids(batch.flow.ids), None, None, batch.flow.shapes)
    reached = euler_step(x, field_of(student, told)(x, torch.full((4,), s)), s, s_next)
    wanted = ((reached - end) / (s_next - s)).square().mean()
    losses = objective.loss(batch, 0.0)
    torch.testing.assert_close(losses["loss"], wanted, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(losses["span_2"], wanted, atol=1e-5, rtol=1e-3)
    assert float(losses["span_0"]) == 0.0


def test_a_few_steps_lower_the_loss_and_move_the_student_alone(flow_recipe: Make, tmp_path: Path) -> None:
    model, data = taught(flow_recipe, tmp_path, 0.0)
    student = copy.deepcopy(model.transformer).requires_grad_(True)
    objective = _objective(model, data, student, StepsConfig(), 3.0)
    before = copy.deepcopy(model.transformer.state_dict())
    optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)
    batch = objective.batch(0, 0)
    batch = replace(batch, own=torch.zeros_like(batch.own))
    losses: list[float] = []
    for _ in range(12):
        optimizer.zero_grad()
        loss: Tensor = objective.loss(batch, 0.0)["loss"]
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(value, before[key]) for key, value in model.transformer.state_dict().items())


def test_batches_are_a_function_of_their_numbers(flow_recipe: Make, tmp_path: Path) -> None:
    model, data = taught(flow_recipe, tmp_path, 0.0)
    objective = _objective(model, data, model.transformer, StepsConfig(), 2.0)
    first, other, again = (objective.batch(step, 0) for step in (3, 4, 3))
    assert torch.equal(first.span, again.span)
    assert torch.equal(first.own, again.own)
    assert not torch.equal(first.flow.noise, other.flow.noise)
    assert first.negative == again.negative


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"fine": 0}, {"shift": 0.0}, {"cfg_scale": 0.5}, {"own": 1.5}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"steps\.{next(iter(wrong))}"):
        StepsConfig(**wrong)  # type: ignore[arg-type]


def test_previews_that_would_not_show_the_student_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"preview\.steps is 12"):
        DistillRecipe(preview=PreviewConfig(steps=12))
