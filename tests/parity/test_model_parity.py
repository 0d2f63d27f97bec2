"""The transformer and the VAE against diffusers, live, on random weights (fp32, CPU)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hanmo.model import vae_layout
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.mmdit import MMDiT
from hanmo.model.vae import VAE

diffusers = pytest.importorskip("diffusers", reason="parity needs diffusers")

TINY = TransformerConfig(
    num_layers=3,
    attention_head_dim=32,
    num_attention_heads=3,
    joint_attention_dim=48,
    axes_dims_rope=(8, 12, 12),
)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def randomise(module: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        fan_in = parameter[0].numel()
        gain = parameter.ndim in (1, 3) or fan_in == 1
        scale = 0.2 if gain else fan_in**-0.5
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale + gain * 0.5


def pair(config: TransformerConfig) -> tuple[MMDiT, nn.Module]:
    values = config.to_dict()
    values.pop("_class_name")
    reference = diffusers.QwenImageTransformer2DModel(**values).eval()
    randomise(reference, 0)
    ours = MMDiT(config).eval()
    ours.load_state_dict(reference.state_dict(), strict=True)
    return ours, reference


CASES: dict[str, tuple[TransformerConfig, list[tuple[int, int, int]], int, list[int]]] = {
    "one picture": (TINY, [(1, 4, 6)], 1, [7]),
    "odd sizes": (TINY, [(1, 5, 7)], 1, [9]),
    "batch of two with a mask": (TINY, [(1, 4, 4)], 2, [9, 4]),
    "two pictures": (TINY, [(1, 4, 4), (1, 3, 5)], 2, [9, 6]),
    "zero_cond_t": (
        dataclasses.replace(TINY, zero_cond_t=True),
        [(1, 4, 4), (1, 3, 5), (1, 2, 2)],
        2,
        [5, 8],
    ),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    config, shapes, batch, lengths = request.param
    ours, reference = pair(config)
    generator = torch.Generator().manual_seed(1)
    tokens = sum(f * h * w for f, h, w in shapes)
    latents = torch.randn(batch, tokens, 64, generator=generator)
    states = torch.randn(batch, max(lengths), 48, generator=generator)
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    t = torch.rand(batch, generator=generator)
    keep = mask if batch > 1 else None
    with torch.no_grad():
        expected = reference(latents, states, keep, t, [shapes] * batch, return_dict=False)[0]
    return {
        "ours": ours, "latents": latents, "states": states, "mask": keep, "t": t, "shapes": shapes,
        "expected": expected,
    }  # fmt: skip


@torch.no_grad()
def test_the_transformer_equals_diffusers(case: dict[str, Any]) -> None:
    ours = case["ours"](case["latents"], case["states"], case["mask"], case["t"], case["shapes"])
    if ours.shape != case["expected"].shape:  # zero_cond_t returns the target only
        case["expected"] = case["expected"][:, : ours.shape[1]]
    assert relative(ours, case["expected"]) <= 1e-5


@torch.no_grad()
def test_cutting_to_the_target_never_changes_it(case: dict[str, Any]) -> None:
    _, height, width = case["shapes"][0]
    target = height * width
    ours = case["ours"](case["latents"], case["states"], case["mask"], case["t"], case["shapes"], target)
    assert ours.shape[1] == target
    assert relative(ours, case["expected"][:, :target]) <= 1e-5


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    ours, _ = pair(TINY)
    ours.train()
    latents, states, t = torch.randn(2, 24, 64), torch.randn(2, 7, 48), torch.rand(2)
    gradients = []
    for checkpointing in (False, True):
        ours.checkpointing = checkpointing
        ours.zero_grad()
        ours(latents, states, None, t, [(1, 4, 6)]).square().mean().backward()
        gradients.append(ours.img_in.weight.grad.clone())
    assert torch.allclose(gradients[0], gradients[1], atol=1e-7)
    assert gradients[0].abs().max() > 0


@torch.no_grad()
def test_bfloat16_is_as_near_to_float32_as_diffusers_is() -> None:
    ours, reference = pair(TINY)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 24, 64, generator=generator)
    states = torch.randn(1, 7, 48, generator=generator)
    t = torch.tensor([0.7])
    exact = reference(latents, states, None, t, [[(1, 4, 6)]], return_dict=False)[0]
    latents, states = latents.bfloat16(), states.bfloat16()
    theirs = reference.bfloat16()(latents, states, None, t, [[(1, 4, 6)]], return_dict=False)[0]
    result = ours.bfloat16()(latents, states, None, t, [(1, 4, 6)])
    assert result.dtype == torch.bfloat16
    assert (result.float() - exact).norm() <= 2.0 * (theirs.float() - exact).norm()


def vae_pair(config: VAEConfig) -> tuple[VAE, nn.Module]:
    values = config.to_dict()
    values.pop("_class_name")
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    reference = diffusers.AutoencoderKLQwenImage(**values).eval()
    randomise(reference, 2)
    ours = VAE(config).eval()
    ours.load_state_dict(vae_layout.from_published(reference.state_dict()), strict=True)
    return ours, reference


@pytest.mark.parametrize("layout", [((1, 2, 4, 4), 2), ((1, 2, 2, 4), 1)])
@torch.no_grad()
def test_the_vae_equals_diffusers(layout: tuple[tuple[int, ...], int]) -> None:
    config = VAEConfig(base_dim=8, dim_mult=layout[0], num_res_blocks=layout[1])
    ours, reference = vae_pair(config)
    pixels = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(3)) * 2 - 1
    theirs = reference.encode(pixels[:, :, None]).latent_dist
    posterior = ours.encode(pixels)
    assert relative(posterior.mean, theirs.mean[:, :, 0]) <= 1e-5
    assert relative(posterior.logvar, theirs.logvar[:, :, 0]) <= 1e-5
    drawn = posterior.sample(torch.Generator().manual_seed(5))
    assert relative(drawn, theirs.sample(torch.Generator().manual_seed(5))[:, :, 0]) <= 1e-5
    z = torch.randn(2, 16, 5, 7, generator=torch.Generator().manual_seed(4))
    assert relative(ours.decode(z), reference.decode(z[:, :, None]).sample[:, :, 0]) <= 1e-5


@torch.no_grad()
def test_a_saved_vae_paints_the_same_in_diffusers() -> None:
    config = VAEConfig(base_dim=8, dim_mult=(1, 2, 2, 4), num_res_blocks=1)
    ours, _ = vae_pair(config)
    published = vae_layout.to_published(ours.state_dict(), config)
    _, reference = vae_pair(config)
    reference.load_state_dict(published, strict=True)
    z = torch.randn(1, 16, 4, 6, generator=torch.Generator().manual_seed(4))
    assert relative(ours.decode(z), reference.decode(z[:, :, None]).sample[:, :, 0]) <= 1e-5
    assert all(torch.equal(a, b) for a, b in zip(
        vae_layout.from_published(published).values(), ours.state_dict().values(), strict=True))  # fmt: skip
