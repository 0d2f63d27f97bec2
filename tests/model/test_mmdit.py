from __future__ import annotations

import dataclasses

import pytest
import torch

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import rope

TINY = TransformerConfig(
    num_layers=2,
    attention_head_dim=32,
    num_attention_heads=2,
    joint_attention_dim=24,
    axes_dims_rope=(8, 12, 12),
)
SHAPES = [(1, 4, 6)]


@pytest.fixture
def model() -> MMDiT:
    torch.manual_seed(0)
    return MMDiT(TINY).eval()


def inputs(batch: int, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(batch, 24, 64, generator=generator),
        torch.randn(batch, length, 24, generator=generator),
        torch.rand(batch, generator=generator),
    )


def test_the_defaults_count_twenty_billion_parameters() -> None:
    with torch.device("meta"):
        model = MMDiT(TransformerConfig())
    assert sum(p.numel() for p in model.parameters()) == 20_430_401_088


@torch.no_grad()
def test_padding_never_changes_the_image(model: MMDiT) -> None:
    latents, states, t = inputs(1, 5)
    alone = model(latents, states, None, t, SHAPES)
    padded = torch.cat([states, 100 * torch.randn(1, 4, 24)], dim=1)
    mask = torch.arange(9)[None] < 5
    assert torch.allclose(model(latents, padded, mask, t, SHAPES), alone, atol=1e-5)


@torch.no_grad()
def test_a_table_of_modulations_gives_the_same_velocity_as_a_forward(model: MMDiT) -> None:
    latents, states, _ = inputs(2, 5)
    times = torch.tensor([0.9, 0.5, 0.1])
    table = model.modulation(model.time(times))
    rotation = rope(SHAPES, 5, TINY.axes_dims_rope)
    for step, t in enumerate(times):
        fast = model.velocity(latents, model.text(states), None, rotation, table[step : step + 1])
        assert torch.allclose(fast, model(latents, states, None, t.expand(2), SHAPES), atol=1e-5)


@torch.no_grad()
def test_the_attention_can_be_replaced_from_outside(model: MMDiT) -> None:
    latents, states, t = inputs(1, 5)
    seen: list[tuple[int, ...]] = []
    plain = model.transformer_blocks[0].attn.attend

    def watch(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        seen.append(tuple(q.shape))
        return plain(q, k, v, mask)

    model.transformer_blocks[0].attn.attend = watch
    model(latents, states, None, t, SHAPES)
    assert seen == [(1, 2, 29, 32)]


def test_every_weight_but_the_last_text_stream_learns(model: MMDiT) -> None:
    latents, states, t = inputs(2, 5)
    model(latents, states, None, t, SHAPES).square().mean().backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()]
    last = f"transformer_blocks.{TINY.num_layers - 1}."
    silent = ("txt_mlp", "to_add_out", "add_q_proj", "norm_added_q")
    assert all(name.startswith(last) and any(part in name for part in silent) for name in dead), dead


def test_rotary_axes_that_do_not_fill_a_head_are_refused() -> None:
    with pytest.raises(ConfigError, match="attention_head_dim"):
        dataclasses.replace(TINY, axes_dims_rope=(8, 8, 8))


def test_an_unknown_config_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'num_layers'"):
        TransformerConfig.from_dict({"num_layer": 2})


def test_configs_survive_the_way_to_json_and_back() -> None:
    assert TransformerConfig.from_dict(TINY.to_dict()) == TINY
    assert VAEConfig.from_dict(VAEConfig().to_dict()) == VAEConfig()
    assert TransformerConfig.from_dict({"pooled_projection_dim": 768}) == TransformerConfig()
