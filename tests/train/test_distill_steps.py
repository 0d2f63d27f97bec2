from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from toy_samples import maker, mixed, sample

from hanmo.engine.denoise import denoise
from hanmo.engine.modulation import Stream, modulation_tables, predictor, text_stream
from hanmo.errors import ConfigError, RequestError
from hanmo.flow import ScheduleConfig, fixed_shift
from hanmo.model.mmdit import MMDiT
from hanmo.producer.sample import Sample
from hanmo.sampler import euler_step, schedule
from hanmo.train.batches import SampleBatch
from hanmo.train.curriculum import CurriculumConfig, Plateau, Stage, Until, drawn
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.objectives.distill import check_guidance, chosen_rows, emptied, field_of, follow
from hanmo.train.objectives.distill_steps import StepsBatch, StepsConfig, StepsObjective, carried, mean_velocity
from hanmo.train.objectives.samples import SampleObjective
from hanmo.train.preview import PreviewConfig
from hanmo.train.randomness import generator_for
from hanmo.train.rows import row_positions
from hanmo.train.samples import EmptyPrompts, Listed
from hanmo.train.selection import Only, Weights
from tests.train.toy_teacher import Always, empty_states, random_transformer, with_empty

CPU = torch.device("cpu")
PLAN = fixed_shift(ScheduleConfig(), 3.0)


def _objective(
    teacher: MMDiT, student: MMDiT, samples: Sequence[Sample], config: StepsConfig, scale: float
) -> StepsObjective:
    given, empty = with_empty(samples)
    flow = SampleObjective(row_positions(student), Always(given), replace(maker(), empty=empty), 7, CPU)
    return StepsObjective(flow, row_positions(teacher), config, scale, fixed_shift(ScheduleConfig(), config.shift))


def _rows(made: SampleBatch, row: int) -> Tensor | None:
    """One row's own sources."""
    return chosen_rows(made, torch.tensor([row])).condition


def _streams(model: MMDiT, batch: SampleBatch, each: Sample, row: int) -> tuple[Stream, Stream]:
    """Of a row's prompt and of its empty prompt."""
    empty = empty_states(mixed())[each.id]
    positive, negative = (text_stream(model, h[None], None, batch.shapes[row]) for h in (each.hidden, empty))
    return positive, negative


@pytest.fixture
def teacher() -> MMDiT:
    return random_transformer(layers=4).eval().requires_grad_(False)


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
def test_a_student_that_is_its_teacher_has_nothing_to_learn(teacher: MMDiT, own: float) -> None:
    same = _objective(teacher, copy.deepcopy(teacher), mixed(), StepsConfig(fine=1, own=own), 1.0)
    assert float(same.loss(same.batch(0, 0), 0.0)["loss"]) < 1e-12  # with gradients layers round otherwise
    finer = replace(same, config=StepsConfig(fine=2, own=own))
    assert float(finer.loss(finer.batch(0, 0), 0.0)["loss"]) > 1e-6
    guided = replace(same, scale=2.0)
    assert float(guided.loss(guided.batch(0, 0), 0.0)["loss"]) > 1e-6


def test_the_teacher_is_guided_as_the_pipeline_guides(teacher: MMDiT) -> None:
    """Every row of a mixed batch has the guided velocity that the engine computes for its pictures alone."""
    samples, empty = with_empty(mixed())
    t = 0.6
    batch = maker().batch(samples, [torch.Generator().manual_seed(row) for row in range(5)])
    negative = emptied(batch, samples, empty)
    found = field_of(row_positions(teacher), batch, 2.5, negative)(batch.noise, torch.full((5,), t))
    plain = field_of(row_positions(teacher), batch)(batch.noise, torch.full((5,), t))
    alone = random_transformer(layers=4).requires_grad_(False)
    tables = modulation_tables(alone, torch.tensor([t]))
    for row, each in enumerate(samples):
        velocity = predictor(alone, tables, *_streams(alone, batch, each, row), 2.5, _rows(batch, row))
        wanted = velocity(batch.noise[row : row + 1], 0)
        torch.testing.assert_close(found[row : row + 1], wanted, atol=2e-5, rtol=1e-4)
        assert not torch.allclose(plain[row : row + 1], wanted, atol=1e-3)


def test_own_starts_are_where_the_pipelines_loop_comes_with_the_student(teacher: MMDiT) -> None:
    samples = mixed()
    batch = maker().batch(samples, [torch.Generator().manual_seed(row) for row in range(5)])
    levels = schedule(4, batch.noise.shape[1], PLAN)
    stop = torch.tensor([0, 2, 3, 1, 2])
    found = carried(row_positions(teacher), batch, batch.noise, levels, stop)
    alone = random_transformer(layers=4).requires_grad_(False)
    tables = modulation_tables(alone, levels)
    for row, steps in enumerate(stop.tolist()):
        noise = batch.noise[row : row + 1]
        stream, _ = _streams(alone, batch, samples[row], row)
        velocity = predictor(alone, tables, stream, None, 1.0, _rows(batch, row))
        wanted = denoise(noise, velocity, levels[: steps + 1]) if steps else noise
        torch.testing.assert_close(found[row : row + 1], wanted, atol=2e-5, rtol=1e-4)


def test_the_target_is_the_teachers_end_and_the_loss_its_distance(teacher: MMDiT) -> None:
    """The loss of a mixed batch, put together from the pipeline's own parts for one span, row by row."""
    student = random_transformer(layers=4, seed=1).requires_grad_(False)
    objective = _objective(teacher, student, mixed(), StepsConfig(fine=3, own=0.0), 2.0)
    made = objective.batch(0, 0)
    span = 2
    made = replace(made, span=torch.full((5,), span))
    flow = made.flow
    levels = schedule(4, flow.noise.shape[1], objective.plan)
    s, s_next = float(levels[span]), float(levels[span + 1])
    x = (1 - s) * flow.latents + s * flow.noise
    fine = torch.linspace(s, s_next, 4)
    ours = field_of(objective.flow.positions, flow)(x, torch.full((5,), s))
    alone = random_transformer(layers=4).requires_grad_(False)
    errors = []
    for row, each in enumerate(mixed()):
        streams = _streams(alone, flow, each, row)
        velocity = predictor(alone, modulation_tables(alone, fine), *streams, 2.0, _rows(flow, row))
        end = denoise(x[row : row + 1], velocity, fine)
        reached = euler_step(x[row : row + 1], ours[row : row + 1], s, s_next)
        errors.append(float(((reached - end) / (s_next - s)).square().mean()))
    losses = objective.loss(made, 0.0)
    weighted = sum(each.weight * error for each, error in zip(mixed(), errors, strict=True)) / 5
    assert float(losses["loss"]) == pytest.approx(weighted, rel=1e-3)
    assert float(losses["span_2"]) == pytest.approx(sum(errors) / 5, rel=1e-3)
    assert float(losses["span_0"]) == 0.0


def test_a_batch_of_mixed_layouts_is_the_mean_of_its_rows_alone(teacher: MMDiT) -> None:
    student = random_transformer(layers=4, seed=1).requires_grad_(False)
    objective = _objective(teacher, student, mixed(), StepsConfig(own=0.5), 2.0)
    batch = objective.batch(2, 1)
    batch = replace(batch, own=torch.tensor([True, True, False, True, False]), span=torch.tensor([1, 3, 2, 0, 3]))
    samples, empty = with_empty(mixed())
    total = 0.0
    for row, each in enumerate(samples):
        flow = objective.flow.maker.batch([each], [generator_for(7, 1, 2, 1, row)])
        place = slice(row, row + 1)
        alone = StepsBatch(flow, emptied(flow, [each], empty), batch.span[place], batch.own[place])
        total += float(objective.loss(alone, 0.0)["loss"]) / 5
    assert float(objective.loss(batch, 0.0)["loss"]) == pytest.approx(total, rel=1e-4)


def test_a_few_steps_lower_the_loss_and_move_the_student_alone(teacher: MMDiT) -> None:
    student = copy.deepcopy(teacher).requires_grad_(True)
    objective = _objective(teacher, student, mixed(), StepsConfig(), 3.0)
    before = copy.deepcopy(teacher.state_dict())
    optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)
    batch = objective.batch(0, 0)
    batch = replace(batch, own=torch.zeros_like(batch.own))
    losses: list[float] = []
    for _ in range(30):
        optimizer.zero_grad()
        loss: Tensor = objective.loss(batch, 0.0)["loss"]
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


def test_batches_are_a_function_of_their_numbers(teacher: MMDiT) -> None:
    objective = _objective(teacher, teacher, mixed(), StepsConfig(), 2.0)
    first, other, again = (objective.batch(step, 0) for step in (3, 4, 3))
    assert torch.equal(first.span, again.span)
    assert torch.equal(first.own, again.own)
    assert torch.equal(first.flow.noise, again.flow.noise)
    assert not torch.equal(first.flow.noise, other.flow.noise)
    assert replace(objective, scale=1.0).batch(3, 0).negative is None, "one pass needs no empty prompt"


def test_guidance_without_an_empty_prompt_is_refused_before_the_first_step_where_it_would_be_drawn() -> None:
    samples = mixed()
    entries, text = Listed(samples).entries(), EmptyPrompts(maker().empty.text)
    everything = CurriculumConfig()
    with pytest.raises(ConfigError, match=r"scale 4\), but sample 0+2 \(ti2i\) has no empty prompt"):
        check_guidance(drawn(everything, entries), text, 4.0)
    check_guidance(drawn(everything, entries), text, 1.0)
    for stage in (Stage("text", Only(tasks=("t2i",))), Stage("text", weights=Weights(tasks={"t2i": 1.0}))):
        found = list(drawn(CurriculumConfig((stage,)), entries))
        assert [entry.task for entry in found] == ["t2i", "t2i"]
        check_guidance(found, text, 4.0)
    with pytest.raises(ConfigError, match=r"\(t2i\) has no empty prompt"):
        check_guidance(found, EmptyPrompts(), 4.0)
    batch = maker().batch(samples, [torch.Generator() for _ in samples])
    with pytest.raises(RequestError, match="no empty prompt was encoded"):
        emptied(batch, samples, text)


def test_rows_that_are_chosen_keep_no_more_sources_than_they_have() -> None:
    batch = maker().batch(mixed(), [torch.Generator() for _ in range(5)])
    assert chosen_rows(batch, torch.tensor([0, 4])).condition is None
    some = chosen_rows(batch, torch.tensor([1, 3]))
    assert some.condition is not None
    assert some.condition.shape[:2] == (2, 8)
    assert some.ids == (sample(2).id, sample(4).id)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"fine": 0}, {"shift": 0.0}, {"cfg_scale": 0.5}, {"own": 1.5}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"steps\.{next(iter(wrong))}"):
        StepsConfig(**wrong)  # type: ignore[arg-type]


def test_previews_that_would_not_show_the_student_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"preview\.steps is 12"):
        DistillRecipe(preview=PreviewConfig(steps=12))


def test_a_stage_that_waits_for_a_plateau_is_refused() -> None:
    stages = (Stage("first", until=Until(plateau=Plateau())), Stage("second"))
    with pytest.raises(ConfigError, match=r"stages\.first\.until\.plateau waits for a validation loss"):
        DistillRecipe(curriculum=CurriculumConfig(stages))
