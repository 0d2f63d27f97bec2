"""Several processes take the steps of one: shards, heads and both, with clipping, averaging and accumulation.

This file is also the program of those processes (see the end): each scenario is five steps of a toy
transformer, and the first process saves the collected weights, averages, norms and losses.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.checkpoint import Parts
from hanmo.train.optim import EMA, OptimConfig, build
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.mesh import MeshRanks, joined
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.recompute import recompute
from hanmo.train.shard.state import ShardedEMA, regroup, whole

STEPS, ACCUMULATE = 5, 4
OPTIM = OptimConfig(lr=3e-3, eps=1e-6, clip=0.05, ema=0.7)
CPU = torch.device("cpu")
SCENARIOS = {
    2: {
        "data 2": ShardConfig(data=2),
        "data 2, full": ShardConfig(data=2, checkpointing="full"),
        "data 2, selective": ShardConfig(data=2, checkpointing="selective"),
        "tensor 2": ShardConfig(tensor=2),
        "tensor 2, selective": ShardConfig(tensor=2, checkpointing="selective"),
    },
    4: {
        "data 2 x tensor 2": ShardConfig(data=2, tensor=2),
        "data 2 x tensor 2, full": ShardConfig(data=2, tensor=2, checkpointing="full"),
    },
}


class Readout(nn.Module):
    """A trained part that stays a copy in each process, as the condition encoder does."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(5, 12)
        self.sometimes = nn.Parameter(torch.zeros(12))
        self.never = nn.Parameter(torch.zeros(3))


@dataclass(frozen=True)
class Batch:
    """Two pictures with a source each: the target's tokens come first."""

    latents: Tensor
    states: Tensor
    t: Tensor
    wanted: Tensor
    part: int


def toy() -> dict[str, nn.Module]:
    """A toy transformer, no weight of which is zero, and a readout before it."""
    config = TransformerConfig(
        in_channels=8, out_channels=2, num_layers=3, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=12, axes_dims_rope=(2, 2, 4),
    )  # fmt: skip
    modules: dict[str, nn.Module] = {"transformer": MMDiT(config), "encoder": Readout()}
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in modules.values():
            for weight in module.parameters():
                start = 1.0 if weight.ndim == 1 else 0.0
                weight.normal_(start, 0.2, generator=generator)
    return modules


def batch(step: int, part: int) -> Batch:
    """A function of its two numbers, as the loop asks."""
    generator = torch.Generator().manual_seed(1000 * step + part)
    latents, states, wanted = (torch.randn(2, *n, generator=generator) for n in ((12, 8), (3, 5), (8, 8)))
    return Batch(latents, states, torch.rand(2, generator=generator), wanted, part)


def loss(modules: dict[str, nn.Module], given: Batch) -> Tensor:
    """Squared error of the velocity; some weights have a gradient in some batches only, some in none."""
    encoder = modules["encoder"]
    states = encoder.widen(given.states)
    if given.part == 1:
        states = states + encoder.sometimes
    mask = torch.tensor([[True, True, True], [True, True, False]])
    made = modules["transformer"](given.latents, states, mask, given.t, [(1, 2, 4), (1, 2, 2)], 8)
    return (made - given.wanted).square().mean()


def five_steps(config: ShardConfig | None, ranks: MeshRanks | None) -> dict[str, Any]:
    """Five steps as the loop takes them; what came of them, on the first process."""
    modules = toy()
    if ranks is not None and config is not None:
        parallelise(modules["transformer"], ranks, config)
    parts = Parts(modules, build(modules, OPTIM), (EMA if ranks is None else ShardedEMA)(modules, OPTIM.ema))
    if ranks is not None:
        regroup(parts.optimizers)
    parameters = [p for module in modules.values() for p in module.parameters()]
    losses, norms = [], []
    for step in range(STEPS):
        values = {"loss": 0.0}
        for part in ranks.parts(ACCUMULATE) if ranks is not None else range(ACCUMULATE):
            one = loss(modules, batch(step, part))
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
    with torch.no_grad():
        swapped = float(loss(modules, batch(99, 0)))
    parts.ema.swap()
    with torch.no_grad():
        back = float(loss(modules, batch(99, 0)))
    held = sum(p.to_local().numel() if hasattr(p, "to_local") else p.numel() for p in parameters)
    return {**result, "losses": losses, "norms": norms, "swapped": swapped, "back": back, "held": held}


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return five_steps(None, None)


def together(count: int, folder: Path) -> dict[str, Any]:
    """Run the scenarios of `count` processes."""
    environment = {**os.environ, "WORLD_SIZE": str(count), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, str(folder)]
    peers = [
        subprocess.Popen(words, env={**environment, "RANK": str(rank)}, stderr=subprocess.PIPE, text=True)
        for rank in range(count)
    ]
    try:
        said = [peer.communicate(timeout=120)[1] for peer in peers]
    finally:
        for peer in peers:
            peer.kill()
    assert [peer.returncode for peer in peers] == [0] * count, "\n".join(said)
    return torch.load(folder / "results.pt")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return together(2, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def fours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return together(4, tmp_path_factory.mktemp("four"))


def furthest(one: dict[str, Tensor], two: dict[str, Tensor]) -> float:
    assert one.keys() == two.keys()
    return max(float((one[key] - two[key]).abs().max()) for key in one)


def same(one: dict[str, Any], many: dict[str, Any]) -> None:
    assert one["losses"] == pytest.approx(many["losses"], rel=1e-5)
    assert one["norms"] == pytest.approx(many["norms"], rel=1e-4)
    assert furthest(one["weights"], many["weights"]) <= 1e-5
    assert furthest(one["average"], many["average"]) <= 1e-5
    assert one["swapped"] == pytest.approx(many["swapped"], rel=1e-5)
    assert one["back"] == pytest.approx(many["back"], rel=1e-5)


def test_the_toy_is_a_hard_one(alone: dict[str, Any]) -> None:
    moved = {f"{name}/{key}": value for name, m in toy().items() for key, value in m.state_dict().items()}
    assert furthest(alone["weights"], moved) > 1e-2
    assert min(alone["norms"]) > OPTIM.clip
    assert abs(alone["swapped"] - alone["back"]) > 1e-4


@pytest.mark.parametrize("name", SCENARIOS[2])
def test_two_processes_take_the_steps_of_one(name: str, alone: dict[str, Any], pairs: dict[str, Any]) -> None:
    same(alone, pairs[name])


@pytest.mark.parametrize("name", SCENARIOS[4])
def test_four_processes_take_the_steps_of_one(name: str, alone: dict[str, Any], fours: dict[str, Any]) -> None:
    same(alone, fours[name])


def main(folder: Path) -> None:
    """Be one of the processes."""
    torch.set_num_threads(1)
    results = {}
    for number, (name, config) in enumerate(SCENARIOS[int(os.environ["WORLD_SIZE"])].items()):
        with joined(config, CPU, folder / f"store-{number}") as ranks:
            config.check(ranks.count, ACCUMULATE, 2, autocast=False)
            results[name] = five_steps(config, ranks)
            if ranks.first:
                torch.save(results, folder / "results.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
