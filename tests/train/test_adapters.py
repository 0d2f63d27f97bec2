from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("peft")

from diffusers import QwenImageTransformer2DModel

from hanmo.engine.adapters import attach, places
from hanmo.errors import ConfigError, WeightsError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.adapter_files import save_adapter
from hanmo.train.adapters import AdapterConfig, adapt, layers, merged
from hanmo.weights.lora import find_lora, read_lora

pytestmark = pytest.mark.slow
"""With peft and diffusers."""

SHAPES = [(1, 2, 4), (1, 2, 2)]
SIZES: dict[str, Any] = {
    "num_layers": 2,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "joint_attention_dim": 12,
    "axes_dims_rope": (4, 2, 2),
}


def base(seed: int = 0) -> MMDiT:
    torch.manual_seed(seed)
    model = MMDiT(TransformerConfig(**SIZES))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape))
    return model


def inputs(seed: int = 1) -> tuple[Any, ...]:
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(2, 12, 64, generator=generator)
    states = torch.randn(2, 5, 12, generator=generator)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    return latents, states, mask, torch.tensor([0.3, 0.8]), SHAPES, 8


def trained(config: AdapterConfig, steps: int = 3) -> MMDiT:
    model = base()
    weights = adapt(model, config, seed=0)
    optimizer = torch.optim.AdamW(weights.parameters(), lr=0.05)
    for step in range(steps):
        loss = (model(*inputs(step)) - torch.ones(())).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def velocity(model: MMDiT) -> Tensor:
    return model(*inputs(9))


@pytest.mark.parametrize("dora", [False, True])
def test_a_new_adapter_changes_nothing_and_only_its_own_weights_learn(dora: bool) -> None:
    plain, model = base(), base()
    config = AdapterConfig(rank=4, dora=dora)
    weights = adapt(model, config, seed=0)
    assert torch.allclose(velocity(model), velocity(plain), atol=1e-6)
    names = {name.split("/")[-3] for name, _ in weights.named_parameters()}
    assert names == {"lora_A", "lora_B"} | ({"lora_magnitude_vector"} if dora else set())
    assert {id(p) for p in weights.parameters()} == {id(p) for p in model.parameters() if p.requires_grad}
    assert len(list(layers(model))) == 2 * len(config.targets)
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    optimizer = torch.optim.SGD(weights.parameters(), lr=0.1)
    model(*inputs()).square().mean().backward()
    optimizer.step()
    assert not torch.allclose(velocity(model), velocity(plain), atol=1e-4)
    for name, value in before.items():
        owner, _, leaf = name.rpartition(".")
        module = model.get_submodule(owner)
        assert torch.equal(getattr(getattr(module, "base_layer", module), leaf), value)


def test_the_same_seed_gives_the_same_adapter_whatever_was_drawn_before() -> None:
    first = adapt(base(), AdapterConfig(rank=2), seed=5).state_dict()
    torch.manual_seed(77)
    state = torch.get_rng_state()
    model = base(seed=1)
    torch.set_rng_state(state)
    second = adapt(model, AdapterConfig(rank=2), seed=5).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_dropout_follows_the_mode_of_what_learns() -> None:
    model = base()
    weights = adapt(model, AdapterConfig(rank=4, dropout=0.5), seed=0)
    with torch.no_grad():
        for parameter in weights.parameters():
            parameter.add_(0.1)
    weights.eval()
    assert torch.equal(velocity(model), velocity(model))
    weights.train()
    assert not torch.equal(velocity(model), velocity(model))


@pytest.mark.parametrize("where", ["peft", "style.safetensors", "style-comfyui.safetensors"])
def test_each_file_of_a_trained_lora_gives_the_trained_velocities_in_the_pipeline(where: str, tmp_path: Path) -> None:
    config = AdapterConfig(rank=3, alpha=5.0)
    model = trained(config)
    written = save_adapter(tmp_path, "style", model, config, "somebody/base")
    assert tmp_path / where in written
    plain = base().eval()
    far = float((velocity(model) - velocity(plain)).abs().max())
    attach(plain, [(read_lora(find_lora(tmp_path / where), places(plain)), 1.0)])
    near = float((velocity(model) - velocity(plain)).abs().max())
    assert near < 1e-5 < 1e-2 < far


def test_diffusers_and_peft_load_what_was_written(tmp_path: Path) -> None:
    from peft import PeftModel

    config = AdapterConfig(rank=3, alpha=5.0)
    model = trained(config)
    save_adapter(tmp_path, "style", model, config, "somebody/base")
    wrapped = PeftModel.from_pretrained(base(), str(tmp_path / "peft"))
    assert torch.allclose(velocity(wrapped.base_model.model.eval()), velocity(model), atol=1e-5)
    theirs = QwenImageTransformer2DModel(**SIZES).eval()
    theirs.load_state_dict(base().state_dict())
    from diffusers import QwenImagePipeline

    state, metadata = QwenImagePipeline.lora_state_dict(str(tmp_path / "style.safetensors"), return_lora_metadata=True)
    QwenImagePipeline.load_lora_into_transformer(state, theirs, metadata=metadata)
    latents, states, mask, t, shapes, target = inputs(9)
    with torch.no_grad():
        (made,) = theirs(latents, states, mask, t, [shapes, shapes], return_dict=False)
    assert torch.allclose(made[:, :target], velocity(model), atol=1e-5)
    comfy = QwenImagePipeline.lora_state_dict(str(tmp_path / "style-comfyui.safetensors"))
    scale = (config.alpha / config.rank) ** 0.5  # diffusers spreads it over both matrices; the product is what counts
    assert set(comfy) == set(state)
    key = next(key for key in state if key.endswith("lora_A.weight"))
    up = key.replace("lora_A", "lora_B")
    assert torch.allclose(comfy[up] @ comfy[key], scale**2 * state[up] @ state[key], atol=1e-5)


def test_a_dora_is_written_for_peft_and_merged_for_the_pipeline_which_refuses_its_file(tmp_path: Path) -> None:
    config = AdapterConfig(rank=3, alpha=5.0, dora=True)
    model = trained(config)
    (folder,) = save_adapter(tmp_path, "style", model, config, "somebody/base")
    plain = base().eval()
    with pytest.raises(WeightsError, match="DoRA"):
        read_lora(find_lora(folder), places(plain))
    assert float((velocity(merged(model)) - velocity(model)).abs().max()) < 1e-5
    assert float((velocity(plain) - velocity(model)).abs().max()) > 1e-2
    assert json.loads((folder / "adapter_config.json").read_text())["use_dora"] is True


def test_a_lora_merges_into_a_plain_transformer_that_shares_what_it_did_not_change() -> None:
    model = trained(AdapterConfig(rank=3))
    plain = merged(model)
    assert plain.state_dict().keys() == base().state_dict().keys()
    assert torch.allclose(velocity(plain), velocity(model), atol=1e-5)
    assert plain.proj_out.weight.data_ptr() == model.proj_out.weight.data_ptr()


def test_a_target_that_names_nothing_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'to_qq'.*nearest is 'to_q'"):
        adapt(base(), AdapterConfig(targets=("to_qq",)), seed=0)


@pytest.mark.parametrize(
    "wrong", [{"rank": 0}, {"alpha": 0.0}, {"alpha": float("nan")}, {"dropout": 1.0}, {"targets": ()}]
)
def test_an_adapter_out_of_range_is_refused_by_its_key(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"adapter.{next(iter(wrong))}"):
        AdapterConfig(**wrong)
