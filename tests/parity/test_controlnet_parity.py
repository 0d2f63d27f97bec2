"""ControlNets against diffusers, live, on random weights: the net, the sum in the transformer, whole pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import tiny
import torch
from diffusers import (
    QwenImageControlNetInpaintPipeline,
    QwenImageControlNetModel,
    QwenImageControlNetPipeline,
    QwenImageTransformer2DModel,
)
from diffusers.models.controlnets.controlnet_qwenimage import QwenImageMultiControlNetModel
from PIL import Image
from side_by_side import Pair, load_pair, our_steps, their_steps
from torch import Tensor

from hanmo import ControlImage
from hanmo.engine import modulation
from hanmo.model.config import ControlNetConfig, TransformerConfig
from hanmo.model.controlnet import ControlNet
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import rope

PROMPT = 'a red card with the text "HELLO"'
WORSE = "text 你好"
SIZES = {"attention_head_dim": 32, "num_attention_heads": 3, "joint_attention_dim": 48, "axes_dims_rope": (8, 12, 12)}


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


# --- the net -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [0, 4], ids=["union", "inpainting"])
@pytest.mark.parametrize(("shape", "lengths"), [((1, 4, 6), [7]), ((1, 5, 3), [9]), ((1, 4, 4), [9, 4])])
def test_the_residuals_of_a_net_equal_those_of_diffusers(
    extra: int, shape: tuple[int, int, int], lengths: list[int]
) -> None:
    config = ControlNetConfig(num_layers=3, extra_condition_channels=extra, **SIZES)
    values = config.to_dict()
    values.pop("_class_name")
    theirs = QwenImageControlNetModel(**values).eval()
    tiny.randomise(theirs, 0)
    ours = ControlNet(config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    g, batch, tokens = torch.Generator().manual_seed(1), len(lengths), shape[1] * shape[2]
    latents = torch.randn(batch, tokens, 64, generator=g)
    condition = torch.randn(batch, tokens, 64 + extra, generator=g)
    states, t = torch.randn(batch, max(lengths), 48, generator=g), torch.rand(batch, generator=g)
    mask = None if batch == 1 else torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    with torch.no_grad():
        wanted = theirs(latents, condition, 1.0, states, mask, t, [shape] * batch, return_dict=False)
        found = ours(latents, condition, states, mask, t, [shape])
    assert len(found) == len(wanted) == 3
    assert max(relative(a, b) for a, b in zip(found, wanted, strict=True)) <= 1e-5


@pytest.mark.parametrize("samples", [1, 2, 3, 5])
def test_the_transformer_adds_each_sample_where_diffusers_does(samples: int) -> None:
    config = TransformerConfig(num_layers=5, **SIZES)
    values = config.to_dict()
    values.pop("_class_name")
    theirs = QwenImageTransformer2DModel(**values).eval()
    tiny.randomise(theirs, 2)
    ours = MMDiT(config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    g = torch.Generator().manual_seed(3)
    latents, states = torch.randn(1, 24, 64, generator=g), torch.randn(1, 7, 48, generator=g)
    residuals, t = [torch.randn(1, 24, 96, generator=g) for _ in range(samples)], torch.rand(1, generator=g)
    with torch.no_grad():
        wanted = theirs(
            latents,
            states,
            None,
            t,
            [[(1, 4, 6)]],
            controlnet_block_samples=residuals,
            return_dict=False,
        )[0]
        text, rotation = ours.text(states), rope([(1, 4, 6)], 7, config.axes_dims_rope)
        tables = ours.modulation(ours.time(t))
        found = ours.velocity(latents, text, None, rotation, tables, residuals=residuals)
        without = ours.velocity(latents, text, None, rotation, tables)
    assert relative(found, wanted) <= 1e-5
    assert relative(without, wanted) > 1e-2


# --- whole pipelines -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Nets(Pair):
    """The checkpoint and two ControlNets for it."""

    union: QwenImageControlNetModel
    inpainting: QwenImageControlNetModel


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    home = tmp_path_factory.mktemp("controlnets")
    both = load_pair(home / "model", seed=3)
    tiny.controlnet(home / "union", seed=7)
    tiny.controlnet(home / "inpainting", seed=8, masked=True)
    for name in ("union", "inpainting"):
        both.ours.load_controlnet(home / name, name)
    nets = [QwenImageControlNetModel.from_pretrained(home / name) for name in ("union", "inpainting")]
    return Nets(both.ours, both.theirs, *nets)


OPTIONS: dict[str, Any] = {"size": (96, 64), "steps": 4, "cfg_scale": 4.0, "seed": 11}
THEIR_OPTIONS: dict[str, Any] = {"width": 96, "height": 64, "true_cfg_scale": 4.0}


def their_union(pair: Nets, nets: Any, **arguments: Any) -> Tensor:
    pipeline = QwenImageControlNetPipeline(**pair.theirs.components, controlnet=nets)
    return their_steps(pipeline, **THEIR_OPTIONS, **arguments)[0]


@pytest.mark.parametrize("limit", [0, 1 << 40], ids=["two passes", "one batch"])
@pytest.mark.parametrize(("scale", "start", "end"), [(1.0, 0.0, 1.0), (0.7, 0.25, 0.75)])
def test_steps_with_one_control_equal_those_of_diffusers(
    pair: Nets, scale: float, start: float, end: float, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modulation, "JOIN_BELOW", limit)
    control = tiny.picture(192, 128, seed=1)
    theirs = their_union(
        pair,
        pair.union,
        prompt=PROMPT,
        negative_prompt=WORSE,
        control_image=control,
        controlnet_conditioning_scale=scale,
        control_guidance_start=start,
        control_guidance_end=end,
        generator=torch.Generator("cpu").manual_seed(11),
    )
    asked = ControlImage("union", control, scale, start, end)
    ours = our_steps(lambda hear: pair.ours.generate(PROMPT, negative=WORSE, controls=asked, on_step=hear, **OPTIONS))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    plain = our_steps(lambda hear: pair.ours.generate(PROMPT, negative=WORSE, on_step=hear, **OPTIONS))
    assert (plain[-1] - ours[-1]).abs().max() > 0.1


def test_steps_with_two_controls_equal_those_of_diffusers(pair: Nets) -> None:
    pictures = [tiny.picture(96, 64, seed=1), tiny.picture(96, 64, seed=2)]
    theirs = their_union(
        pair,
        QwenImageMultiControlNetModel([pair.union]),
        prompt=PROMPT,
        negative_prompt=WORSE,
        control_image=pictures,
        controlnet_conditioning_scale=[0.9, 0.4],
        control_guidance_start=[0.0, 0.25],
        control_guidance_end=[1.0, 0.75],
        generator=torch.Generator("cpu").manual_seed(11),
    )
    asked = [ControlImage("union", pictures[0], 0.9), ControlImage("union", pictures[1], 0.4, 0.25, 0.75)]
    ours = our_steps(lambda hear: pair.ours.generate(PROMPT, negative=WORSE, controls=asked, on_step=hear, **OPTIONS))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_a_batch_of_prompts_with_a_control_equals_that_of_diffusers(pair: Nets) -> None:
    prompts, control = [PROMPT, "a red card"], tiny.picture(96, 64, seed=5)
    theirs = their_union(
        pair,
        pair.union,
        prompt=prompts,
        negative_prompt=[" ", WORSE],
        control_image=control,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in (11, 12)],
    )
    asked = ControlImage("union", control)
    ours = our_steps(
        lambda hear: pair.ours.generate(prompts, negative=[" ", WORSE], controls=asked, on_step=hear, **OPTIONS)
    )
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def disc(width: int, height: int) -> Image.Image:
    """A mask with soft and curved edges."""
    grid = torch.cartesian_prod(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)).square().sum(-1)
    return Image.fromarray(((1.3 - grid).clamp(0, 1) * 255).byte().reshape(height, width).numpy())


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.25, 0.75)])
def test_inpainting_steps_equal_those_of_diffusers(pair: Nets, start: float, end: float) -> None:
    """diffusers draws this posterior from the global generator: it is set to where ours stands after the noise."""
    picture, mask = tiny.picture(192, 128, seed=4), disc(192, 128)
    generator = torch.Generator("cpu").manual_seed(11)
    torch.randn(1, 1, 16, 8, 12, generator=generator)
    with torch.random.fork_rng():
        torch.set_rng_state(generator.get_state())
        theirs, _ = their_steps(
            QwenImageControlNetInpaintPipeline(**pair.theirs.components, controlnet=pair.inpainting),
            **THEIR_OPTIONS,
            prompt=PROMPT,
            negative_prompt=WORSE,
            control_image=picture,
            control_mask=mask,
            controlnet_conditioning_scale=0.8,
            control_guidance_start=start,
            control_guidance_end=end,
            generator=torch.Generator("cpu").manual_seed(11),
        )
    asked = ControlImage("inpainting", picture, 0.8, start, end, mask)
    ours = our_steps(lambda hear: pair.ours.generate(PROMPT, negative=WORSE, controls=asked, on_step=hear, **OPTIONS))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
