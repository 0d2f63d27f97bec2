"""Masked painting and edits of several pictures, step by step against diffusers, live on random weights."""

from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch
from diffusers import (
    QwenImageEditInpaintPipeline,
    QwenImageEditPlusPipeline,
    QwenImageInpaintPipeline,
)
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_inpaint, pipeline_qwenimage_edit_plus
from PIL import Image, ImageDraw
from side_by_side import Pair, load_pair, our_steps, their_steps
from torch import Tensor

from hanmo.model.tokens import Kind
from hanmo.pipeline.geometry import size_for
from hanmo.pipeline.pipeline import Pipeline

PROMPT = 'a red card with the text "HELLO"'


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return load_pair(tmp_path_factory.mktemp("checkpoint"), seed=4)


def mask() -> Image.Image:
    """On the grid of latent cells, where both ways to bring a mask to latents agree."""
    drawn = Image.new("L", (96, 64))
    ImageDraw.Draw(drawn).rectangle((16, 8, 55, 39), fill=255)
    return drawn


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_inpainting_steps_equal_those_of_diffusers(pair: Pair, strength: float) -> None:
    source = tiny.picture(96, 64, seed=9)
    steps, _ = their_steps(
        QwenImageInpaintPipeline(**pair.theirs.components),
        prompt=PROMPT,
        image=source,
        mask_image=mask(),
        negative_prompt=" ",
        true_cfg_scale=4.0,
        strength=strength,
        width=96,
        height=64,
        generator=torch.Generator("cpu").manual_seed(2),
    )
    options: dict[str, Any] = {"strength": strength, "steps": 4, "seed": 2, "cfg_scale": 4.0, "negative": " "}
    ours = our_steps(lambda hear: pair.ours.inpaint(source, mask(), PROMPT, on_step=hear, **options))
    torch.testing.assert_close(ours, steps, atol=1e-4, rtol=0)


@torch.inference_mode()
def states(pipe: Pipeline, pictures: list[Image.Image], kind: Kind, prompt: str = PROMPT) -> dict[str, Tensor]:
    """Both prompts' states from our encoder, whose parity (3-D positions) test_encoder_parity shows.

    Today's diffusers gives its encoder plain positions when pictures are there; these replace them.
    """
    positive, negative = (pipe.encoder.encode([words], [pictures], kind) for words in (prompt, " "))
    return {"prompt_embeds": positive.states, "negative_prompt_embeds": negative.states}


def without_encoder(kind: Any, pair: Pair) -> Any:
    return kind(**{**pair.theirs.components, "processor": None})


def test_edit_inpainting_steps_equal_those_of_diffusers(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    shrink = pipeline_qwenimage_edit_inpaint.calculate_dimensions
    monkeypatch.setattr(
        pipeline_qwenimage_edit_inpaint, "calculate_dimensions", lambda area, ratio: shrink(96 * 64, ratio)
    )
    source = tiny.picture(96, 64, seed=9)
    steps, _ = their_steps(
        without_encoder(QwenImageEditInpaintPipeline, pair),
        image=source,
        mask_image=mask(),
        true_cfg_scale=4.0,
        strength=0.8,
        generator=torch.Generator("cpu").manual_seed(2),
        **states(pair.ours, [source], "edit"),
    )
    options: dict[str, Any] = {"strength": 0.8, "steps": 4, "seed": 2, "cfg_scale": 4.0, "reference": True}
    ours = our_steps(lambda hear: pair.ours.inpaint(source, mask(), PROMPT, on_step=hear, **options))
    torch.testing.assert_close(ours, steps, atol=1e-4, rtol=0)


def test_editing_two_pictures_equals_diffusers_step_by_step(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_qwenimage_edit_plus, "CONDITION_IMAGE_SIZE", 56 * 56)
    monkeypatch.setattr(pipeline_qwenimage_edit_plus, "VAE_IMAGE_SIZE", 96 * 64)
    pictures = [tiny.picture(90, 70, seed=1), tiny.picture(64, 100, seed=2)]
    seen = [picture.resize(size_for(56 * 56, picture.size), Image.Resampling.LANCZOS) for picture in pictures]
    steps, _ = their_steps(
        without_encoder(QwenImageEditPlusPipeline, pair),
        image=pictures,
        true_cfg_scale=4.0,
        width=80,
        height=64,
        generator=torch.Generator("cpu").manual_seed(7),
        **states(pair.ours, seen, "edit_plus", "a red card"),
    )
    options: dict[str, Any] = {"steps": 4, "seed": 7, "cfg_scale": 4.0, "size": (80, 64)}
    ours = our_steps(lambda hear: pair.ours.edit([pictures], "a red card", on_step=hear, **options))
    torch.testing.assert_close(ours, steps, atol=1e-4, rtol=0)
