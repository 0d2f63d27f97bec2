"""One denoise step of the transformer against diffusers, same random weights, fp32.

Hanmo computes what a whole picture shares (time embedding, modulation tables of all steps, the text stream's
input) once before the first step. That work is measured too, and 1/20 of it is added to each step: pictures
are assumed to take 20 steps. Outputs are compared at the same sigma.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from diffusers import QwenImageTransformer2DModel

from benchmarks.compare import Row, interleave, relative, show
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import rope

STEPS = 20
SMALL = TransformerConfig(num_layers=8, num_attention_heads=4, joint_attention_dim=512)
FULL_WIDTH = TransformerConfig(num_layers=2)


@dataclass(frozen=True)
class Case:
    """A configuration with a picture of height x width tokens and a prompt of `text` tokens."""

    name: str
    config: TransformerConfig
    height: int
    width: int
    text: int
    target: float


CASES = (
    Case("step, 8 layers 4x128", SMALL, 8, 8, 24, 1.1),
    Case("step, 8 layers 4x128", SMALL, 16, 16, 64, 1.1),
    Case("step, full width: 2 layers 24x128", FULL_WIDTH, 32, 32, 128, 1.0),
)


def pair(config: TransformerConfig) -> tuple[MMDiT, QwenImageTransformer2DModel]:
    """Both implementations; the weights are random, not zero anywhere, and shared in memory."""
    torch.manual_seed(0)
    reference = QwenImageTransformer2DModel(**asdict(config)).eval().requires_grad_(False)
    with torch.device("meta"):
        ours = MMDiT(config)
    ours.load_state_dict(reference.state_dict(), strict=True, assign=True)
    return ours.eval().requires_grad_(False), reference


@torch.no_grad()
def measure_case(case: Case, runs: int) -> Row:
    """One row: reference step / (our step + our share of the preparation)."""
    ours, reference = pair(case.config)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, case.height * case.width, case.config.in_channels, generator=generator)
    states = torch.randn(1, case.text, case.config.joint_attention_dim, generator=generator)
    sigmas = torch.linspace(1.0, 1.0 / STEPS, STEPS)
    shapes = [(1, case.height, case.width)]

    def prepare() -> tuple[object, ...]:
        modulation = ours.modulation(ours.time(sigmas))
        rotation = rope(shapes, case.text, case.config.axes_dims_rope)
        return ours.text(states), rotation, [modulation[i : i + 1] for i in range(STEPS)]

    text, rotation, tables = prepare()
    at = 7

    def step() -> torch.Tensor:
        return ours.velocity(latents, text, None, rotation, tables[at])

    def reference_step() -> torch.Tensor:
        return reference(latents, states, None, sigmas[at : at + 1], [shapes], return_dict=False)[0]

    difference = relative(step(), reference_step())
    timings = interleave({"hanmo": step, "reference": reference_step}, runs)
    share = statistics.median([seconds_of(prepare) for _ in range(3)]) / STEPS
    name = f"{case.name}, {case.height * case.width}+{case.text} tokens"
    return Row(name, timings["hanmo"].plus(share), timings["reference"], case.target, difference)


def seconds_of(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def measure(runs: int = 15, full_width_runs: int = 5) -> list[Row]:
    """All cases; the full-width one takes seconds a turn."""
    return [measure_case(case, full_width_runs if case.config == FULL_WIDTH else runs) for case in CASES]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--full-width-runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show(measure(options.runs, options.full_width_runs))


if __name__ == "__main__":
    main()
