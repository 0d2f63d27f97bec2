"""One training step against a plain loop around diffusers' transformer: same weights, data and batch, fp32.

    python -m benchmarks.bench_train --threads 1

A step is: flow-matching loss of a batch (noise and times given), gradients, clipping, AdamW. Ours is the objective's
forward pass as `train/flow_run` sets the model up, and the optimizer that `train/optim` builds (AdamW, fused); theirs
is what a script would write: `model.train()`, `backward()`, `clip_grad_norm_`, `torch.optim.AdamW`; both have the same
rates, decays and betas. Making batches is not counted. The difference is that of the losses after
the last step, relative. Memory: how far a process that does one side alone grows over three steps; the median of five
such processes, and their least and most, since the allocator is not the same twice.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from diffusers import QwenImageTransformer2DModel
from torch import Tensor, nn

from benchmarks.bench_step import SMALL, pair
from benchmarks.compare import Row, interleave, show
from hanmo.flow import interpolate, velocity
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.attention import plain_attention
from hanmo.train.optim import OptimConfig, build

TINY = TransformerConfig(
    num_layers=6, num_attention_heads=8, attention_head_dim=32, joint_attention_dim=256, axes_dims_rope=(8, 12, 12)
)
"""The bundled model's sizes."""
CLIP, RATE, DECAY, BETAS = 1.0, 1e-4, 0.0, (0.9, 0.999)


@dataclass(frozen=True)
class Case:
    """A batch of `batch` pictures of height x width tokens, prompts of `text` tokens."""

    name: str
    config: TransformerConfig
    batch: int
    height: int
    width: int
    text: int


CASES = (
    Case("training step, the bundled model's sizes", TINY, 16, 4, 8, 24),
    Case("training step, mid-size: 8 layers 4x128", SMALL, 4, 16, 16, 64),
)
TARGET = 1.1


def batch_of(case: Case) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Clean latents, noise, condition, times."""
    generator = torch.Generator().manual_seed(1)
    shape = (case.batch, case.height * case.width, case.config.in_channels)
    clean, noise = (torch.randn(shape, generator=generator) for _ in range(2))
    states = torch.randn(case.batch, case.text, case.config.joint_attention_dim, generator=generator)
    return clean, noise, states, torch.rand(case.batch, generator=generator)


def ours(case: Case, model: MMDiT) -> Callable[[], float]:
    """Our step."""
    clean, noise, states, t = batch_of(case)
    shapes = [(1, case.height, case.width)]
    for block in model.transformer_blocks:
        block.attn.attend = plain_attention  # type: ignore[union-attr,assignment]
    wanted, tokens = velocity(clean, noise), interpolate(clean, noise, t)
    config = OptimConfig(kind="adamw", lr=RATE, betas=BETAS, eps=1e-8, weight_decay=DECAY)
    optimizers = build({"transformer": model.requires_grad_(True)}, config)
    return step_of(model, lambda: model(tokens, states, None, t, shapes), wanted, optimizers)


def theirs(case: Case, model: QwenImageTransformer2DModel) -> Callable[[], float]:
    """The plain loop's step."""
    clean, noise, states, t = batch_of(case)
    shapes = [[(1, case.height, case.width)]] * case.batch
    tokens = (1 - t[:, None, None]) * clean + t[:, None, None] * noise
    optimizer = torch.optim.AdamW(model.parameters(), RATE, BETAS, weight_decay=DECAY)
    return step_of(
        model, lambda: model(tokens, states, None, t, shapes, return_dict=False)[0], noise - clean, [optimizer]
    )


def step_of(
    model: nn.Module, forward: Callable[[], Tensor], wanted: Tensor, optimizers: Sequence[torch.optim.Optimizer]
) -> Callable[[], float]:
    model.train().requires_grad_(True)
    parameters = list(model.parameters())

    def step() -> float:
        loss = (forward().float() - wanted).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step


def apart(config: TransformerConfig) -> tuple[MMDiT, QwenImageTransformer2DModel]:
    """The same weights in both, each with memory of its own: both learn."""
    mine, reference = pair(config)
    for parameter in mine.parameters():
        parameter.data = parameter.data.clone()
    return mine, reference


def measure_case(case: Case, runs: int) -> Row:
    """One row."""
    mine, reference = apart(case.config)
    losses: dict[str, float] = {}

    def keep(name: str, step: Callable[[], float]) -> Callable[[], None]:
        def work() -> None:
            losses[name] = step()

        return work

    works = {"hanmo": keep("hanmo", ours(case, mine)), "reference": keep("reference", theirs(case, reference))}
    timings = interleave(works, runs)
    difference = abs(losses["hanmo"] - losses["reference"]) / losses["reference"]
    name = f"{case.name}, {case.batch} x ({case.height * case.width}+{case.text}) tokens"
    return Row(name, timings["hanmo"], timings["reference"], TARGET, difference)


def grown(number: int, side: str) -> float:
    """MiB that a process grows by over three steps of one side; to be called in one that did nothing else."""
    case = CASES[number]
    mine, reference = apart(case.config)
    step = ours(case, mine) if side == "hanmo" else theirs(case, reference)
    before = highest()
    for _ in range(3):
        step()
    return (highest() - before) / 1024


def highest() -> int:
    """KiB that this process has held at once (`getrusage` would count the process that started it, too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def memory(number: int, side: str, threads: int) -> float:
    """`grown` in a new process."""
    code = (
        f"import torch; torch.set_num_threads({threads}); from benchmarks import bench_train as b; "
        f"print(b.grown({number}, {side!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processes", type=int, default=5, help="of each side, whose memory is measured")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = {}
    for number, case in enumerate(CASES):
        mib = {
            side: sorted(memory(number, side, options.threads) for _ in range(options.processes))
            for side in ("hanmo", "reference")
        }
        mine, theirs = (f"{median(kept):.0f} ({kept[0]:.0f} to {kept[-1]:.0f})" for kept in mib.values())
        print(f"memory of {case.name}: Hanmo {mine} MiB, the plain loop {theirs} MiB")
        found[case.name] = mib
    show([measure_case(case, options.runs) for case in CASES])
    sys.stdout.write(json.dumps({"memory_mib": found}) + "\n")


if __name__ == "__main__":
    main()
