from __future__ import annotations

import pytest
import torch
from torch import nn

from hanmo.errors import ConfigError
from hanmo.train.objectives.ratio import Ratio, RatioConfig


def _step(ratio: Ratio, first: float, second: float, done: float = 0.0) -> float:
    """A toy whose gradients at the last layer are known: of a * sum(w) over four weights the norm is 2 |a|."""
    last = nn.Parameter(torch.ones(4))
    return float(ratio(first * last.sum(), second * last.sum(), last, done))


def test_the_ratio_follows_its_closed_form_over_steps() -> None:
    ratio, smooth = Ratio(RatioConfig(smooth=0.9, share=0.5)), 0.9
    pulls = [(3.0, 1.0), (6.0, 0.5), (1.0, 4.0)]
    above = below = 0.0
    for first, second in pulls:
        above = smooth * above + (1 - smooth) * 2 * first
        below = smooth * below + (1 - smooth) * 2 * second
        assert _step(ratio, first, second) == pytest.approx(0.5 * above / below, rel=1e-5)
    assert ratio.norms.tolist() == pytest.approx([above, below], rel=1e-5)


def test_losses_of_any_unit_pull_alike_at_once() -> None:
    for unit in (1e-3, 1.0, 1e3):
        found = _step(Ratio(RatioConfig(least=0.0, most=1e6)), 2.0, unit)
        assert found * unit == pytest.approx(2.0, rel=1e-5)


def test_the_ratio_is_bounded() -> None:
    bounds = RatioConfig(least=0.1, most=10.0)
    assert _step(Ratio(bounds), 1.0, 1e6) == pytest.approx(0.1)
    assert _step(Ratio(bounds), 1e6, 1.0) == pytest.approx(10.0)
    assert _step(Ratio(bounds), 1.0, 0.0) == pytest.approx(10.0)


def test_the_gradient_of_the_step_is_not_touched_by_measuring() -> None:
    last = nn.Parameter(torch.ones(4))
    found = Ratio(RatioConfig())(last.sum(), 2 * last.sum(), last, 0.0)
    assert last.grad is None
    assert not found.requires_grad


def test_averages_travel_in_the_state_so_that_the_next_ratio_is_the_same() -> None:
    first, second = Ratio(RatioConfig()), Ratio(RatioConfig())
    _step(first, 3.0, 1.0)
    second.load_state_dict(first.state_dict())
    assert _step(first, 1.0, 5.0) == _step(second, 1.0, 5.0)
    assert _step(Ratio(RatioConfig()), 1.0, 5.0) != _step(second, 1.0, 5.0)


def test_a_schedule_goes_in_lines_between_its_points() -> None:
    ratio = Ratio(RatioConfig(kind="schedule", points=((0.2, 1.0), (0.6, 0.2))))
    found = [_step(ratio, 1.0, 1.0, done) for done in (0.0, 0.2, 0.4, 0.6, 1.0)]
    assert found == pytest.approx([1.0, 1.0, 0.6, 0.2, 0.2])


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"share": 0.0}, "ratio.share"),
        ({"smooth": 1.0}, "ratio.smooth"),
        ({"least": 2.0, "most": 1.0}, "ratio.least"),
        ({"points": ()}, "ratio.points"),
        ({"points": ((0.5, 1.0), (0.5, 2.0))}, "ratio.points"),
        ({"points": ((0.0, -1.0),)}, "ratio.points"),
    ],
)
def test_a_wrong_value_is_named(values: dict[str, float], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        RatioConfig(**values)  # type: ignore[arg-type]
