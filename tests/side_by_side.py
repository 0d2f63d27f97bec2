"""Both implementations on one checkpoint: their latents after every step, for the parity tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiny
import torch
from diffusers import QwenImagePipeline
from PIL import Image
from torch import Tensor

import hanmo
from hanmo.engine.denoise import StepInfo
from hanmo.pipeline.pipeline import Pipeline


@dataclass(frozen=True)
class Pair:
    """Our pipeline and theirs, loaded from the same folder."""

    ours: Pipeline
    theirs: QwenImagePipeline


def load_pair(folder: Path, seed: int) -> Pair:
    """Write a random checkpoint to `folder` and load it twice."""
    tiny.save_checkpoint(folder, seed=seed)
    return Pair(hanmo.load(folder), QwenImagePipeline.from_pretrained(folder))


def our_steps(run: Callable[[Callable[[StepInfo], None]], object]) -> Tensor:
    """Latents after every step of a run of ours, which is handed its `on_step`."""
    seen: list[Tensor] = []
    run(lambda info: seen.append(info.latents))
    return torch.stack(seen)


def their_steps(pipeline: Any, **arguments: Any) -> tuple[Tensor, list[Image.Image]]:
    """Latents after each of four steps of a diffusers pipeline, and its pictures."""
    seen: list[Tensor] = []

    def keep(pipe: Any, index: int, t: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        seen.append(values["latents"].clone())
        return values

    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(num_inference_steps=4, callback_on_step_end=keep, **arguments).images
    return torch.stack(seen), images
