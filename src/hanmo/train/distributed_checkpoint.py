"""Snapshots of a run whose model is cut over several processes (report section 4.1.2: distributed optimizer).

Each process writes its own shards by `torch.distributed.checkpoint`, in a thread, from a copy in CPU
memory: training goes on meanwhile. What is saved knows no number of processes, so a run of four resumes
on two, or on one. The thread talks over a gloo group of its own, so its calls never cross with the gradients'.

Saved are weights that learn and buffers, optimizers, averages, random states and data cursors of every
process, and the curriculum. Weights that are frozen are not: a run finds them where it began. The rates'
schedule is a function of the step.

Trust: DCP's own index is a pickle; load snapshots of your own runs only.

It does not know how the model was cut, nor what is trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save

from hanmo.errors import ConfigError, HanmoError, OutputError, TrainingError
from hanmo.train import step_folders
from hanmo.train.checkpoint import Parts
from hanmo.train.randomness import number_for
from hanmo.train.snapshot_fit import check_fit
from hanmo.train.snapshots import Notes, Resumed, as_json
from hanmo.train.step_folders import Mark
from hanmo.weights.files import refusal

T = TypeVar("T")
# Frozen weights are not in a snapshot, so a module is never complete in it; `check_fit` is the strict one.
_LEARNED = StateDictOptions(ignore_frozen_params=True, strict=False)
_WRAPPERS = ("_checkpoint_wrapped_module.", "_orig_mod.")
"""What activation checkpointing and the compiler put into names; a snapshot has the model's own."""


@dataclass(frozen=True)
class _Writing:
    step: int
    done: Future[Any]


class ShardedSnapshots:
    """See `snapshots.Snapshots`. Every process of the run makes one, at the same point, and the same calls.

    Args:
        folder: the run's folder of snapshots, which all processes see.
        parts: what is trained; the averages' `state_dict` is tensors by "module/parameter".
        seed: of the run.
        keep: newest snapshots that stay.
        generators: this process's own generators; torch's global ones are always saved.

    Raises:
        ConfigError: the processes have not met (`torch.distributed` is not initialised).
    """

    def __init__(
        self,
        folder: Path,
        parts: Parts,
        seed: int,
        keep: int,
        generators: Mapping[str, torch.Generator] | None = None,
    ) -> None:
        if not dist.is_initialized():
            raise ConfigError("sharded snapshots need a process group, even of one: start the run with torchrun")
        self._folder, self._parts, self._seed, self._keep = folder, parts, seed, keep
        self._generators = dict(generators or {})
        self._root = nn.ModuleDict(dict(parts.modules))
        self._rank, self._ranks = dist.get_rank(), dist.get_world_size()
        # One for the thread that writes, one for questions meanwhile: calls of one group must not cross.
        self._group, self._talk = dist.new_group(backend="gloo"), dist.new_group(backend="gloo")
        self._writing: _Writing | None = None
        self._failure: str | None = None  # of the newest snapshot
        self._unsaid: str | None = None
        self._lost = 0

    def newest(self) -> int | None:
        """Steps done in the newest whole snapshot, or None."""
        found = self._first_says(lambda: [path.name for path in step_folders.whole(self._folder)])
        return int(found[-1].removeprefix("step-")) if found else None

    def save(self, step: int, notes: Notes) -> None:
        """Copy the state after `step` steps to CPU memory and begin to write it.

        Waits for the snapshot before, so that there is never more than one copy. A failure is `news`.

        Raises:
            TrainingError: the notes are no JSON values.
        """
        self._settle(wait=True)
        mark = Mark(step, self._seed, self._ranks, json.loads(as_json(notes.curriculum)))
        state = {
            "model": get_model_state_dict(self._root, options=_LEARNED),
            "ema": {_name(key): average for key, average in self._parts.ema.state_dict().items()},
            "optimizers": {str(i): self._optimizer_state(i) for i in range(len(self._parts.optimizers))},
            "random": {str(self._rank): self._random()},
            "cursor": {str(self._rank): _as_bytes(notes.cursor)},
        }
        writer = _Writer(self._folder, mark, self._keep)
        done = async_save(state, storage_writer=writer, process_group=self._group)
        assert isinstance(done, Future), "this stager copies before it returns"
        self._writing = _Writing(step, done)

    def news(self) -> str | None:
        """One line about a snapshot that could not be written since the last call."""
        self._settle(wait=False)
        said, self._unsaid = self._unsaid, None
        return said

    def finish(self) -> None:
        """Wait for the snapshot that is being written.

        Raises:
            OutputError: the newest snapshot could not be written.
        """
        self._settle(wait=True)
        self._unsaid = None
        if self._failure is not None:
            raise OutputError(self._failure)

    def restore(self) -> Resumed:
        """Load the newest whole snapshot, each process its own share; remove unfinished ones.

        With another number of processes than the snapshot's, random states begin anew from the seed, the
        step and the process's number: there is no state of the old processes that would fit.

        Raises:
            TrainingError: there is none, it is damaged, of another seed, or does not fit the model.
        """
        self._settle(wait=True)
        path = self._folder / self._first_says(self._choose)
        mark = step_folders.read_mark(path)
        metadata = FileSystemReader(path).read_metadata()
        for optimizer in self._parts.optimizers:
            optimizer.zero_grad(set_to_none=True)
            optimizer.state.clear()
        averages = self._parts.ema.state_dict()
        same = mark.ranks == self._ranks
        state: dict[str, Any] = {
            "model": get_model_state_dict(self._root, options=_LEARNED),
            "ema": {_name(key): average for key, average in averages.items()},
            "optimizers": self._wanted_optimizers(metadata),
            **({"random": {str(self._rank): self._random()}} if same else {}),
            "cursor": {str(rank): _room(metadata, f"cursor.{rank}") for rank in range(mark.ranks)},
        }
        check_fit(path, state, metadata)
        try:
            load(state, storage_reader=FileSystemReader(path), process_group=self._talk)
        except CheckpointException as error:
            raise TrainingError(
                f"cannot load {path}: {_reason(path, error)}; remove it to resume an older one"
            ) from None
        set_model_state_dict(self._root, state["model"], options=_LEARNED)
        for number, optimizer in enumerate(self._parts.optimizers):
            groups = get_optimizer_state_dict(self._root, optimizer, options=_LEARNED)["param_groups"]
            found = {"state": state["optimizers"][str(number)].get("state", {}), "param_groups": groups}
            set_optimizer_state_dict(self._root, optimizer, found, options=_LEARNED)
        self._parts.ema.load_state_dict({key: state["ema"][_name(key)] for key in averages})
        self._set_random(state["random"][str(self._rank)] if same else None, mark.step)
        cursors = tuple(_from_bytes(state["cursor"][str(rank)]) for rank in range(mark.ranks))
        return Resumed(mark.step, mark.curriculum, cursors)

    def _choose(self) -> str:
        """The newest snapshot's name, once unfinished ones are gone; the first process's task."""
        step_folders.tidy(self._folder)
        found = step_folders.whole(self._folder)
        if not found:
            raise TrainingError(f"nothing to resume in {self._folder}: no whole snapshot; start the run without resume")
        mark = step_folders.read_mark(found[-1])
        if mark.seed != self._seed:
            raise TrainingError(
                f"{found[-1]} is of seed {mark.seed}, the recipe says {self._seed}; resume with the same seed"
            )
        return found[-1].name

    def _first_says(self, find: Callable[[], T]) -> T:
        """What the first process finds, in all of them, or its error in all of them."""
        said: list[Any] = [None, None]
        if self._rank == 0:
            try:
                said = [find(), None]
            except (HanmoError, OSError) as error:
                said = [None, str(error)]
        dist.broadcast_object_list(said, src=0, group=self._talk)
        if said[1] is not None:
            raise TrainingError(said[1])
        found: T = said[0]
        return found

    def _settle(self, wait: bool) -> None:
        writing = self._writing
        if writing is None or not (wait or writing.done.done()):
            return
        self._writing = None
        error = writing.done.exception()
        if error is None:
            self._failure = None
            return
        self._lost += 1
        if self._rank == 0:
            step_folders.abandon(self._folder, writing.step)
        path = step_folders.finished(self._folder, writing.step)
        self._failure = self._unsaid = (
            f"the snapshot of step {writing.step} was not written: {_reason(path, error)}; "
            f"older snapshots are untouched ({self._lost} lost so far)"
        )

    def _optimizer_state(self, number: int) -> dict[str, Any]:
        optimizer = self._parts.optimizers[number]
        fresh = not optimizer.state  # torch fills an empty state by a step with zeros, which would count as one
        state: dict[str, Any] = get_optimizer_state_dict(self._root, optimizer, options=_LEARNED)
        if fresh:
            optimizer.state.clear()
            state["state"] = {}
        return {"state": state["state"]}  # groups are the recipe's, and cut anew for every number of processes

    def _wanted_optimizers(self, metadata: Metadata) -> dict[str, Any]:
        """States to load into. A weight that had no gradient yet has none in the snapshot: none is asked for."""
        wanted = {}
        for number, optimizer in enumerate(self._parts.optimizers):
            state: dict[str, Any] = get_optimizer_state_dict(self._root, optimizer, options=_LEARNED)
            prefix = f"optimizers.{number}.state"
            state["state"] = {
                name: values
                for name, values in state["state"].items()
                if any(f"{prefix}.{name}.{key}" in metadata.state_dict_metadata for key in values)
            }
            wanted[str(number)] = {"state": state["state"]}
        return wanted

    def _random(self) -> dict[str, Tensor]:
        states = {f"own.{name}": generator.get_state() for name, generator in self._generators.items()}
        states["cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            states["cuda"] = torch.cuda.get_rng_state()
        return states

    def _set_random(self, states: Mapping[str, Tensor] | None, step: int) -> None:
        if states is None:
            torch.manual_seed(number_for(self._seed, step, self._rank))
            for number, generator in enumerate(self._generators.values(), start=1):
                generator.manual_seed(number_for(self._seed, step, self._rank, number))
            return
        torch.set_rng_state(states["cpu"])
        if "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"])
        for name, generator in self._generators.items():
            generator.set_state(states[f"own.{name}"])


class _Writer(FileSystemWriter):
    """DCP's writer into an unfinished folder; the first process clears its place before and seals it after.

    DCP calls both where an error of one process reaches all.
    """

    def __init__(self, folder: Path, mark: Mark, keep: int) -> None:
        super().__init__(step_folders.unfinished(folder, mark.step))
        self._place, self._mark, self._newest = folder, mark, keep

    def set_up_storage_writer(self, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        super().set_up_storage_writer(is_coordinator, *args, **kwargs)
        if is_coordinator:
            step_folders.begin(self._place, self._mark.step)

    def finish(self, metadata: Metadata, results: Any) -> None:
        super().finish(metadata, results)
        step_folders.seal(self._place, self._mark, self._newest)


def _name(key: str) -> str:
    """The name of an average in a snapshot: that of its weight."""
    name = key.replace("/", ".", 1)
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def _room(metadata: Metadata, key: str) -> Tensor:
    entry = metadata.state_dict_metadata[key]
    assert isinstance(entry, TensorStorageMetadata), "cursors are saved as bytes in a tensor"
    return torch.empty(entry.size, dtype=torch.uint8)


def _as_bytes(values: Mapping[str, Any]) -> Tensor:
    return torch.frombuffer(bytearray(as_json(values).encode()), dtype=torch.uint8)


def _from_bytes(data: Tensor) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(bytes(data.tolist()))
    return values


def _reason(path: Path, error: BaseException) -> str:
    """One line for what happened in the first process that failed."""
    where = ""
    if isinstance(error, CheckpointException):
        rank, (error, _) = min(error.failures.items(), key=lambda failure: failure[0])
        where = f"process {rank}: "
    if isinstance(error, OSError) and error.errno is not None:
        return where + refusal(path, error)
    return where + (str(error).strip() or type(error).__name__).splitlines()[0]
