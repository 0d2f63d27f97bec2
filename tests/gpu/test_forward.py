"""The transformer and the VAE on a CUDA device against the CPU, and one step of the released size. Skipped
without one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from hanmo.flow import interpolate, velocity
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import rope
from hanmo.model.vae import VAE

pytestmark = pytest.mark.gpu  # skipped by tests/conftest.py where there is no device

SMALL = TransformerConfig(
    num_layers=4,
    attention_head_dim=32,
    num_attention_heads=4,
    joint_attention_dim=64,
    axes_dims_rope=(8, 12, 12),
)
SHAPES = [(1, 6, 8), (1, 3, 5)]


@pytest.fixture(autouse=True)
def exact_float32() -> None:
    """TF32 rounds float32 products to 10 bits: off, so that float32 means float32."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def inputs(batch: int = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(batch, 6 * 8 + 3 * 5, 64, generator=generator)
    states = torch.randn(batch, 9, 64, generator=generator)
    mask = torch.arange(9)[None] < torch.tensor([9, 5])[:batch, None]
    return latents, states, mask, torch.rand(batch, generator=generator)


def transformer() -> MMDiT:
    torch.manual_seed(0)
    return MMDiT(SMALL).eval()


def relative(ours: Tensor, reference: Tensor) -> float:
    return float((ours.float().cpu() - reference).norm() / reference.norm())


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_the_transformer_on_the_gpu_equals_the_cpu(dtype: torch.dtype, bound: float) -> None:
    model = transformer()
    latents, states, mask, t = inputs()
    expected = model(latents, states, mask, t, SHAPES)
    model = model.to("cuda", dtype)
    result = model(latents.to("cuda", dtype), states.to("cuda", dtype), mask.cuda(), t.to("cuda", dtype), SHAPES)
    assert result.dtype == dtype
    assert result.device.type == "cuda"
    assert relative(result, expected) <= bound


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-4), (torch.bfloat16, 5e-2)])
def test_the_vae_on_the_gpu_equals_the_cpu(dtype: torch.dtype, bound: float) -> None:
    torch.manual_seed(0)
    vae = VAE(VAEConfig(base_dim=16, num_res_blocks=1)).eval()
    picture = torch.rand(2, 3, 48, 64) * 2 - 1
    latent = vae.encode(picture).mean
    pixels = vae.reconstruct(latent)
    vae = vae.to("cuda", dtype)
    assert relative(vae.encode(picture.to("cuda", dtype)).mean, latent) <= bound
    assert relative(vae.reconstruct(latent.to("cuda", dtype)), pixels) <= bound


def test_one_training_step_on_the_gpu_lowers_the_loss_as_on_the_cpu() -> None:
    latents, states, mask, t = inputs()
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    losses: dict[str, list[float]] = {}
    for device in ("cpu", "cuda"):
        model = copy.deepcopy(transformer()).to(device).train()
        model.checkpointing = device == "cuda"
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        x_t = interpolate(latents, noise, t[:, None, None]).to(device)
        wanted = velocity(latents, noise).to(device)
        losses[device] = []
        for _ in range(3):
            predicted = model(x_t, states.to(device), mask.to(device), t.to(device), SHAPES)
            loss = (predicted - wanted).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses[device].append(float(loss.detach()))
    assert losses["cuda"][-1] < losses["cuda"][0]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-3)


@torch.no_grad()
def test_one_training_step_in_bfloat16_autocast_keeps_gradients_finite() -> None:
    with torch.enable_grad():
        model = transformer().cuda().train()
        latents, states, mask, t = (tensor.cuda() for tensor in inputs())
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(latents, states, mask, t, SHAPES).square().mean()
        loss.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert len(gradients) > 100
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)


@torch.no_grad()
def test_a_step_of_the_released_size_runs_in_bfloat16() -> None:
    free = torch.cuda.mem_get_info()[0]
    if free < 44 * 2**30:
        pytest.skip(f"20.4 B parameters in bfloat16 need 44 GiB; {free / 2**30:.0f} are free")
    config = TransformerConfig()
    with torch.device("meta"):
        model = MMDiT(config).to(torch.bfloat16)
    model = model.to_empty(device="cuda").eval()
    generator = torch.Generator("cuda").manual_seed(0)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
        else:
            parameter.normal_(0.0, parameter.shape[1] ** -0.5, generator=generator)
    shapes, length = [(1, 32, 32)], 64
    latents = torch.randn(1, 1024, 64, generator=generator, device="cuda", dtype=torch.bfloat16)
    states = torch.randn(1, length, 3584, generator=generator, device="cuda", dtype=torch.bfloat16)
    t = torch.tensor([0.7], device="cuda", dtype=torch.bfloat16)
    rotation = rope(shapes, length, config.axes_dims_rope, "cuda")
    result = model.velocity(latents, model.text(states), None, rotation, model.modulation(model.time(t)))
    assert result.shape == (1, 1024, 64)
    assert bool(torch.isfinite(result).all())
    assert torch.cuda.memory_allocated() < 43 * 2**30
