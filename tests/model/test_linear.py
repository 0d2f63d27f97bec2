from __future__ import annotations

import pytest
import torch
from torch import nn

from hanmo.model import linear
from hanmo.model.linear import Linear, adopt


@pytest.fixture
def layer() -> Linear:
    torch.manual_seed(0)
    return Linear(48, 80)


@pytest.mark.skipif(not linear._HERE, reason="needs torch with oneDNN")
@pytest.mark.parametrize("shape", [(48,), (7, 48), (2, 5, 48), (0, 48)])
def test_the_product_of_onednn_is_that_of_torch(layer: Linear, shape: tuple[int, ...]) -> None:
    x = torch.randn(*shape)
    with torch.inference_mode():
        assert layer._fits(x)
        found = layer(x)
    torch.testing.assert_close(found, nn.Linear.forward(layer, x).detach(), atol=2e-6, rtol=1e-6)
    assert found.shape == (*shape[:-1], 80)


def test_a_part_of_a_tensor_is_read_in_place(layer: Linear) -> None:
    x = torch.randn(2, 9, 48)
    with torch.no_grad():
        torch.testing.assert_close(layer(x[:, 2:5]), layer(x[:, 2:5].contiguous()))
        torch.testing.assert_close(layer(x.transpose(0, 1)), layer(x).transpose(0, 1))


def test_where_gradients_are_asked_for_they_flow(layer: Linear) -> None:
    x = torch.randn(3, 48, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, layer.weight.sum(0).expand(3, -1))


@pytest.mark.skipif(not linear._HERE, reason="needs torch with oneDNN")
@pytest.mark.parametrize("shape", [(48,), (7, 48), (2, 5, 48)])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_torch(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    layer = Linear(48, 80, bias=bias)
    x, wanted = torch.randn(*shape, requires_grad=True), torch.randn(*shape[:-1], 80)
    learned = [x, *layer.parameters()]
    ours = torch.autograd.grad((layer(x) - wanted).square().sum(), learned)
    theirs = torch.autograd.grad((nn.Linear.forward(layer, x) - wanted).square().sum(), learned)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-5)


@pytest.mark.skipif(not linear._HERE, reason="needs torch with oneDNN")
def test_what_is_frozen_costs_no_gradient(layer: Linear) -> None:
    layer.requires_grad_(False)
    x = torch.randn(2, 5, 48, requires_grad=True)
    layer(x.transpose(0, 1)).sum().backward()
    assert layer.weight.grad is None
    assert x.grad is not None
    torch.testing.assert_close(x.grad, layer.weight.sum(0).expand(2, 5, -1))
    layer(torch.randn(3, 48)).sum()  # nothing learns here


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_dtypes_take_torchs_path(layer: Linear, dtype: torch.dtype) -> None:
    layer.to(dtype)
    x = torch.randn(3, 48, dtype=dtype)
    with torch.no_grad():
        assert not layer._fits(x)
        assert torch.equal(layer(x), nn.Linear.forward(layer, x))


def test_under_autocast_the_product_is_of_its_dtype(layer: Linear) -> None:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(3, 48)).dtype == torch.bfloat16


def test_a_model_is_adopted_without_a_change_of_names() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))
    names = list(model.state_dict())
    x = torch.randn(5, 4)
    before = model(x)
    adopt(model)
    assert isinstance(model[0], Linear)
    assert list(model.state_dict()) == names
    with torch.no_grad():
        torch.testing.assert_close(model(x), before.detach(), atol=1e-6, rtol=1e-6)
