"""`torchrun -m hanmo train` with [shard] and `kind = "lora"`: steps, snapshots and files of one process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file

pytest.importorskip("peft")

import hanmo
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
    """Losses, norms, and the averaged weights that were exported."""
    for key in ("loss", "flow", "grad_norm"):
        assert told(one, key) == pytest.approx(told(many, key), rel=1e-4), key
    single, divided = (load_file(folder / "export" / file) for folder in (one, many))
    assert single.keys() == divided.keys()
    assert max(float((single[key] - divided[key]).abs().max()) for key in single) <= 1e-5
    ups = [value for key, value in single.items() if "lora_B" in key]
    assert min(float(value.abs().max()) for value in ups[:2]) > 1e-3, "they began at zero"


def test_a_lora_in_shards_takes_the_steps_of_one_process_which_then_goes_on(recipe: LoraRecipe) -> None:
    one = train(recipe).parent
    two = replace(recipe, name="two", shard=ShardConfig(data=2))
    together(replace(two, run=replace(two.run, steps=5)), 2)
    folder = recipe.run.folder / "two"
    assert list(told(folder, "loss")) == [1, 2, 3, 4, 5]
    train(replace(two, shard=ShardConfig()), resume=True)
    for path in (one, folder):
        (path / "export" / f"{path.name}.safetensors").rename(path / "export" / "lora.safetensors")
    same(one, folder, "lora.safetensors")
    pipe = hanmo.load(recipe.model)
    single, divided = (
        painted(pipe, [(pipe.load_lora(path / "export" / "peft", path.name), 1.0)]) for path in (one, folder)
    )
    assert torch.allclose(single, divided, atol=1e-4)
    assert float((single - painted(pipe, [])).abs().max()) > 1e-3


def test_a_dora_over_a_bfloat16_base_in_shards_is_shown_and_merged_as_by_one_process(recipe: LoraRecipe) -> None:
    recipe = replace(
        recipe,
        adapter=AdapterConfig(rank=2, dora=True),
        memory=MemoryConfig("bfloat16"),
        show=ShowConfig(("red card",), steps=1),
    )
    one = train(recipe).parent
    together(replace(recipe, name="two", shard=ShardConfig(data=2)), 2)
    folder = recipe.run.folder / "two"
    for key in ("loss", "grad_norm"):  # activations are bfloat16
        assert told(one, key) == pytest.approx(told(folder, key), rel=1e-2), key
    single, divided = (load_transformer(path / "export" / "checkpoint", dtype=torch.float32) for path in (one, folder))
    base = load_transformer(recipe.model, dtype=torch.float32).state_dict()
    moved = 0
    for (name, weight), other in zip(single.state_dict().items(), divided.state_dict().values(), strict=True):
        torch.testing.assert_close(weight, other, rtol=2**-6, atol=2e-4)
        moved += not torch.equal(weight, base[name].bfloat16().float())
    assert moved == 2 * len(recipe.adapter.targets)
    assert (folder / "previews" / "step-000000006.png").is_file()
    assert torch.isfinite(painted(hanmo.load(folder / "export" / "checkpoint"), [])).all()


def test_no_process_holds_more_of_the_base_than_its_shards_and_a_few_tensors() -> None:
    said = start(
        2, Path(__file__).parent / "held_memory.py", str(Path(hanmo.__file__).parent / "assets" / "hanmo-tiny")
    )
    found = [json.loads(line) for line in said.splitlines()]
    assert sorted(one["rank"] for one in found) == [0, 1]
    for one in found:
        assert one["own"] <= one["at_end"] <= one["most"], "else the count is blind"
        assert one["own"] < 0.51 * one["whole"]
        assert one["most"] < one["own"] + 4 * one["largest"] < 0.65 * one["whole"]


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"shard": ShardConfig(context=2)}, r"set it to 1 and raise shard\.data"),
        ({"shard": ShardConfig(tensor=2)}, r"set shard\.tensor = 1 and shard\.data = 2"),
        ({"shard": ShardConfig(data=2, checkpointing="full")}, r"set memory\.checkpointing = true"),
        ({"memory": MemoryConfig("int8")}, r'with shards set memory\.base = "bfloat16"'),
        ({"memory": MemoryConfig(checkpointing=True, resident_blocks=1)}, r"resident_blocks is 1.*set it to 0"),
        ({"run": RunConfig(processes=2, accumulate=2)}, r"set run\.processes = 1"),
    ],
)
def test_what_shards_cannot_hold_is_one_line_that_says_what_to_do(tables: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        replace(LoraRecipe(shard=ShardConfig(data=2)), **tables)
