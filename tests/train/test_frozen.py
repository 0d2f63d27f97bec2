from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from hanmo.errors import RequestError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.frozen import FrozenLinear, round_frozen

Kind = Literal["int8", "float8"]
KINDS = pytest.mark.parametrize("kind", ["int8", "float8"])


def weights(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    spread = torch.exp(3 * torch.randn(24, 1, generator=generator))  # rows of very different sizes
    return spread * torch.randn(24, 40, generator=generator)


@KINDS
def test_no_weight_is_further_off_than_half_a_step_of_its_row(kind: Kind) -> None:
    weight = weights()
    weight[3] = 0
    off = (FrozenLinear(weight, None, kind).weight - weight).abs()
    most = weight.abs().amax(dim=1, keepdim=True)
    bound = most / 127 / 2 if kind == "int8" else weight.abs() / 16 + most / 448 * 2**-10
    assert bool((off <= bound * 1.0001 + 1e-30).all())
    assert float(off.max()) > 0


@KINDS
def test_products_and_gradients_are_those_of_the_rounded_weight(kind: Kind) -> None:
    module = FrozenLinear(weights(), torch.randn(24, generator=torch.Generator().manual_seed(1)), kind)
    x = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(2), requires_grad=True)
    same = x.detach().clone().requires_grad_(True)
    bias = module.get_buffer("bias")
    made, wanted = module(x), nn.functional.linear(same, module.weight, bias)
    made.square().sum().backward()
    wanted.square().sum().backward()
    assert torch.allclose(made, wanted)
    assert x.grad is not None
    assert same.grad is not None
    assert torch.allclose(x.grad, same.grad)


def test_the_backward_pass_keeps_eight_bits_a_weight() -> None:
    module = FrozenLinear(weights(), None, "int8")
    kept: list[torch.Tensor] = []
    x = torch.randn(3, 40, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t), t)[1], lambda t: t):
        module(x)
    assert {(t.dtype, tuple(t.shape)) for t in kept} == {(torch.int8, (24, 40)), (torch.float32, (24,))}


@KINDS
def test_under_autocast_the_product_is_in_autocasts_dtype(kind: Kind) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert FrozenLinear(weights(), None, kind)(torch.randn(2, 40)).dtype == torch.bfloat16


@KINDS
def test_a_transformer_in_eight_bits_is_a_quarter_as_large_and_close(kind: Kind) -> None:
    torch.manual_seed(0)
    model = MMDiT(
        TransformerConfig(
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=4,
            joint_attention_dim=12,
            axes_dims_rope=(4, 6, 6),
        )
    ).requires_grad_(False)
    given = (torch.randn(1, 8, 64), torch.randn(1, 3, 12), None, torch.tensor([0.5]), [(1, 2, 4)])
    with torch.no_grad():
        before = model(*given)
    full = sum(m.weight.numel() * 4 for m in model.modules() if isinstance(m, nn.Linear))
    now = round_frozen(model, kind)
    assert now < 0.3 * full
    assert not any(isinstance(m, nn.Linear) for m in model.modules())
    with torch.no_grad():
        after = model(*given)
    relative = float((after - before).norm() / before.norm())
    assert 0 < relative < (0.02 if kind == "int8" else 0.06)


def test_a_network_that_learns_is_not_rounded() -> None:
    with pytest.raises(RequestError, match="no linear module of Sequential is frozen"):
        round_frozen(nn.Sequential(nn.Linear(3, 3)), "int8")
