"""A whole picture by a checkpoint folder, prompt to pixels with guidance, against diffusers' pipeline.

Both sides load the same folder, get the same prompt and seed, and take 20 steps with guidance 4.0 and the
negative prompt " ". `difference` is the largest difference of the pictures in 0-255, divided by 255.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import QwenImagePipeline
from PIL import Image

import hanmo
from benchmarks.compare import Row, compare, show
from hanmo.errors import HanmoError
from hanmo.weights.hub import resolve

PROMPT = 'a red card with the text "HELLO"'
STEPS = 20
SEED = 7


def bundled() -> Path | None:
    """The bundled model's folder, or None in a checkout that has none yet."""
    try:
        return resolve(None)
    except HanmoError:
        return None


def measure(model: Path, runs: int = 5, size: tuple[int, int] | None = None, steps: int = STEPS) -> list[Row]:
    """One row: the picture at `size` (width, height), or at the checkpoint's preferred size."""
    ours = hanmo.load(str(model))
    reference = QwenImagePipeline.from_pretrained(model, dtype=torch.float32)
    reference.set_progress_bar_config(disable=True)
    width, height = size or ours.default_size

    def paint() -> Image.Image:
        return ours.generate(PROMPT, size=(width, height), steps=steps, cfg_scale=4.0, seed=SEED).images[0]

    def paint_reference() -> Image.Image:
        # The noise is drawn here as both sides define it: float32 on the CPU.
        images = reference(
            PROMPT,
            negative_prompt=" ",
            true_cfg_scale=4.0,
            width=width,
            height=height,
            num_inference_steps=steps,
            generator=torch.Generator("cpu").manual_seed(SEED),
        ).images
        return images[0]

    difference = np.abs(np.asarray(paint(), dtype=int) - np.asarray(paint_reference(), dtype=int)).max() / 255
    name = f"picture by {model.name}, {width}x{height}, {steps} steps with guidance"
    return [compare(name, paint, paint_reference, runs, None, float(difference))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=None, help="a checkpoint folder (default: the bundled model)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show(measure(options.model or resolve(None), options.runs))


if __name__ == "__main__":
    main()
