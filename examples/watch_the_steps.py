"""Follow the denoising of a picture step by step, and stop early when asked.

python examples/watch_the_steps.py [FOLDER]
"""

import sys
from pathlib import Path

import hanmo
from hanmo.engine.denoise import StepInfo
from hanmo.pipeline.ask import make_request

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")


def watch(step: StepInfo) -> None:
    """Print how far the picture has come; raising `hanmo.errors.Cancelled` here would stop it."""
    spread = float(step.latents.std())
    print(f"step {step.index + 1:2d} of {step.total}  noise level {step.sigma:.3f}  spread of the latents {spread:.2f}")


pipe = hanmo.load()
result = pipe(make_request("generate", 'a green sign that says "OPEN"', seed=1), on_step=watch)
result.images[0].save(folder / "open.png")
