"""One step of the released transformer (20.4 B random parameters, bfloat16) on a GPU: time and memory.

Weights are made on the device; nothing of that size ever lies in the machine's memory. diffusers is measured
in the same process with the same tensors, so that both fit one device. Three sizes of picture; the step
without guidance (one forward pass). Hanmo's modulation tables are computed once for 20 steps; 1/20 of that is
added to its step. Without a GPU the plan is printed: parameters, bytes, tokens and FLOPs of each case, from
the meta device.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import nn

from benchmarks.compare import relative
from benchmarks.machine import describe
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import rope

STEPS = 20
TEXT = 128
SIDES = (512, 1024, 1328)


@dataclass(frozen=True)
class Step:
    """One case: seconds by the device's clock, and the most memory held meanwhile beyond the weights."""

    side: int
    tokens: int
    who: str
    seconds: float
    minimum: float
    extra_gib: float
    difference: float | None


def build(config: TransformerConfig, device: torch.device, dtype: torch.dtype) -> MMDiT:
    """A transformer with random weights that keep activations in range, made on the device."""
    with torch.device("meta"):
        model = MMDiT(config).to(dtype)
    model = model.to_empty(device=device).eval().requires_grad_(False)
    generator = torch.Generator(device).manual_seed(0)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 1.0)
        else:
            nn.init.normal_(parameter, 0.0, parameter.shape[1] ** -0.5, generator=generator)
    return model


def share(ours: MMDiT) -> nn.Module:
    """Diffusers' transformer over the same tensors."""
    from diffusers import QwenImageTransformer2DModel

    with torch.device("meta"):
        reference: nn.Module = QwenImageTransformer2DModel(**asdict(ours.config))
    reference.load_state_dict(ours.state_dict(), strict=True, assign=True)
    # Its rotary tables are no parameters, so they were made on the meta device: make them again.
    reference.pos_embed = type(reference.pos_embed)(
        theta=10000, axes_dim=list(ours.config.axes_dims_rope), scale_rope=True
    )
    return reference.eval().requires_grad_(False)


def clock(work: Callable[[], object], runs: int) -> tuple[float, float, float]:
    """Median and least seconds by the device's clock, and GiB at the peak beyond what was held before."""
    work()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(runs):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        stop.record()
        torch.cuda.synchronize()
        seconds.append(start.elapsed_time(stop) / 1000)
    return statistics.median(seconds), min(seconds), (torch.cuda.max_memory_allocated() - before) / 2**30


@torch.no_grad()
def measure_side(ours: MMDiT, reference: nn.Module | None, side: int, runs: int) -> list[Step]:
    """Steps of both sides for one square picture."""
    device, dtype = ours.img_in.weight.device, ours.img_in.weight.dtype
    cells = side // 16
    shapes = [(1, cells, cells)]
    generator = torch.Generator(device).manual_seed(side)
    latents = torch.randn(1, cells * cells, 64, generator=generator, device=device, dtype=dtype)
    states = torch.randn(1, TEXT, ours.config.joint_attention_dim, generator=generator, device=device, dtype=dtype)
    sigmas = torch.linspace(1.0, 1.0 / STEPS, STEPS, device=device, dtype=dtype)
    rotation = rope(shapes, TEXT, ours.config.axes_dims_rope, device)
    text, tables = ours.text(states), ours.modulation(ours.time(sigmas))
    at = slice(7, 8)
    works: dict[str, Callable[[], torch.Tensor]] = {
        "hanmo": lambda: ours.velocity(latents, text, None, rotation, tables[at])
    }
    if reference is not None:
        works["diffusers"] = lambda: reference(latents, states, None, sigmas[at], [shapes], return_dict=False)[0]
    outputs = {who: work() for who, work in works.items()}
    prepared = clock(lambda: ours.modulation(ours.time(sigmas)), 3)[0] / STEPS
    steps = []
    for who, work in works.items():
        seconds, minimum, extra = clock(work, runs)
        added = prepared if who == "hanmo" else 0.0
        difference = relative(outputs["hanmo"], outputs[who]) if who != "hanmo" else None
        steps.append(Step(side, cells * cells, who, seconds + added, minimum + added, extra, difference))
    return steps


def plan(config: TransformerConfig, sides: tuple[int, ...]) -> dict[str, object]:
    """What a run would need, without allocating it."""
    with torch.device("meta"):
        model = MMDiT(config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    modulation = sum(p.numel() for name, p in model.named_parameters() if "_mod." in name)
    width, layers = config.inner_dim, config.num_layers
    cases = []
    for side in sides:
        image = (side // 16) ** 2
        linear = 2 * 12 * width * width * (image + TEXT) * layers
        attention = 4 * (image + TEXT) ** 2 * width * layers
        cases.append({"side": side, "image_tokens": image, "text_tokens": TEXT, "tflop": (linear + attention) / 1e12})
    return {
        "parameters": parameters,
        "weights_gib_bfloat16": 2 * parameters / 2**30,
        "modulation_gib_bfloat16": 2 * modulation / 2**30,
        "cases": cases,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=60)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-reference", action="store_true", help="do not measure diffusers")
    options = parser.parse_args()
    config = TransformerConfig(num_layers=options.layers)
    result: dict[str, object] = {"machine": describe(), "plan": plan(config, tuple(options.sides))}
    for key, value in result["plan"].items():  # type: ignore[attr-defined]
        print(f"{key}: {value}")
    if not torch.cuda.is_available():
        print("no CUDA device: this is the plan only")
    else:
        ours = build(config, torch.device("cuda"), torch.bfloat16)
        held = torch.cuda.memory_allocated() / 2**30
        reference = None if options.no_reference else share(ours)
        steps = [step for side in options.sides for step in measure_side(ours, reference, side, options.runs)]
        print(f"weights held: {held:.2f} GiB")
        for step in steps:
            print(f"{step.side:5d} px {step.who:10s} {1e3 * step.seconds:8.1f} ms, +{step.extra_gib:.2f} GiB")
        result.update(weights_gib=held, steps=[asdict(step) for step in steps])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
