"""Latents after every step equal those of diffusers: live on random weights, and the golden files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from diffusers import QwenImageImg2ImgPipeline
from PIL import Image
from safetensors.torch import load_file
from side_by_side import Pair, load_pair, our_steps, their_steps
from torch import Tensor

import hanmo
from hanmo.model.latents import image_to_tensor, unpack
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.conditions import generators_of, prepare
from hanmo.pipeline.pictures import open_sources
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.request import Request
from hanmo.pipeline.work import plan_work

PROMPT = 'a red card with the text "HELLO"'
WORSE = "text 你好"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return load_pair(tmp_path_factory.mktemp("checkpoint"), seed=3)


@pytest.mark.parametrize("size", [(96, 64), (48, 80)])
@pytest.mark.parametrize("guided", [True, False])
def test_text_to_image_steps_equal_those_of_diffusers(pair: Pair, size: tuple[int, int], guided: bool) -> None:
    scale = 4.0 if guided else 1.0
    steps, images = their_steps(
        pair.theirs,
        prompt=PROMPT,
        negative_prompt=WORSE if guided else None,
        true_cfg_scale=scale,
        width=size[0],
        height=size[1],
        generator=torch.Generator("cpu").manual_seed(11),
    )
    negative = WORSE if guided else None
    options = {"size": size, "steps": 4, "cfg_scale": scale, "negative": negative, "seed": 11}
    ours = our_steps(lambda hear: pair.ours.generate(PROMPT, on_step=hear, **options))
    torch.testing.assert_close(ours, steps, atol=1e-4, rtol=0)
    picture = pair.ours.generate(PROMPT, **options).images[0]
    difference = (image_to_tensor(picture) - image_to_tensor(images[0])).abs().max() * 127.5
    assert difference <= 1.01


def test_a_batch_of_prompts_equals_that_of_diffusers(pair: Pair) -> None:
    prompts = [PROMPT, "a red card"]
    steps, _ = their_steps(
        pair.theirs,
        prompt=prompts,
        negative_prompt=[" ", WORSE],
        true_cfg_scale=4.0,
        width=96,
        height=64,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in (5, 6)],
    )
    ours = our_steps(lambda hear: pair.ours.generate(prompts, negative=[" ", WORSE], steps=4, seed=5, on_step=hear))
    torch.testing.assert_close(ours, steps, atol=1e-4, rtol=0)


@pytest.mark.parametrize("strength", [0.3, 0.6, 1.0])
def test_image_to_image_steps_equal_those_of_diffusers(pair: Pair, strength: float) -> None:
    source = tiny.picture(120, 70, seed=9)
    steps, _ = their_steps(
        QwenImageImg2ImgPipeline(**pair.theirs.components),
        prompt=PROMPT,
        image=source,
        negative_prompt=" ",
        true_cfg_scale=4.0,
        strength=strength,
        width=96,
        height=64,
        generator=torch.Generator("cpu").manual_seed(2),
    )
    options = {"strength": strength, "size": (96, 64), "steps": 4, "seed": 2}
    ours = our_steps(lambda hear: pair.ours.img2img(source, PROMPT, on_step=hear, **options))
    torch.testing.assert_close(ours, steps, atol=1e-4, rtol=0)


# --- golden files --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Golden:
    pipe: Pipeline
    folder: Path
    facts: dict[str, Any]

    def tensors(self, case: str) -> dict[str, Tensor]:
        return {key: value.float() for key, value in load_file(self.folder / f"{case}.safetensors").items()}

    def arguments(self, case: str) -> dict[str, Any]:
        arguments: dict[str, Any] = self.facts["cases"][case]["args"]
        return arguments


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    checkpoint = shared / "golden" / "tiny-qwen-image"
    facts = json.loads((checkpoint / "golden" / "golden.json").read_text(encoding="utf-8"))
    return Golden(hanmo.load(checkpoint), checkpoint / "golden", facts)


@torch.inference_mode()
def run_from(pipe: Pipeline, request: Request, noise: Tensor) -> tuple[Tensor, list[Image.Image]]:
    """The run of a request whose noise is given instead of drawn."""
    works = plan_work(request, open_sources(request.images), pipe.preferences)
    request = request.resolve(pipe.preferences, [work.output for work in works])
    found = prepare(request, works, pipe.encoder, pipe.vae, pipe.preferences.max_text, generators_of(request))
    conditions = replace(found, noise=noise)
    seen: list[Tensor] = []
    latents = pipe._denoise(request, conditions, lambda info: seen.append(info.latents))
    width, height = works[0].canvas.size
    return torch.cat(seen), pipe._decode(unpack(latents, height // 8, width // 8))


def pixels_apart(images: list[Image.Image], golden_image: Tensor) -> float:
    """Furthest difference in 8-bit steps; golden pictures are in [0, 1]."""
    ours = torch.cat([image_to_tensor(image) for image in images]) / 2 + 0.5
    return float((ours - golden_image).abs().max() * 255)


def golden_request(golden: Golden, case: str, task: Any = "generate", images: Any = None, **more: Any) -> Request:
    given = golden.arguments(case)
    return make_request(
        task,
        given.get("prompt", golden.facts["prompt"]),
        images,
        size=(given["width"], given["height"]),
        steps=given["num_inference_steps"],
        cfg_scale=given["true_cfg_scale"],
        negative=given.get("negative_prompt", golden.facts["negative"]),
        **more,
    )


@pytest.mark.parametrize("case", ["t2i", "t2i_batch2"])
def test_golden_text_to_image_steps_are_met(golden: Golden, case: str) -> None:
    tensors = golden.tensors(case)
    steps, images = run_from(golden.pipe, golden_request(golden, case, seed=0), tensors["latents"])
    torch.testing.assert_close(steps, tensors["step_latents"], atol=1e-4, rtol=0)
    assert pixels_apart(images, tensors["image"]) <= 1


def test_golden_image_to_image_steps_are_met_from_the_seed_alone(golden: Golden) -> None:
    given, tensors = golden.arguments("img2img"), golden.tensors("img2img")
    source = golden.folder / given["image"]
    request = golden_request(golden, "img2img", "img2img", source, strength=given["strength"], seed=given["seed"])
    seen: list[Tensor] = []
    result = golden.pipe(request, lambda info: seen.append(info.latents))
    torch.testing.assert_close(torch.cat(seen), tensors["step_latents"], atol=1e-4, rtol=0)
    assert pixels_apart(result.images, tensors["image"]) <= 1


def test_golden_edit_steps_are_met_with_3d_positions(golden: Golden) -> None:
    tensors = golden.tensors("edit_mrope3d")
    source = golden.folder / golden.arguments("edit_mrope3d")["images"][0]
    request = golden_request(golden, "edit_mrope3d", "edit", source, seed=0)
    steps, images = run_from(golden.pipe, request, tensors["latents"])
    torch.testing.assert_close(steps, tensors["step_latents"], atol=1e-4, rtol=0)
    assert pixels_apart(images, tensors["image"]) <= 1
