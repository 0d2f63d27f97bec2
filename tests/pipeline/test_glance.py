from __future__ import annotations

import numpy as np
import torch
from PIL import Image

import hanmo
from hanmo.engine.denoise import StepInfo
from hanmo.pipeline.pipeline import Pipeline


def test_a_glance_shows_the_colours_of_the_picture_while_it_is_painted() -> None:
    pipe = hanmo.load()
    seen: list[StepInfo] = []
    result = pipe.generate('a blue card with the text "HANMO"', seed=3, on_step=seen.append)
    small = np.asarray(result.images[0].resize((16, 8), Image.Resampling.BOX), dtype=float)
    differences = []
    for info in seen:
        (glance,) = pipe.show(info.clean, (128, 64))
        assert glance.size == (16, 8)
        differences.append(np.abs(np.asarray(glance, dtype=float) - small).mean())
    assert differences[-1] < 32  # of 255; the small model's latents are far from linear in colour
    (exact,) = pipe.show(seen[-1].clean, (128, 64), exact=True)
    np.testing.assert_array_equal(np.asarray(exact), np.asarray(result.images[0]))


def test_the_last_clean_latents_are_the_latents(pipe: Pipeline) -> None:
    seen: list[StepInfo] = []
    pipe.generate("red", seed=0, steps=2, cfg_scale=1.0, on_step=seen.append)
    assert torch.equal(seen[-1].clean, seen[-1].latents)
    assert not torch.equal(seen[0].clean, seen[0].latents)
