"""A ControlNet is run once per step and not outside its range; several are summed, of any depth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hanmo.engine import modulation
from hanmo.engine.control import Control, add, check_fits, control_residuals, runs, spread
from hanmo.engine.modulation import modulation_tables, no_residuals, predictor, text_stream
from hanmo.errors import RequestError
from hanmo.flow import ScheduleConfig
from hanmo.model.config import ControlNetConfig, TransformerConfig
from hanmo.model.controlnet import ControlNet
from hanmo.model.mmdit import MMDiT
from hanmo.sampler import schedule

SIZES = {"attention_head_dim": 32, "num_attention_heads": 2, "joint_attention_dim": 48, "axes_dims_rope": (8, 12, 12)}
SHAPE = (1, 4, 6)
BLOCKS = 5
LEVELS = schedule(4, 24, ScheduleConfig())


def net(layers: int = 2, seed: int = 0) -> ControlNet:
    torch.manual_seed(seed)
    return ControlNet(ControlNetConfig(num_layers=layers, **SIZES)).eval().requires_grad_(False)


def tokens(seed: int, width: int = 64, count: int = 24) -> torch.Tensor:
    return torch.randn(2, count, width, generator=torch.Generator().manual_seed(seed))


STATES, OTHER, X = tokens(1, 48, 7), tokens(2, 48, 5), tokens(3)


def calls_of(watched: ControlNet) -> list[int]:
    """One entry for every time the net is run, with the size of the batch."""
    seen: list[int] = []
    watched.transformer_blocks[0].register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    return seen


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_the_range_counts_whole_steps_as_the_released_pipelines_do(steps: int, start: float, end: float) -> None:
    for step in range(steps):
        keep = 1.0 - float(step / steps < start or (step + 1) / steps > end)
        assert runs(step, steps, start, end) == bool(keep)


@pytest.mark.parametrize("limit", [0, 1 << 40], ids=["two passes", "one batch"])
def test_a_net_is_run_once_per_step_for_both_passes_and_only_in_its_range(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modulation, "JOIN_BELOW", limit)
    transformer, watcher = MMDiT(TransformerConfig(num_layers=BLOCKS, **SIZES)).eval().requires_grad_(False), net()
    seen = calls_of(watcher)
    control = Control(watcher, tokens(4), start=0.25, end=0.75)
    velocity = predictor(
        transformer,
        modulation_tables(transformer, LEVELS[:-1]),
        text_stream(transformer, STATES, None, [SHAPE]),
        text_stream(transformer, OTHER, None, [SHAPE]),
        4.0,
        residuals=control_residuals([control], LEVELS[:-1], STATES, None, SHAPE, BLOCKS),
    )
    counts = []
    for index in range(4):
        velocity(X, index)
        counts.append(len(seen))
    assert counts == [0, 1, 2, 2]
    assert set(seen) == {2}  # the two pictures, not the four rows of both passes


def test_what_is_prepared_gives_the_residuals_of_the_net_called_afresh() -> None:
    watcher, condition = net(), tokens(4)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    residuals = control_residuals([Control(watcher, condition, 0.5)], LEVELS[:-1], STATES, mask, SHAPE, BLOCKS)
    for index in range(4):
        afresh = watcher(X, condition, STATES, mask, LEVELS[index].expand(2), [SHAPE])
        for found, wanted in zip(residuals(X, index), afresh, strict=True):
            torch.testing.assert_close(found, 0.5 * wanted, atol=1e-5, rtol=1e-5)


def test_controls_are_summed_and_one_net_may_watch_several_pictures() -> None:
    watcher = net()
    seen = calls_of(watcher)
    controls = [Control(watcher, tokens(4)), Control(watcher, tokens(5), -0.3, 0.5, 1.0)]

    def at(chosen: list[Control], index: int) -> list[torch.Tensor]:
        return list(control_residuals(chosen, LEVELS[:-1], STATES, None, SHAPE, BLOCKS)(X, index))

    both, first, second = at(controls, 3), at(controls[:1], 3), at(controls[1:], 3)
    for found, a, b in zip(both, first, second, strict=True):
        torch.testing.assert_close(found, a + b)
    seen.clear()
    early = at(controls, 0)
    assert len(seen) == 1
    assert all(torch.equal(a, b) for a, b in zip(early, at(controls[:1], 0), strict=True))


@given(st.integers(1, 7), st.integers(1, 7), st.integers(7, 13))
def test_samples_of_nets_of_any_depth_reach_the_blocks_they_would_reach_alone(n: int, m: int, blocks: int) -> None:
    def samples(count: int, unit: float) -> list[torch.Tensor]:
        return [torch.full((1, 1, 1), unit * (index + 1)) for index in range(count)]

    total = add(samples(n, 1.0), samples(m, 100.0), blocks)
    for index, found in enumerate(spread(total, blocks)):
        alone = spread(samples(n, 1.0), blocks)[index] + spread(samples(m, 100.0), blocks)[index]
        assert found.item() == alone.item()


def test_without_controls_and_with_scale_0_nothing_is_added_and_nothing_run() -> None:
    assert control_residuals([], LEVELS[:-1], STATES, None, SHAPE, BLOCKS) is no_residuals
    watcher = net()
    seen = calls_of(watcher)
    off = control_residuals([Control(watcher, tokens(4), 0.0)], LEVELS[:-1], STATES, None, SHAPE, BLOCKS)
    assert (list(off(X, 2)), seen) == ([], [])


def test_the_range_of_a_shortened_run_counts_the_steps_that_are_run() -> None:
    controls = [Control(net(), tokens(4), start=0.5)]
    residuals = control_residuals(controls, LEVELS[:-1], STATES, None, SHAPE, BLOCKS, skipped=2)
    assert [len(residuals(X, index)) for index in (2, 3)] == [0, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_attention_heads": 3}, "a width of 96, this model 64: it was made for another model"),
        ({"joint_attention_dim": 96}, "text states of 96 numbers, this model 48"),
        ({"in_channels": 16}, "latent tokens of 16 numbers, this model 64"),
        ({"num_layers": 6}, "has 6 blocks, this model only 5"),
    ],
)
def test_a_net_that_was_made_for_another_model_is_refused(changes: dict[str, int], message: str) -> None:
    transformer = MMDiT(TransformerConfig(num_layers=BLOCKS, **SIZES))
    fitting = net(5)
    check_fits("edges", fitting, transformer)
    with pytest.raises(RequestError, match=message) as caught:
        check_fits("edges", ControlNet(replace(fitting.config, **changes)), transformer)
    assert "\n" not in str(caught.value)
