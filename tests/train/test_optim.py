from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from hanmo.errors import ConfigError
from hanmo.train.optim import EMA, Muon, OptimConfig, build, orthogonalise, rate, set_rate


def test_the_rate_rises_in_a_line_and_falls_along_half_a_cosine() -> None:
    config = OptimConfig(warmup=10, schedule="cosine", decay_from=0.0, floor=0.1)
    assert rate(4, 100, config) == pytest.approx(0.5 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.04))))
    assert rate(50, 100, config) == pytest.approx(0.1 + 0.9 * 0.5)
    assert rate(100, 100, config) == pytest.approx(0.1)


def test_a_linear_rate_is_constant_until_its_decay_begins() -> None:
    config = OptimConfig(warmup=0, schedule="linear", decay_from=0.5, floor=0.0)
    assert [rate(step, 100, config) for step in (0, 50, 75, 100)] == pytest.approx([1.0, 1.0, 0.5, 0.0])


def test_a_constant_rate_stays() -> None:
    assert rate(999, 1000, OptimConfig(warmup=5, schedule="constant")) == 1.0


def test_the_moving_average_has_its_closed_form() -> None:
    layer = nn.Linear(1, 1, bias=False)
    ema = EMA({"layer": layer}, 0.9)
    expected = float(layer.weight.detach())
    for step in range(100):
        with torch.no_grad():
            layer.weight.fill_(float(step))
        ema.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert float(ema.state_dict()["layer/weight"]) == pytest.approx(expected, rel=1e-5)


def test_swapping_twice_restores_weights_and_average_exactly() -> None:
    layer = nn.Linear(3, 3)
    ema = EMA({"layer": layer}, 0.5)
    with torch.no_grad():
        layer.weight.add_(1.0)
    weight, average = layer.weight.detach().clone(), ema.state_dict()["layer/weight"].clone()
    ema.swap()
    assert torch.equal(layer.weight, average)
    ema.swap()
    assert torch.equal(layer.weight, weight)
    assert torch.equal(ema.state_dict()["layer/weight"], average)


@pytest.mark.parametrize("shape", [(3, 24, 24), (2, 16, 64), (2, 64, 16)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    u, _, v = torch.linalg.svd(torch.randn(shape, generator=torch.Generator().manual_seed(0)), full_matrices=False)
    matrices = 7.0 * (u * torch.linspace(0.1, 1.0, min(shape[1:]))) @ v
    values = torch.linalg.svdvals(orthogonalise(matrices))
    assert float(values.min()) > 0.6
    assert float(values.max()) < 1.3


def test_orthogonalising_keeps_singular_vectors() -> None:
    u, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))
    made = orthogonalise((u * torch.linspace(0.5, 1.0, 16))[None])[0]
    turned = u.T @ made
    off = turned - torch.diag(turned.diagonal())
    assert float(off.abs().max()) < 0.05


def test_muon_lowers_a_loss_and_treats_kernels_as_matrices() -> None:
    kernel = nn.Parameter(torch.randn(16, 4, 3, 3, generator=torch.Generator().manual_seed(2)))
    optimizer = Muon([{"params": [kernel], "lr": 0.05}], 0.05, 0.9, 0.0)
    first = float(kernel.detach().square().sum())
    for _ in range(60):
        optimizer.zero_grad()
        kernel.square().sum().backward()
        optimizer.step()
    assert float(kernel.detach().square().sum()) < 0.5 * first


def test_muon_takes_block_matrices_and_leaves_the_rest_to_adamw() -> None:
    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attn = nn.Linear(32, 32)
            self.img_mod = nn.Sequential(nn.SiLU(), nn.Linear(32, 32))

    model = nn.Module()
    model.transformer_blocks = nn.ModuleList([Part()])
    model.proj_out = nn.Linear(32, 32)
    adamw, muon = build({"transformer": model}, OptimConfig(kind="muon"))
    moved = {id(p) for group in muon.param_groups for p in group["params"]}
    assert moved == {id(model.transformer_blocks[0].attn.weight)}
    assert sum(len(group["params"]) for group in adamw.param_groups) == 5


def test_the_encoder_learns_at_its_own_rate_and_vectors_do_not_decay() -> None:
    modules = {"transformer": nn.Linear(4, 4), "encoder": nn.Linear(4, 4)}
    (optimizer,) = build(modules, OptimConfig(lr=1e-3, encoder_lr=0.5, weight_decay=0.1))
    set_rate([optimizer], 0.5)
    found = {(group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert found == {(5e-4, 0.1), (5e-4, 0.0), (2.5e-4, 0.1), (2.5e-4, 0.0)}


@pytest.mark.parametrize("key", ["lr", "ema", "decay_from", "floor"])
def test_a_rate_out_of_range_is_named(key: str) -> None:
    with pytest.raises(ConfigError, match=f"optim.{key}"):
        OptimConfig(**{key: -1.0})
