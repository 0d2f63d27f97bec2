from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn

from hanmo.errors import RequestError
from hanmo.train.optim import OptimConfig, build, set_rate

PRESENT = importlib.util.find_spec("bitsandbytes") is not None
KINDS = pytest.mark.parametrize("kind", ["adamw8bit", "paged_adamw8bit"])


@KINDS
@pytest.mark.skipif(PRESENT, reason="bitsandbytes is installed")
def test_moments_in_eight_bits_without_bitsandbytes_are_refused_in_one_line(kind: str) -> None:
    with pytest.raises(RequestError, match=r"hanmo\[low-memory\]") as caught:
        build({"transformer": nn.Linear(4, 4)}, OptimConfig(kind=kind))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@KINDS
@pytest.mark.skipif(not PRESENT, reason="bitsandbytes is not installed")
@pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU")
def test_moments_in_eight_bits_take_nearly_the_same_steps(kind: str) -> None:
    torch.manual_seed(0)
    start = torch.randn(96, 96)
    ends = []
    for chosen in ("adamw", kind):
        layer = nn.Linear(96, 96, bias=False)
        layer.weight.data = start.clone()
        (optimizer,) = build({"transformer": layer}, OptimConfig(kind=chosen, lr=1e-2, weight_decay=0.0))  # type: ignore[arg-type]
        for step in range(10):
            set_rate([optimizer], 1.0 / (1 + step))
            optimizer.zero_grad()
            layer.weight.square().sum().backward()
            optimizer.step()
        moments = [value for value in optimizer.state[layer.weight].values() if isinstance(value, torch.Tensor)]
        assert any(value.dtype == torch.uint8 for value in moments) == (chosen != "adamw")
        ends.append(layer.weight.detach())
    moved = float((ends[0] - start).norm())
    assert 0 < float((ends[1] - ends[0]).norm()) < 0.1 * moved
