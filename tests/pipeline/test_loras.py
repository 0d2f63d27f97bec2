"""LoRAs and presets named by a request: they change that picture and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lora_files
import pytest
import torch
from PIL import Image
from torch import Tensor

from hanmo.errors import HanmoError, RequestError, WeightsError
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.presets import PRESETS
from hanmo.safety.provenance import parameters
from hanmo.weights.preferences import Preferences

PROMPT = "a red card"


@pytest.fixture
def files(pipe: Pipeline, tmp_path: Path) -> dict[str, Path]:
    shapes = lora_files.linears(pipe.transformer)
    return {
        name: lora_files.write(tmp_path / f"{name}.safetensors", kind, lora_files.pairs(shapes, seed))
        for seed, (name, kind) in enumerate((("style", "lora_unet_"), ("hand", "transformer.")))
    }


@pytest.fixture
def loaded(pipe: Pipeline, files: dict[str, Path]) -> Iterator[Pipeline]:
    for path in files.values():
        assert pipe.load_lora(path) == path.stem
    yield pipe
    for name in files:
        pipe.adapters.remove(name)


def latents(pipe: Pipeline, **options: Any) -> Tensor:
    seen: list[Tensor] = []
    pipe.generate(PROMPT, steps=2, seed=1, on_step=lambda info: seen.append(info.latents), **options)
    return seen[-1]


@pytest.mark.parametrize("cfg_scale", [1.0, 4.0])
def test_a_request_without_loras_is_what_it_was_before_any_was_loaded(
    pipe: Pipeline, files: dict[str, Path], cfg_scale: float
) -> None:
    before = latents(pipe, cfg_scale=cfg_scale)
    pipe.load_lora(files["style"], "changed")
    assert torch.equal(latents(pipe, cfg_scale=cfg_scale), before)
    other = latents(pipe, cfg_scale=cfg_scale, loras=[("changed", 0.5)])
    assert float((other - before).abs().max()) > 0.01
    assert torch.equal(latents(pipe, cfg_scale=cfg_scale), before)
    pipe.adapters.remove("changed")


def test_requests_choose_stacks_and_weights_one_after_the_other(loaded: Pipeline) -> None:
    stacks: list[list[tuple[str, float]]] = [
        [("style", 0.5)],
        [("style", 0.1)],
        [("hand", 0.5)],
        [("style", 0.5), ("hand", 0.5)],
    ]
    first = [latents(loaded, loras=stack) for stack in stacks]
    again = [latents(loaded, loras=stack) for stack in reversed(stacks)]
    assert all(torch.equal(a, b) for a, b in zip(first, reversed(again), strict=True))
    assert min(float((a - b).abs().max()) for i, a in enumerate(first) for b in first[:i]) > 1e-3


def test_merged_equals_named_by_each_request_and_can_be_taken_out(loaded: Pipeline) -> None:
    plain, name = latents(loaded), loaded.name
    stack = [("style", 0.5), ("hand", -0.25)]
    named = latents(loaded, loras=stack)
    loaded.merge_loras(stack)
    assert loaded.name == f"{name} + style:0.5, hand:-0.25"
    torch.testing.assert_close(latents(loaded), named, atol=1e-4, rtol=1e-4)
    with pytest.raises(RequestError, match="'style' is merged into the model"):
        latents(loaded, loras=[("style", 1.0)])
    loaded.unmerge_loras()
    assert loaded.name == name
    assert torch.equal(latents(loaded), plain)


def test_edits_and_img2img_take_loras_and_presets_too(loaded: Pipeline) -> None:
    picture = Image.new("RGB", (96, 64), "red")
    for run in (loaded.edit, loaded.img2img):
        plain = run(picture, PROMPT, steps=2, seed=1)
        result = run(picture, PROMPT, steps=2, seed=1, loras=[("style", 0.5)], preset="lightning-8")
        assert (result.request.loras, result.request.steps) == ((("style", 0.5),), 2)
        assert (result.request.cfg_scale, result.request.shift) == (1.0, 3.0)
        assert result.images[0].tobytes() != plain.images[0].tobytes()


def test_the_result_says_what_was_used(loaded: Pipeline) -> None:
    result = loaded.generate(PROMPT, seed=1, loras=[("style", 0.5)], preset="lightning-4")
    record = result.request.record()
    wanted = {"steps": 4, "cfg_scale": 1.0, "shift": 3.0, "preset": "lightning-4", "loras": [["style", 0.5]]}
    assert {key: record.get(key) for key in wanted} == wanted
    assert "negative" not in record
    assert 'Preset: lightning-4, Shift: 3.0, LoRA: "style:0.5"' in parameters(record)


def test_an_unknown_lora_is_refused_before_anything_is_computed(loaded: Pipeline) -> None:
    with pytest.raises(RequestError, match="no LoRA named 'stile' is loaded: did you mean 'style'"):
        loaded.generate("word " * 500, loras=[("stile", 1.0)])


def test_a_lora_of_another_model_is_refused_and_leaves_no_name(pipe: Pipeline, tmp_path: Path) -> None:
    shapes = {"transformer_blocks.7.attn.to_q": (64, 64)}
    path = lora_files.write(tmp_path / "x.safetensors", "diffusion_model.", lora_files.pairs(shapes))
    with pytest.raises(WeightsError, match=r"nearest is 'transformer_blocks.\d.attn.to_q'"):
        pipe.load_lora(path)
    assert pipe.adapters.names == ()


def test_values_too_large_are_found_and_the_next_request_is_clean(loaded: Pipeline) -> None:
    before = latents(loaded)
    with pytest.raises(HanmoError, match="not finite"):
        latents(loaded, loras=[("style", 1e38)])
    assert torch.equal(latents(loaded), before)


# --- requests alone --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loras": [("a", float("nan"))]}, "weight nan of the LoRA 'a' is not allowed: give a finite number"),
        ({"loras": [("a", float("inf"))]}, "weight inf of the LoRA 'a'"),
        ({"loras": [("a", 1.0), ("a", 2.0)]}, "the LoRA 'a' is given twice"),
        ({"preset": "lightning-5"}, "there is no preset 'lightning-5': did you mean 'lightning-"),
        ({"preset": "x"}, "give one of preview, refined, lightning-4, lightning-8"),
        ({"preset": "lightning-4", "negative": "ugly"}, "no effect with the preset lightning-4"),
        ({"shift": 0.0}, r"shift 0.0 is not allowed: give more than 0"),
        ({"shift": float("nan")}, "shift nan is not allowed"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        make_request("generate", PROMPT, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["lightning-4", "lightning-8"])
def test_a_preset_fills_in_what_is_left_open_and_no_more(name: str) -> None:
    preferences = Preferences(steps=30, cfg_scale=4.0)
    request = make_request("generate", PROMPT, seed=0, preset=name).resolve(preferences, [(96, 64)])
    assert (request.steps, request.cfg_scale, request.negatives) == (PRESETS[name].steps, 1.0, None)
    assert request.shift == 3.0
    own = make_request("generate", PROMPT, seed=0, preset=name, steps=6, cfg_scale=2.0, shift=2.0)
    own = own.resolve(preferences, [(96, 64)])
    assert (own.steps, own.cfg_scale, own.shift, own.negatives) == (6, 2.0, 2.0, (" ",))


def test_a_shift_changes_the_noise_levels(pipe: Pipeline) -> None:
    seen: list[float] = []
    pipe(make_request("generate", PROMPT, steps=4, seed=0, shift=3.0), lambda info: seen.append(info.sigma))
    assert seen == pytest.approx([0.9, 0.75, 0.5, 0.0], abs=1e-6)  # 3 s / (1 + 2 s) at 3/4, 1/2, 1/4; then the data


def test_a_preview_is_quick_and_its_refinement_is_the_checkpoints_own_schedule() -> None:
    preferences = Preferences(steps=30, cfg_scale=2.0)
    quick = make_request("generate", PROMPT, seed=0, preset="preview").resolve(preferences, [(96, 64)])
    full = make_request("generate", PROMPT, seed=0, preset="refined").resolve(preferences, [(96, 64)])
    assert (quick.steps, quick.cfg_scale, quick.shift) == (12, 2.0, None)
    assert (full.steps, full.cfg_scale, full.shift) == (30, 2.0, None)
    assert full.record()["preset"] == "refined"
