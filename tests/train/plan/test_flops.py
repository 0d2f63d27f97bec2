from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hanmo.errors import ConfigError
from hanmo.model import linear
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.plan.flops import Work, backward, cost, forward
from hanmo.train.plan.hardware import GPUS, gpu_named, listed, peak_of

TOY = TransformerConfig(
    num_layers=3, attention_head_dim=16, num_attention_heads=4, joint_attention_dim=40, axes_dims_rope=(4, 6, 6)
)


@pytest.fixture(autouse=True)
def torchs_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts operations and kept bytes does not know the products of oneDNN."""
    monkeypatch.setattr(linear, "_HERE", False)


def counted(config: TransformerConfig, work: Work) -> tuple[int, int]:
    """Operations of a forward and a backward pass, as torch counts them."""
    model = MMDiT(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.02)
    shapes = [(1, 4, work.target // 4)] + ([(1, 4, work.source // 4)] if work.source else [])
    latents = torch.randn(work.pictures, work.image, config.in_channels)
    states = torch.randn(work.pictures, work.text, config.joint_attention_dim)
    with sdpa_kernel(SDPBackend.MATH):  # its products are plain ones; fused kernels recompute in their backward
        with FlopCounterMode(display=False) as there:
            made = model(latents, states, None, torch.rand(work.pictures), shapes, work.target)
        with FlopCounterMode(display=False) as back:
            made.square().mean().backward()
    return there.get_total_flops(), back.get_total_flops()


@pytest.mark.parametrize(
    ("config", "work"),
    [
        (TOY, Work(3, 24, 10)),
        (TOY, Work(2, 24, 7, source=40)),
        (replace(TOY, zero_cond_t=True), Work(2, 24, 7, source=24)),
        (replace(TOY, num_layers=1), Work(1, 16, 300)),
    ],
)
def test_the_operations_are_those_that_torch_counts(config: TransformerConfig, work: Work) -> None:
    assert (forward(config, work), backward(config, work)) == counted(config, work)


def test_both_streams_are_counted() -> None:
    alone, longer = cost(TOY, Work(2, 24, 10)), cost(TOY, Work(2, 24, 20))
    assert (alone.tokens, longer.tokens) == (68, 88)
    assert longer.flops > 1.2 * alone.flops


def test_the_released_model_costs_what_its_parameters_and_tokens_say() -> None:
    """Six operations a parameter and token, for the weights that meet tokens: blocks without their modulations."""
    released, work = TransformerConfig(), Work(1, 4096, 256)
    per_stream = 12 * released.inner_dim**2
    floor = 6 * released.num_layers * per_stream * work.tokens
    assert floor < cost(released, work).flops < 1.25 * floor


@pytest.mark.parametrize(
    ("reported", "name"),
    [("NVIDIA H20", "h20"), ("NVIDIA H200", "h200"), ("NVIDIA A100-SXM4-80GB", "a100-80g"), ("NVIDIA T4", None)],
)
def test_a_gpu_is_known_by_a_word_of_what_it_reports(reported: str, name: str | None) -> None:
    found = listed(reported)
    assert (found and found.name) == name


def test_an_unknown_gpu_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"plan.gpu is 'h10'; did you mean 'h100'\?"):
        gpu_named("h10")
    assert all(gpu.source and gpu.peak > gpu.bandwidth for gpu in GPUS.values())


def test_a_cpus_peak_is_measured() -> None:
    peak = peak_of(torch.device("cpu"))
    assert peak.flops > 1e8
    assert "measured" in peak.source
