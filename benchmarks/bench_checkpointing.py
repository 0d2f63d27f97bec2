"""What activation checkpointing costs and saves: seconds of a training step, and the most memory it held.

    python -m benchmarks.bench_checkpointing --layers 6 --heads 8 --head-dim 64 --tokens 1024 --batch 4

One process for each way (`shard.checkpointing` off, selective, full), so that no way profits from memory that another
asked for; the same random model, tokens and seed. Memory is what the device's allocator held at most; on a CPU it is
the process's peak less what it was before the first step. Seconds are the median of `--steps` after one unmeasured
step: forward, backward, AdamW. The report saw 3.75 times the time for 11 % less memory at 256p. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import torch

from benchmarks import machine
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.shard.recompute import recompute

WAYS = ("off", "selective", "full")
MEBIBYTE = 2**20


def measure(way: Any, options: argparse.Namespace) -> dict[str, float]:
    """Steps of one way in this process."""
    device = torch.device(options.device)
    torch.manual_seed(0)
    head = options.head_dim
    config = TransformerConfig(
        num_layers=options.layers,
        num_attention_heads=options.heads,
        attention_head_dim=head,
        joint_attention_dim=256,
        axes_dims_rope=(head // 8 * 2, head // 8 * 3, head // 8 * 3),
    )
    model = MMDiT(config).to(device)
    recompute(model, way)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    side = int(options.tokens**0.5)
    latents = torch.randn(options.batch, side * side, config.in_channels, device=device)
    states = torch.randn(options.batch, 64, 256, device=device)
    t = torch.rand(options.batch, device=device)
    before, seconds = peak(device), []
    for _ in range(options.steps + 1):
        began = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = model(latents, states, None, t, [(1, side, side)]).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()  # waits for the device
        seconds.append(time.perf_counter() - began)
    held = peak(device) - (before if device.type == "cpu" else 0.0)
    return {"seconds": statistics.median(seconds[1:]), "mebibytes": held, "loss": loss.item()}


def peak(device: torch.device) -> float:
    """Mebibytes held at most so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / MEBIBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name, default in (("layers", 6), ("heads", 8), ("head-dim", 32), ("tokens", 256), ("batch", 4), ("steps", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--way", choices=WAYS, help="measure this one here, and print its JSON only")
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options)))
        return
    found: dict[str, Any] = {}
    for way in WAYS:
        words = [sys.executable, "-m", "benchmarks.bench_checkpointing", *sys.argv[1:], "--way", way]
        found[way] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    print("| checkpointing | s/step | ratio | MiB | ratio |\n|---|---|---|---|---|")
    for way, one in found.items():
        times, memory = (one[key] / found["off"][key] for key in ("seconds", "mebibytes"))
        print(f"| {way} | {one['seconds']:.3f} | {times:.2f} | {one['mebibytes']:.0f} | {memory:.2f} |")
    print(json.dumps({"machine": machine.describe(), "options": vars(options), "found": found}, default=str))


if __name__ == "__main__":
    main()
