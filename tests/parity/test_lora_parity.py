"""LoRAs against diffusers: its key converter on files of each dialect, its transformer with the sum merged by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import lora_files
import pytest
import tiny
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageTransformer2DModel
from diffusers.loaders.lora_conversion_utils import _convert_non_diffusers_qwen_lora_to_diffusers
from safetensors.torch import load_file
from torch import Tensor

from hanmo.engine.adapters import attach, merge, places
from hanmo.engine.modulation import modulation_tables, predictor, text_stream
from hanmo.flow import ScheduleConfig, fixed_shift
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.pipeline.presets import PRESETS
from hanmo.sampler import schedule
from hanmo.weights.delta import LowRank
from hanmo.weights.lora import read_lora

SHAPES = [(1, 4, 6)]


@dataclass(frozen=True)
class Pair:
    ours: MMDiT
    theirs: QwenImageTransformer2DModel


@pytest.fixture
def pair() -> Pair:
    config = TransformerConfig(
        num_layers=2,
        attention_head_dim=32,
        num_attention_heads=2,
        joint_attention_dim=48,
        axes_dims_rope=(8, 12, 12),
    )
    values = {key: value for key, value in config.to_dict().items() if key != "_class_name"}
    theirs = QwenImageTransformer2DModel(**values).eval().requires_grad_(False)
    tiny.randomise(theirs, 5)
    ours = MMDiT(config).eval().requires_grad_(False)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return Pair(ours, theirs)


def merged_by_hand(model: QwenImageTransformer2DModel, changes: Mapping[str, lora_files.Pair], scale: float) -> None:
    for name, (down, up) in changes.items():
        model.get_submodule(name).weight += scale * up @ down


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, 24, 64, generator=generator), torch.randn(1, 7, 48, generator=generator), torch.tensor([0.7])


def velocity_of(model: MMDiT) -> Tensor:
    """Through the tables that the engine prepares, as the pipeline runs it."""
    latents, states, t = inputs()
    return predictor(model, modulation_tables(model, t), text_stream(model, states, None, SHAPES))(latents, 0)


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


def theirs_of(pair: Pair) -> Tensor:
    latents, states, t = inputs()
    result: Tensor = pair.theirs(latents, states, None, t, [SHAPES], return_dict=False)[0]
    return result


@pytest.mark.parametrize("kind", lora_files.DIALECTS)
def test_every_dialect_is_read_as_diffusers_reads_it(pair: Pair, tmp_path: Path, kind: str) -> None:
    shapes = lora_files.linears(pair.theirs)
    path = lora_files.write(tmp_path / "x.safetensors", kind, lora_files.pairs(shapes))
    ours = read_lora(path, places(pair.ours))
    theirs = load_file(path)
    if kind != "transformer.":  # diffusers converts all but its own dialect
        theirs = _convert_non_diffusers_qwen_lora_to_diffusers(theirs)
    read = {}
    for name, delta in ours.deltas.items():
        assert isinstance(delta, LowRank)
        read[f"transformer.{name}.lora_A.weight"] = delta.scale * delta.down
        read[f"transformer.{name}.lora_B.weight"] = delta.up
    assert set(read) == set(theirs)
    assert len(read) == 2 * len(shapes)
    for key, value in theirs.items():
        torch.testing.assert_close(read[key], value, atol=1e-7, rtol=1e-6)


@torch.no_grad()
def test_a_lora_beside_every_module_equals_diffusers_with_the_lora_merged(pair: Pair, tmp_path: Path) -> None:
    """Modulation, time and text modules included, whose work is done before the first step."""
    changes = lora_files.pairs(lora_files.linears(pair.theirs))
    lora = read_lora(lora_files.write(tmp_path / "x.safetensors", "lora_unet_", changes), places(pair.ours))
    before = velocity_of(pair.ours)
    assert relative(before, theirs_of(pair)) <= 1e-5
    merged_by_hand(pair.theirs, changes, 0.3 * lora_files.ALPHA / lora_files.RANK)
    expected = theirs_of(pair)
    assert relative(expected, before) > 0.1
    handles = attach(pair.ours, [(lora, 0.3)])
    assert relative(velocity_of(pair.ours), expected) <= 1e-5
    latents, states, t = inputs()
    assert relative(pair.ours(latents, states, None, t, SHAPES), expected) <= 1e-5
    for handle in handles:
        handle.remove()
    assert torch.equal(velocity_of(pair.ours), before)


@torch.no_grad()
@pytest.mark.parametrize("merging", [False, True], ids=["beside", "merged"])
def test_a_stack_of_two_equals_diffusers_with_their_sum_merged(pair: Pair, tmp_path: Path, merging: bool) -> None:
    shapes = lora_files.linears(pair.theirs)
    first = lora_files.pairs(shapes, 1)
    second = lora_files.pairs(lora_files.some(shapes, ["to_q", "mod.1", "txt_in", "proj_out"]), 2, rank=2)
    loras = [
        read_lora(lora_files.write(tmp_path / f"{i}.safetensors", "transformer.", changes), places(pair.ours))
        for i, changes in enumerate((first, second))
    ]
    merged_by_hand(pair.theirs, first, 0.2)
    merged_by_hand(pair.theirs, second, -0.5)
    put = merge if merging else attach
    put(pair.ours, list(zip(loras, (0.2, -0.5), strict=True)))
    assert relative(velocity_of(pair.ours), theirs_of(pair)) <= 1e-5


@pytest.mark.parametrize("name", ["lightning-4", "lightning-8"])
@pytest.mark.parametrize("tokens", [32, 4096])
def test_a_preset_has_the_noise_levels_of_lightnings_scheduler(name: str, tokens: int) -> None:
    """Lightning's scheduler_config.json: base_shift = max_shift = ln 3, no terminal level."""
    preset = PRESETS[name]
    mu = 1.0986122886681098
    scheduler = FlowMatchEulerDiscreteScheduler(
        base_shift=mu, max_shift=mu, shift=1.0, shift_terminal=None, use_dynamic_shifting=True,
        base_image_seq_len=256, max_image_seq_len=8192, time_shift_type="exponential",
    )  # fmt: skip
    sigmas = torch.linspace(1.0, 1 / preset.steps, preset.steps).tolist()
    scheduler.set_timesteps(sigmas=sigmas, mu=mu)
    levels = schedule(preset.steps, tokens, fixed_shift(ScheduleConfig(), preset.shift))
    torch.testing.assert_close(levels, scheduler.sigmas, atol=1e-7, rtol=0)
