"""diffusers loads the bundled folder and paints the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import hanmo
from hanmo.weights.hub import resolve

diffusers = pytest.importorskip("diffusers", reason="parity needs diffusers")

PROMPTS = ('a blue card with the text "HANMO"', "一张红色的卡片，上面写着“你好”")


@pytest.fixture(scope="module")
def folder() -> Path:
    return resolve(None)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_diffusers_paints_the_same_picture_from_the_bundled_folder(folder: Path, prompt: str) -> None:
    pipe = hanmo.load()
    width, height = pipe.default_size
    ours = pipe.generate(prompt, size=(width, height), steps=20, cfg_scale=4.0, negative=" ", seed=5).images[0]
    reference = diffusers.QwenImagePipeline.from_pretrained(folder)
    reference.set_progress_bar_config(disable=True)
    theirs = reference(
        prompt,
        negative_prompt=" ",
        true_cfg_scale=4.0,
        width=width,
        height=height,
        num_inference_steps=20,
        generator=torch.Generator("cpu").manual_seed(5),
    ).images[0]
    difference = np.abs(np.asarray(ours, dtype=int) - np.asarray(theirs, dtype=int))
    assert difference.max() <= 2
    assert np.asarray(ours).std() > 5
