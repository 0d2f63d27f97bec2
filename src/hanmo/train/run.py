"""`train`: from a recipe to a finished run folder (see `files`), for every kind of run.

It does not know what a step does; it opens the folder, sets the threads, and hands over to the kind's own
file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from hanmo.errors import RequestError
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.files import RunFolder, logging_to, open_run
from hanmo.train.flow_run import train_flow
from hanmo.train.judge import Judge
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.lora_run import train_lora, train_sft
from hanmo.train.ranks import Ranks, gathered, launched, met_by_torchrun, restarted
from hanmo.train.recipe import FlowRecipe, Recipe, SamplesRecipe, VAERecipe, read
from hanmo.train.shard.config import ShardConfig
from hanmo.train.snapshots import newest_snapshot
from hanmo.train.vae_run import train_vae


def train(
    recipe: Path | str | Recipe,
    overrides: Sequence[str] = (),
    resume: bool = False,
    judge: Judge | None = None,
) -> Path:
    """Run a recipe to its end.

    Args:
        recipe: a TOML file, or the dataclass it would fill.
        overrides: `a.b=c` strings over the file.
        resume: go on from the newest snapshot of the run's folder.
        judge: reads text in previews; without one they are painted and not scored.

    Returns:
        The folder of the result: a checkpoint, or for `kind = "vae"` a folder with `vae/` in it.

    Raises:
        ConfigError: the recipe; the message names the key.
        OutputError: the folder holds a run already, cannot be written, or the disk is full.
        TrainingError: nothing to resume, or a loss that is not finite.
    """
    if isinstance(recipe, Path | str):
        resolved = read(recipe, overrides)
    elif overrides:
        raise RequestError("overrides go with a recipe file; change the dataclass instead")
    else:
        resolved = recipe
    if launched() > 1 or shard_of(resolved).count > 1 or (resume and _was_divided(resolved)):
        return _by_torchrun(resolved, resume, judge)
    folder = open_run(resolved.run.folder / resolved.name, resolved, resume)
    with logging_to(folder.path / "train.log"), gathered(resolved.run.processes, folder.path, resume) as ranks:
        execute(resolved, folder, resume, judge, ranks)
    return folder.export


def _by_torchrun(recipe: Recipe, resume: bool, judge: Judge | None) -> Path:
    """The same where every process is there already; after a restart the run goes on from its last snapshot."""
    path = recipe.run.folder / recipe.name
    with _met(recipe) as ranks:
        if not ranks.divided:
            recipe = replace(recipe, run=replace(recipe.run, processes=ranks.count))
        if restarted():  # by torchrun, after a process had died, perhaps before the first snapshot
            resume = ranks.told(newest_snapshot(RunFolder(path).snapshots) is not None)
        with ranks.in_turn():
            folder = open_run(path, recipe, resume) if ranks.first else RunFolder(path)
        log = folder.path / ("train.log" if ranks.first else f"worker-{ranks.rank}.log")
        with logging_to(log):
            execute(recipe, folder, resume, judge, ranks)
    return folder.export


def shard_of(recipe: Recipe) -> ShardConfig:
    """How a recipe divides its model; whole where its kind cannot."""
    return ShardConfig() if isinstance(recipe, FlowRecipe | VAERecipe) else recipe.shard


def _was_divided(recipe: Recipe) -> bool:
    """Whether a run of one process goes on with what several had divided among them."""
    found = newest_snapshot(RunFolder(recipe.run.folder / recipe.name).snapshots)
    return recipe.run.processes == 1 and found is not None and found[1].is_dir()


@contextmanager
def _met(recipe: Recipe) -> Iterator[Ranks]:
    """Meet the other processes, each with a copy of the model or with its part of it."""
    shard, alone = shard_of(recipe), launched() == 1
    if shard.count == 1 and not alone:
        with met_by_torchrun() as ranks:
            yield ranks
        return
    from hanmo.train.shard.mesh import joined  # not at the top: few runs need it, and it takes long

    with tempfile.TemporaryDirectory(prefix="hanmo-run-") as meeting:
        store = Path(meeting) / "store" if shard.count == 1 else None  # nobody else comes
        with joined(shard, torch.device(recipe.run.device), store) as ranks:
            yield ranks


def execute(recipe: Recipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks) -> None:
    """Do this process's share of a run, in the folder that the first process has opened; see `train`."""
    with _threads(recipe.run.threads):
        match recipe:
            case VAERecipe():
                train_vae(recipe, folder, resume, judge, ranks)
            case FlowRecipe():
                train_flow(recipe, folder, resume, judge, ranks)
            case SamplesRecipe():
                from hanmo.train.samples_run import train_samples  # it needs the extra data

                train_samples(recipe, folder, resume, judge, ranks)
            case DistillRecipe():
                from hanmo.train.distill_run import train_distill  # likewise

                train_distill(recipe, folder, resume, judge, ranks)
            case LoraRecipe():
                train_lora(recipe, folder, resume, judge, ranks)
            case SFTRecipe():
                train_sft(recipe, folder, resume, judge, ranks)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
