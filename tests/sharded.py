"""A toy run whose model is cut over gloo processes with FSDP2, for tests of what its snapshots give back.

Its noise comes from torch's global generator and from one of its own, its data from a cursor: a run that
goes on without any of them has other losses. `python sharded.py FOLDER` is one process under torchrun.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from hanmo.errors import OutputError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.checkpoint import Parts
from hanmo.train.distributed_checkpoint import ShardedSnapshots
from hanmo.train.optim import EMA, OptimConfig, build, rate, set_rate
from hanmo.train.randomness import generator_for
from hanmo.train.ranks import torchrun_store
from hanmo.train.snapshots import Notes

CONFIG = TransformerConfig(
    num_layers=2,
    attention_head_dim=16,
    num_attention_heads=2,
    joint_attention_dim=24,
    axes_dims_rope=(4, 6, 6),
)
OPTIM = OptimConfig(lr=3e-3, warmup=4, ema=0.9)
SEED = 5
LARGEST = 20_000


@dataclass(frozen=True)
class Task:
    """What one process shall do.

    After step `full_from`, process 1 can write no file of more than `LARGEST` bytes. `dies_at` is the
    step after which this process kills itself.
    """

    folder: Path
    steps: int = 0
    save_every: int = 5
    keep: int = 2
    resume: bool = False
    state: Path | None = None
    full_from: int = -1
    pause: float = 0.0
    dies_at: int = -1


def transformer() -> MMDiT:
    """The toy's weights at the beginning."""
    torch.manual_seed(SEED)
    model = MMDiT(CONFIG).train()
    for number, weight in enumerate(model.parameters()):
        torch.nn.init.normal_(weight, std=0.1, generator=generator_for(SEED, number))
    model.time_text_embed.requires_grad_(False)  # frozen: not in a snapshot
    return model


def work(task: Task) -> list[str]:
    """Train in this process, one of a group that has met; lines of news."""
    rank, mesh = dist.get_rank(), init_device_mesh("cpu", (dist.get_world_size(),))
    model = transformer()
    fully_shard(model, mesh=mesh)
    modules = {"transformer": model}
    optimizers, ema = build(modules, OPTIM), EMA(modules, OPTIM.ema)
    own = torch.Generator().manual_seed(100 + rank)
    torch.manual_seed(rank)
    parts = Parts(modules, optimizers, ema)
    snapshots = ShardedSnapshots(task.folder, parts, SEED, task.keep, {"noise": own})
    start, cursor, stage = 0, 0, 0
    if task.resume and snapshots.newest() is not None:
        resumed = snapshots.restore()
        start, stage = resumed.step, resumed.curriculum["stage"]
        cursor = resumed.cursors[rank]["read"] if len(resumed.cursors) == dist.get_world_size() else 0
        _note(task, rank, {"resumed": start, "cursors": [entry["read"] for entry in resumed.cursors]})
    news: list[str] = []
    for step in range(start, task.steps):
        set_rate(optimizers, rate(step, 60, OPTIM))
        loss = _loss(model, cursor, stage, own)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        ema.update(step)
        cursor, stage = cursor + 1 + rank, (step + 1) // 7
        _note(task, rank, {"step": step + 1, "loss": loss.item().hex(), "norm": float(norm.full_tensor()).hex()})
        if step + 1 == task.full_from:
            _fill_disk(snapshots)
        if (step + 1) % task.save_every == 0:
            snapshots.save(step + 1, Notes({"read": cursor}, {"stage": stage, "why": "步"}))
        news += [f"at step {step + 1}: {line}" for line in [snapshots.news()] if line]
        if step + 1 == task.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(task.pause)
    return news + _finish(task, snapshots, parts)


def _fill_disk(snapshots: ShardedSnapshots) -> None:
    snapshots.finish()
    if dist.get_rank() == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, resource.RLIM_INFINITY))


def _finish(task: Task, snapshots: ShardedSnapshots, parts: Parts) -> list[str]:
    news = []
    try:
        snapshots.finish()
    except OutputError as error:
        news.append(f"at the end: {error}")
    if task.state is not None:
        full = gathered(parts)
        if dist.get_rank() == 0:
            torch.save(full, task.state)
    return news


def gathered(parts: Parts) -> dict[str, Any]:
    """Every tensor in one piece; all processes must ask."""

    def whole(value: Any) -> Any:
        return value.full_tensor().clone() if isinstance(value, DTensor) else value

    model = parts.modules["transformer"]
    names = {id(weight): name for name, weight in model.named_parameters()}
    state = {f"model.{name}": whole(weight.detach()) for name, weight in model.named_parameters()}
    state |= {f"ema.{name}": whole(value) for name, value in parts.ema.state_dict().items()}
    for optimizer in parts.optimizers:
        for weight, values in optimizer.state.items():
            state |= {f"{names[id(weight)]}.{key}": whole(value) for key, value in values.items()}
        left = ("params", "lr")  # the loop sets the rate before every step
        settings = [{key: value for key, value in group.items() if key not in left} for group in optimizer.param_groups]
        state["settings"] = settings
    return state


def _loss(model: MMDiT, cursor: int, stage: int, own: torch.Generator) -> torch.Tensor:
    clean = torch.randn(2, 4, 64, generator=generator_for(SEED, cursor)) * (1 + stage)
    noise = torch.randn(2, 4, 64) + 0.1 * torch.randn(2, 4, 64, generator=own)
    t = torch.rand(2, generator=own)
    noisy = torch.lerp(clean, noise, t[:, None, None])
    words = torch.randn(2, 3, 24, generator=generator_for(SEED, cursor, 1))
    made = model(noisy, words, None, t, ((1, 2, 2),))
    return (made - (noise - clean)).square().mean()


def _note(task: Task, rank: int, values: Mapping[str, Any]) -> None:
    with (task.folder / f"said-{rank}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def said(folder: Path, rank: int = 0) -> list[dict[str, Any]]:
    """What a process noted so far, a line for each step."""
    path = folder / f"said-{rank}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def start(task: Task, ranks: int, store: Path) -> list[ForkServerProcess]:
    """Begin a run of `ranks` processes; what they say in the end is in `news-N.json` of the folder."""
    task.folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hanmo.train.distributed_checkpoint", "torch.distributed.fsdp"])
    processes = [context.Process(target=_join, args=(task, rank, ranks, store)) for rank in range(ranks)]
    for process in processes:
        process.start()
    return processes


def run(task: Task, ranks: int, store: Path) -> list[str]:
    """Run to the end; the news of process 0."""
    wait(start(task, ranks, store))
    news: list[str] = json.loads((task.folder / "news-0.json").read_text())
    return news


def wait(processes: Sequence[ForkServerProcess]) -> None:
    """Wait for processes that shall end well."""
    try:
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * len(processes)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _join(task: Task, rank: int, ranks: int, store: Path) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=store.as_uri(), rank=rank, world_size=ranks)
    news = work(task)
    (task.folder / f"news-{rank}.json").write_text(json.dumps(news))
    dist.barrier()
    dist.destroy_process_group()


def main(folder: Path) -> None:
    """One process under torchrun; number 1 kills itself once at step 8 of 12."""
    store, rank, count = torchrun_store()
    dist.init_process_group("gloo", store=store, rank=rank, world_size=count)
    first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    dies = 8 if first and dist.get_rank() == 1 else -1
    work(Task(folder, steps=12, save_every=3, resume=True, pause=0.05, dies_at=dies))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
