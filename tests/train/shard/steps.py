"""Five steps as the loop takes them, by one process or by several under torchrun, and what must be the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hanmo.train.checkpoint import Parts
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.gradients import local
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.state import ShardedEMA, regroup, whole

STEPS, ACCUMULATE = 5, 4
OPTIM = OptimConfig(lr=3e-3, eps=1e-6, clip=0.05, ema=0.7)


class Readout(nn.Module):
    """A trained part that stays a copy in each process, as the condition encoder does."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(5, 12)
        self.sometimes = nn.Parameter(torch.zeros(12))
        self.never = nn.Parameter(torch.zeros(3))


def randomise(modules: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """The modules, no weight of which is zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in modules.values():
            for weight in module.parameters():
                start = 1.0 if weight.ndim == 1 else 0.0
                weight.normal_(start, 0.2, generator=generator)
    return modules


@dataclass(frozen=True)
class Toy:
    """What takes the steps: new modules, always the same, and the loss of batch number (step, part)."""

    made: Callable[[], dict[str, nn.Module]]
    loss: Callable[[dict[str, nn.Module], int, int], Tensor]


def five_steps(
    toy: Toy, config: ShardConfig | None = None, ranks: MeshRanks | None = None, autocast: bool = False
) -> dict[str, Any]:
    """Five steps as the loop takes them; what came of them, on the first process."""
    modules = toy.made()
    if ranks is not None and config is not None:
        parallelise(modules["transformer"], ranks, config)
    parts = Parts(modules, build(modules, OPTIM), (EMA if ranks is None else ShardedEMA)(modules, OPTIM.ema))
    if ranks is not None:
        regroup(parts.optimizers)
    parameters = [p for module in modules.values() for p in module.parameters()]
    losses, norms = [], []
    used: set[torch.dtype] = set()
    attention = modules["transformer"].transformer_blocks[0].attn
    attention.register_forward_pre_hook(lambda module, _: used.add(module.to_q.weight.dtype))
    for step in range(STEPS):
        values = {"loss": 0.0}
        for part in ranks.parts(ACCUMULATE) if ranks is not None else range(ACCUMULATE):
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                one = toy.loss(modules, step, part)
            (one / ACCUMULATE).backward()
            values["loss"] += float(one.detach()) / ACCUMULATE
        if ranks is None:
            norms.append(float(nn.utils.clip_grad_norm_(parameters, OPTIM.clip)))
        else:
            values = ranks.sum(parameters, values)
            norms.append(ranks.clip(parameters, OPTIM.clip))
        losses.append(values["loss"])
        for optimizer in parts.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        parts.ema.update(step)
    first = ranks is None or ranks.first
    weights = {f"{name}/{key}": value for name, m in modules.items() for key, value in m.state_dict().items()}
    result = {"weights": whole(weights, first), "average": whole(parts.ema.state_dict(), first)}
    parts.ema.swap()
    quick = torch.autocast("cpu", torch.bfloat16, enabled=autocast)
    with torch.no_grad(), quick:
        swapped = float(toy.loss(modules, 99, 0))
    parts.ema.swap()
    with torch.no_grad(), quick:
        back = float(toy.loss(modules, 99, 0))
    held = sum(local(p).numel() for p in parameters)
    return {**result, "losses": losses, "norms": norms, "swapped": swapped, "back": back, "held": held, "used": used}


def together(program: str, count: int, folder: Path) -> dict[str, Any]:
    """Run `program` (the file of a test) with a folder for its results in so many processes under torchrun."""
    words = [sys.executable, "-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    words += ["--local-addr", "127.0.0.1", "--nproc-per-node", str(count), program, str(folder)]
    paths = [str(Path(__file__).resolve().parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = torch.load(folder / "results.pt")
    return results


def furthest(one: dict[str, Tensor], two: dict[str, Tensor]) -> float:
    assert one.keys() == two.keys()
    return max(float((one[key] - two[key]).abs().max()) for key in one)


def same(one: dict[str, Any], many: dict[str, Any]) -> None:
    assert many["held"] < 0.7 * one["held"]
    assert one["losses"] == pytest.approx(many["losses"], rel=1e-5)
    assert one["norms"] == pytest.approx(many["norms"], rel=1e-4)
    assert furthest(one["weights"], many["weights"]) <= 1e-5
    assert furthest(one["average"], many["average"]) <= 1e-5
    assert one["swapped"] == pytest.approx(many["swapped"], rel=1e-5)
    assert one["back"] == pytest.approx(many["back"], rel=1e-5)
