from __future__ import annotations

import contextlib
import copy
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sharded_samples
import torch
import torch.nn.functional as F
from torch import Tensor
from toy_samples import changed, generators, maker, mixed, sample, transformer

from hanmo.engine.modulation import modulation_tables, predictor, text_stream
from hanmo.flow import interpolate
from hanmo.producer.sample import Sample
from hanmo.train import loop
from hanmo.train.attention import plain_attention
from hanmo.train.batches import SampleBatch
from hanmo.train.checkpoint import Parts
from hanmo.train.curriculum import NOTICE, Curriculum, CurriculumConfig, Plateau, Stage, Until, events
from hanmo.train.data import DataConfig
from hanmo.train.flow_run import begin, data_of
from hanmo.train.mixture import Mixture
from hanmo.train.objectives.flow_matching import FlowLoss, FlowObjective
from hanmo.train.objectives.samples import SampleObjective, predict, row_errors
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.randomness import generator_for
from hanmo.train.recipe import FlowRecipe
from hanmo.train.rows import RowAttention, row_positions
from hanmo.train.samples import Listed
from hanmo.train.selection import Only

CPU = torch.device("cpu")


class Always:
    """The same samples at every step."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.given = samples

    def samples(self, step: int, part: int) -> Sequence[Sample]:
        return self.given


def objective(samples: Sequence[Sample], zero_cond_t: bool = False) -> SampleObjective:
    return SampleObjective(row_positions(transformer(zero_cond_t=zero_cond_t)), Always(samples), maker(), 7, CPU)


def gradients(whole: SampleObjective) -> list[Tensor]:
    return [p.grad.clone() for p in whole.positions.transformer.parameters() if p.grad is not None]


@pytest.mark.parametrize("zero_cond_t", [False, True])
def test_a_batch_of_mixed_layouts_is_the_mean_of_its_rows_alone(zero_cond_t: bool) -> None:
    samples = mixed()
    whole = objective(samples, zero_cond_t)
    batch = whole.batch(3, 1)
    whole.loss(batch, 0.0)["loss"].backward()
    together = gradients(whole)
    whole.positions.transformer.zero_grad()
    total = 0.0
    for row, each in enumerate(samples):
        alone = whole.maker.batch([each], [generator_for(7, 1, 3, 1, row)])
        loss = whole.loss(alone, 0.0)["loss"] / len(samples)
        loss.backward()
        total += float(loss.detach())
    torch.testing.assert_close(whole.loss(batch, 0.0)["loss"], torch.tensor(total), rtol=1e-5, atol=1e-6)
    for one, other in zip(together, gradients(whole), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_every_row_sees_what_the_pipeline_would_show_it() -> None:
    """The velocity of a row of a mixed batch is that of the engine's own loop for this row's pictures."""
    whole = objective(mixed())
    batch = whole.batch(0, 0)
    x_t = interpolate(batch.latents, batch.noise, batch.t)
    plain = transformer()
    with torch.no_grad():
        made = predict(whole.positions, batch, x_t)
        for row, each in enumerate(mixed()):
            alone = maker().batch([each], [torch.Generator()])
            stream = text_stream(plain, each.hidden[None], None, batch.shapes[row])
            tables = modulation_tables(plain, batch.t[row : row + 1])
            velocity = predictor(plain, tables, stream, pictures=alone.condition)
            torch.testing.assert_close(made[row : row + 1], velocity(x_t[row : row + 1], 0), rtol=1e-4, atol=1e-5)


def test_whoever_calls_the_transformer_after_a_mixed_batch_finds_it_as_it_was_once_the_batch_is_forgotten() -> None:
    whole, plain = objective(mixed()), transformer()
    batch = whole.batch(0, 0)
    x_t = interpolate(batch.latents, batch.noise, batch.t)[:1]
    told = (x_t, mixed()[0].hidden[None], None, batch.t[:1], batch.shapes[0], x_t.shape[1])
    with torch.no_grad():
        predict(whole.positions, batch, interpolate(batch.latents, batch.noise, batch.t))
        whole.positions.forget()
        assert torch.equal(whole.positions.transformer(*told), plain(*told))


def test_sources_and_their_order_matter() -> None:
    edit = mixed()[2]
    turned = changed(edit, sources=edit.sources[::-1])
    both = objective([edit, turned])
    batch = maker().batch([edit, turned], [torch.Generator().manual_seed(1) for _ in range(2)])
    first, second = row_errors(both.positions, batch, CPU).detach().tolist()
    assert first != pytest.approx(second, rel=1e-6)


def test_the_loss_of_a_silent_model_is_the_closed_form() -> None:
    """With a velocity of zero, a row's loss is |noise - x0|^2, counted as often as its weight says."""
    samples = mixed()
    silent = objective(samples)
    last = silent.positions.transformer.proj_out
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    errors = []
    for row, each in enumerate(samples):
        generator = generator_for(7, 1, 5, 0, row)
        torch.rand(1, generator=generator)  # whether the caption is dropped
        torch.randn(1, generator=generator)  # the time
        noise, own = (torch.randn(16, 4, 8, generator=generator) for _ in range(2))
        x0 = (each.target[0] + (0.5 * each.target[1]).exp() * own - 0.1) / 0.8
        errors.append(float((noise - x0).square().mean()))
    losses = silent.loss(silent.batch(5, 0), 0.0)
    weighted = sum(each.weight * error for each, error in zip(samples, errors, strict=True))
    assert float(losses["loss"].detach()) == pytest.approx(weighted / 5, rel=1e-5)
    assert float(losses["flow"]) == pytest.approx(sum(errors) / 5, rel=1e-5)


@pytest.mark.parametrize("edits", [0.0, 1.0])
def test_the_loss_equals_that_of_the_loop_over_cards(
    flow_recipe: Callable[..., FlowRecipe], tmp_path: Path, edits: float
) -> None:
    recipe = flow_recipe(data=DataConfig(cards=8, pairs=4, edits=edits, dropout=0.0))
    model = begin(recipe, tmp_path)
    data = data_of(recipe, model, tmp_path)
    cards = data.batch(0, 0)
    with torch.no_grad():
        known = FlowObjective(model.transformer, model.encoder, None, data, FlowLoss(1.0), recipe.auxiliary, CPU)
        expected = known.loss(cards, 1.0)["flow"]
        text = model.encoder.encode_ids(cards.ids, cards.patches, cards.kind)
        width, height = recipe.cards.width, recipe.cards.height
        rows = len(cards.latents)
        batch = SampleBatch(
            ids=("",) * rows,
            tasks=("t2i",) * rows,
            size=(width, height),
            states=text.states,
            mask=text.mask,
            latents=cards.latents,
            condition=cards.condition,
            shapes=(cards.shapes,) * rows,
            noise=cards.noise,
            t=cards.t,
            weights=torch.ones(rows),
        )
        found = SampleObjective(row_positions(model.transformer), Always([]), maker(), 0, CPU).loss(batch, 1.0)
    torch.testing.assert_close(found["loss"], expected, rtol=1e-6, atol=1e-7)


def test_a_batch_is_a_function_of_seed_step_and_part() -> None:
    one = objective(mixed())
    again, later = one.batch(2, 1), one.batch(2, 2)
    assert torch.equal(one.batch(2, 1).latents, again.latents)
    assert torch.equal(one.batch(2, 1).t, again.t)
    assert not torch.equal(later.noise, again.noise)
    assert not torch.equal(replace(one, seed=8).batch(2, 1).noise, again.noise)


def _run(folder: Path, start: int, stop: int, state: State | None = None) -> tuple[list[float], State]:
    """Steps of the loop over three stages; the state is what a snapshot would hold after the last one."""
    samples = [*mixed(), *(sample(number, size=(32, 32), source="drawn") for number in range(20, 26))]
    stages = (
        Stage("first", Only(sizes=((64, 32),)), until=Until(plateau=Plateau(1, 0.99, 1))),  # the second loss ends it
        Stage("large", Only(sizes=((64, 32),)), until=Until(2), batch=2),
        Stage("all"),
    )
    curriculum = Curriculum(CurriculumConfig(stages))
    mix = Mixture(Listed(samples), curriculum, 7, 3, 2)
    learns = SampleObjective(row_positions(transformer()), mix, maker(dropout=0.3), 7, CPU)
    modules = {"transformer": learns.positions.transformer}
    config = OptimConfig(lr=3e-3, warmup=0, schedule="constant")
    ema = EMA(modules, 0.9)
    optimizers = build(modules, config)
    if state is not None:
        curriculum.load_state_dict(state["curriculum"])
        modules["transformer"].load_state_dict(state["weights"])
        for optimizer, own in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
    losses: list[float] = []
    kept: State = {}

    def after(report: loop.Report) -> None:
        losses.append(report.losses["loss"])
        curriculum.measured(report.step, report.losses["flow"])
        if report.step == stop:
            kept.update(
                curriculum=curriculum.state_dict(),
                weights=copy.deepcopy(modules["transformer"].state_dict()),
                optimizers=[copy.deepcopy(optimizer.state_dict()) for optimizer in optimizers],
            )

    plan = loop.Plan(12, 3, 2, config, False, CPU, folder)
    with contextlib.suppress(_Killed):
        loop.run(learns, Parts(modules, optimizers, ema), ema, plan, start, killed_after(stop, after))
    assert [event.step for event in events(curriculum.config, curriculum.progress)][:2] in ([0], [0, 2 + NOTICE])
    return losses, kept


class _Killed(Exception):  # noqa: N818 - nothing went wrong
    """The run ends here, with batches made ahead."""


def killed_after(stop: int, after: Callable[[loop.Report], None]) -> Callable[[loop.Report], None]:
    def then(report: loop.Report) -> None:
        after(report)
        if report.step == stop:
            raise _Killed

    return then


def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(tmp_path: Path) -> None:
    """Over a plateau, a limit and smaller batches, killed before and after the plateau was found."""
    whole, _ = _run(tmp_path, 0, 12)
    assert len(whole) == 12
    for cut in (1, 4):
        first, state = _run(tmp_path, 0, cut)
        second, _ = _run(tmp_path, cut, 12, state)
        assert first + second == whole


@pytest.mark.slow
def test_sharded_processes_whose_batches_differ_in_layout_make_the_same_calls(tmp_path: Path) -> None:
    """FSDP over two processes, one with mixed sources and one with none: a call more or less would hang or fail."""
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    script = Path(sharded_samples.__file__)
    workers = [
        subprocess.Popen([sys.executable, str(script), str(rank), str(tmp_path)], env=environment) for rank in range(2)
    ]
    try:
        assert [worker.wait(timeout=150) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
    found = torch.load(tmp_path / "gradients.pt", weights_only=True)
    one = SampleObjective(row_positions(transformer()), Always([]), maker(), 7, CPU)
    for rank in range(2):
        (one.loss(sharded_samples.batch_of(rank), 0.0)["loss"] / 2).backward()
    for name, parameter in one.positions.transformer.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-5)


def test_wrapping_an_attention_twice_changes_nothing_and_keeps_what_was_there() -> None:
    net = transformer()
    block = net.transformer_blocks[0]
    block.attn.attend = plain_attention  # type: ignore[union-attr, assignment]
    first = row_positions(net)
    assert row_positions(net) == first
    assert isinstance(first.wrapped[0], RowAttention)
    assert first.wrapped[0].attend is plain_attention
    errors = SampleObjective(first, Always(mixed()), maker(), 7, CPU)
    batch = errors.batch(0, 0)
    torch.testing.assert_close(
        row_errors(first, batch, CPU), row_errors(row_positions(transformer()), batch, CPU), rtol=1e-4, atol=1e-5
    )


def test_recomputed_activations_see_the_positions_of_their_own_batch() -> None:
    plain, kept = objective(mixed()), objective(mixed())
    kept.positions.transformer.checkpointing = True
    for each in (plain, kept):
        each.loss(each.batch(0, 0), 0.0)["loss"].backward()
    for one, other in zip(gradients(plain), gradients(kept), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_rows_of_one_layout_take_the_models_own_path() -> None:
    same = [sample(number, "ti2i", sources=((32, 32),), length=4) for number in range(3)]
    one = objective(same)
    batch = one.batch(0, 0)
    before = row_errors(one.positions, one.maker.batch(mixed(), generators(5)), CPU)
    assert before.shape == (5,)
    row_errors(one.positions, batch, CPU)
    assert all(attend.turn is None for attend in one.positions.wrapped)


def test_a_pipeline_may_use_the_transformer_when_the_last_batch_is_forgotten() -> None:
    whole = objective(mixed())
    row_errors(whole.positions, whole.batch(0, 0), CPU)
    whole.positions.forget()
    batch = maker().batch([sample(3, length=4), sample(4, length=4)], generators(2))
    given = (batch.noise, batch.states, None, batch.t, batch.shapes[0])
    with torch.no_grad():
        torch.testing.assert_close(whole.positions.transformer(*given), transformer()(*given))


def test_what_the_network_draws_is_a_function_of_the_batch() -> None:
    """As an adapter's dropout, which knows only the global generator; and that one is left as it was."""
    one = objective([sample(1), sample(2)])
    one.positions.transformer.txt_in.register_forward_hook(lambda module, given, made: F.dropout(made, 0.5))
    batch = one.batch(2, 1)
    before = torch.get_rng_state()
    loss = one.loss(batch, 0.0)["loss"]
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(one.loss(one.batch(2, 1), 0.0)["loss"], loss)
    other = one.loss(replace(batch, seed=one.batch(2, 0).seed), 0.0)["loss"]
    assert not torch.equal(other, loss)
    assert len({one.batch(step, part).seed for step in range(3) for part in range(2)}) == 6
    assert replace(one, seed=8).batch(2, 1).seed != batch.seed


def test_the_streams_of_a_base_in_bfloat16_are_in_bfloat16_and_its_loss_is_not() -> None:
    full, small = objective(mixed()), objective(mixed())
    small.positions.transformer.to(torch.bfloat16)
    seen: list[torch.dtype] = []
    last = small.positions.transformer.transformer_blocks[1]
    last.register_forward_hook(lambda module, given, made: seen.extend((made[0].dtype, made[1].dtype)))
    loss = small.loss(small.batch(1, 0), 0.0)["loss"]
    assert seen == [torch.bfloat16, torch.bfloat16]
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, full.loss(full.batch(1, 0), 0.0)["loss"], rtol=0.02, atol=0.0)


def test_a_frozen_base_costs_less_than_one_that_learns() -> None:
    one = objective(mixed())
    batch = one.batch(0, 0)
    learning = one.cost(batch)
    one.positions.transformer.requires_grad_(False)
    frozen = one.cost(batch)
    assert frozen.tokens == learning.tokens
    assert 0.6 < frozen.flops / learning.flops < 0.75
