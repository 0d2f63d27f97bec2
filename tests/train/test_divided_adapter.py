"""`torchrun -m hanmo train` with [shard] and `kind = "lora"`: steps, snapshots and files of one process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

pytest.importorskip("peft")

import hanmo
from hanmo.config import load_recipe
from hanmo.errors import ConfigError
from hanmo.train.adapters import AdapterConfig
from hanmo.train.lora_recipe import FolderConfig, LoraRecipe, MemoryConfig, ShowConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.recipe import RunConfig
from hanmo.train.run import train
from hanmo.train.shard.config import ShardConfig
from hanmo.weights.folder import load_transformer
from tests.train.torchrun import start, together, told

pytestmark = pytest.mark.slow
"""Several processes each."""


@pytest.fixture
def recipe(tmp_path: Path) -> LoraRecipe:
    """Six steps on three pictures and an edit. `eps` keeps rounding from deciding Adam's first steps."""
    tiny.save_checkpoint(tmp_path / "base")
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png", "c.target.png", "c.source.png"):
        tiny.picture(96, 64, seed=len(name)).save(tmp_path / "pictures" / name)
    for name in "abc":
        (tmp_path / "pictures" / f"{name}.txt").write_text(f"red card {name}", encoding="utf-8")
    run = RunConfig(tmp_path, 6, batch=2, accumulate=2, log_every=1, save_every=3, preview_every=0, threads=1)
    return LoraRecipe(
        name="one",
        model=str(tmp_path / "base"),
        run=replace(run, precision="float32"),
        data=FolderConfig(tmp_path / "pictures"),
        adapter=AdapterConfig(rank=3, alpha=6.0, dropout=0.1),
        memory=MemoryConfig(checkpointing=True),
        optim=OptimConfig(lr=5e-3, warmup=1, eps=1e-5, ema=0.5, schedule="constant"),
    )


def painted(pipe: hanmo.Pipeline, loras: list[tuple[str, float]]) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    pipe.generate("red card", steps=2, seed=1, loras=loras, on_step=lambda info: seen.append(info.latents))
    return seen[-1]


def same(one: Path, many: Path, file: str) -> None:
    for key in ("loss", "flow", "grad_norm"):
        assert told(one, key) == pytest.approx(told(many, key), rel=1e-4), key
    single, divided = (load_file(folder / "export" / file) for folder in (one, many))
    assert single.keys() == divided.keys()
    assert max(float((single[key] - divided[key]).abs().max()) for key in single) <= 1e-5


def test_a_lora_in_shards_takes_the_steps_of_one_process_and_one_process_goes_on(recipe: LoraRecipe) -> None:
    one = train(recipe).parent
    two = replace(recipe, name="two", shard=ShardConfig(data=2))
    folder = recipe.run.folder / "two"
    together(replace(two, run=replace(two.run, steps=3)), 2)
    assert len(told(folder, "loss")) == 3
    train(replace(two, shard=ShardConfig()), resume=True)
    same(one, folder, "two.safetensors") if (folder / "export/one.safetensors").exists() else None
