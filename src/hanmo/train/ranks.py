"""Several processes that share one run: each computes some of a step's batches, and gradients are summed.

Data parallelism in its plainest form, for one machine: `run.processes` copies of the model, each with its
own threads; a step's `run.accumulate` batches are dealt out among them, and what one process would have
accumulated is summed between them instead. The steps are the same ones (to the order of additions).
The process that was started is number 0: it writes, paints and judges; the others only compute, and say
what they have to say in `worker-N.log`. Where torchrun has started them all, its numbers are taken instead.

It does not know what is trained, batches or files of a run (but for those logs).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from hanmo.errors import TrainingError

PATIENCE = timedelta(hours=6)
"""Previews and kept latents are made by process 0 while the others wait."""
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Which of the processes this one is: number `rank` of `count`."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes, paints and judges."""
        return self.rank == 0

    @property
    def divided(self) -> bool:
        """Whether no process has the whole model (`shard.mesh`)."""
        return False

    @property
    def groups(self) -> int:
        """How many batches are computed at a time."""
        return self.count

    def parts(self, accumulate: int) -> range:
        """The batches of a step that this process computes, of `accumulate` in all."""
        return range(self.rank, accumulate, self.count)

    def sum(self, parameters: Sequence[nn.Parameter], values: Mapping[str, float]) -> dict[str, float]:
        """Sum the gradients (in place) and `values` over all processes; every process must call it.

        Args:
            parameters: in the same order everywhere; one that has a gradient nowhere is left without.
            values: the same keys everywhere.

        Raises:
            TrainingError: another process has ended.
        """
        if self.count == 1:
            return dict(values)
        device = parameters[0].device
        present = torch.tensor([float(parameter.grad is not None) for parameter in parameters], device=device)
        numbers = torch.tensor(list(values.values()), dtype=torch.float32, device=device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([present, numbers, *(gradient.flatten() for gradient in gradients)])
        self._together(flat)
        had, sums, rest = flat.split([len(present), len(numbers), len(flat) - len(present) - len(numbers)])
        parts = rest.split([gradient.numel() for gradient in gradients])
        for parameter, gradient, part, somewhere in zip(parameters, gradients, parts, had.tolist(), strict=True):
            parameter.grad = gradient.copy_(part.view_as(gradient)) if somewhere else None
        return dict(zip(values, sums.tolist(), strict=True))

    def clip(self, parameters: Sequence[nn.Parameter], limit: float) -> float:
        """Scale the summed gradients down to the length `limit`, if they are longer; the length before."""
        return float(torch.nn.utils.clip_grad_norm_(parameters, limit))

    def told(self, value: T) -> T:
        """What the first process has for `value`, in every process; every process must call it.

        Raises:
            TrainingError: another process has ended.
        """
        if self.count == 1:
            return value
        said = [value]
        with alive():
            dist.broadcast_object_list(said, src=0, device=torch.device("cpu"))
        return said[0]

    def wait(self) -> None:
        """Go on when every process has come here.

        Raises:
            TrainingError: another process has ended.
        """
        if self.count > 1:
            self._together(torch.zeros(1))

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let the first process do the block, then all others: for what is made once and found afterwards."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def _together(self, tensor: torch.Tensor) -> None:
        with alive():
            dist.all_reduce(tensor)


@contextlib.contextmanager
def alive() -> Iterator[None]:
    """Say plainly what it means when a call to the other processes fails.

    Raises:
        TrainingError: another process has ended.
    """
    try:
        yield
    except RuntimeError as error:
        raise TrainingError(
            f"another process of the run has ended ({str(error).splitlines()[0]}); what it said is in worker-N.log "
            "in the run's folder. Resume the run with --resume"
        ) from error


ALONE = Ranks()


@contextlib.contextmanager
def gathered(count: int, folder: Path, resume: bool) -> Iterator[Ranks]:
    """Start the other processes of the run in `folder`, whose recipe is written already, and be number 0.

    Raises:
        TrainingError: a process ended with an error.
    """
    if count == 1:
        yield ALONE
        return
    with tempfile.TemporaryDirectory(prefix="hanmo-run-") as meeting:
        store = Path(meeting) / "store"
        workers = [_start(folder, rank, count, store, resume) for rank in range(1, count)]
        try:
            with _met(0, count, store) as ranks:
                yield ranks
            for rank, worker in enumerate(workers, start=1):
                if worker.wait(timeout=PATIENCE.total_seconds()):
                    raise TrainingError(f"process {rank} of the run failed: see {folder / f'worker-{rank}.log'}")
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def _start(folder: Path, rank: int, count: int, store: Path, resume: bool) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "hanmo.train.worker", str(folder), str(rank), str(count), str(store)]
    with (folder / f"worker-{rank}.log").open("wb") as log:
        return subprocess.Popen([*words, *["--resume"] * resume], stdout=log, stderr=log, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def joined(rank: int, count: int, store: Path) -> Iterator[Ranks]:
    """Be number `rank` of a run that another process began; `store` is the file where they meet."""
    with _met(rank, count, store) as ranks:
        yield ranks


def launched() -> int:
    """How many processes torchrun (or what else speaks its environment) has started, this one included; 1 without."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def restarted() -> bool:
    """Whether torchrun has started the processes again after one of them had died."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return int(os.environ.get("RANK", "0")) == 0


def torchrun_store() -> tuple[Store, int, int]:
    """Where torchrun's processes meet, this one's number, and how many they are.

    A restarted run finds the store of the one that died, addresses of its groups included, which the first process to
    come back would believe; so each start has a part of the store to itself.

    Raises:
        RuntimeError: the environment is not torchrun's, or the store cannot be reached.
        ValueError: the same.
    """
    store, rank, count = next(rendezvous("env://", timeout=PATIENCE))
    return PrefixStore(f"start-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store), rank, count


@contextlib.contextmanager
def met_by_torchrun() -> Iterator[Ranks]:
    """Be what torchrun's environment says.

    Raises:
        TrainingError: the others cannot be reached.
    """
    try:
        store, rank, count = torchrun_store()
        dist.init_process_group("gloo", store=store, rank=rank, world_size=count, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"the {launched()} processes of torchrun do not meet ({str(error).splitlines()[0]}): WORLD_SIZE, RANK, "
            "MASTER_ADDR and MASTER_PORT must be set as torchrun sets them"
        ) from error
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _met(rank: int, count: int, store: Path) -> Iterator[Ranks]:
    if sys.platform.startswith("linux"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all on this machine, whatever its name resolves to
    dist.init_process_group("gloo", init_method=store.as_uri(), rank=rank, world_size=count, timeout=PATIENCE)
    try:
        yield Ranks(rank, count)
    finally:
        dist.destroy_process_group()
