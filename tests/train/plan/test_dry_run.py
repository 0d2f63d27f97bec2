from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from hanmo.config import dump_recipe
from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.train.full_recipe import BatchConfig, FullRecipe, LoRAConfig, StageConfig, read_full, work_of
from hanmo.train.plan.checks import base_model, check_transformer, disk, run_folder
from hanmo.train.plan.dry_run import DryRun, dry_run, is_full, refuse_full
from hanmo.train.plan.memory import ShardConfig
from hanmo.train.plan.stages import plan
from hanmo.train.recipe import FlowRecipe, NewModel

RECIPES = ("pretrain_256p", "pretrain_640p", "pretrain_1328p", "sft", "lora", "edit", "vae_decoder", "distill")
Make = Callable[..., FlowRecipe]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "tiny"
    tiny.save_checkpoint(folder)
    return folder


def wrong(found: DryRun) -> str:
    """The lines that would make the run fail."""
    return "\n".join(check.what for check in found.checks if check.level == "wrong")


@pytest.mark.parametrize("name", RECIPES)
def test_a_full_size_recipe_passes_in_seconds_and_says_what_it_takes(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.process_time()
    found = dry_run(root / "recipes" / "qwen_image" / f"{name}.toml")
    assert time.process_time() - began < 20
    assert wrong(found) == ""
    text = found.text()
    if name != "vae_decoder":
        assert ("10,235," if name == "distill" else "20,430,401,088") in text
    assert re.search(r"memory per GPU \d+\.\d GB: weights", text)
    assert re.search(r"[\d,]+ (tokens|latent cells) a step, \d+\.\d\d s a step predicted", text)
    assert list(tmp_path.iterdir()) == []


def test_every_full_size_recipe_of_the_repository_is_tested(root: Path) -> None:
    there = (root / "recipes" / "qwen_image").glob("*.toml")
    assert {path.stem for path in there if is_full(path)} == set(RECIPES)


def test_without_dry_run_a_full_size_recipe_says_what_is_needed(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"256 h800 GPUs .*--dry-run"):
        refuse_full(root / "recipes" / "qwen_image" / "pretrain_256p.toml")
    refuse_full(root / "recipes" / "tiny" / "t2i.toml")


def test_an_unknown_key_and_an_unknown_kind_are_named(root: Path, tmp_path: Path) -> None:
    recipe = root / "recipes" / "qwen_image" / "sft.toml"
    with pytest.raises(ConfigError, match=r"unknown key 'shard.tensr'; did you mean 'shard.tensor'"):
        dry_run(recipe, ["shard.tensr=2"])
    with pytest.raises(ConfigError, match=r"shard.tensor is 7, but the model has 24 heads"):
        dry_run(recipe, ["shard.tensor=7"])
    path = tmp_path / "new.toml"
    path.write_text('kind = "pretrian"\n')
    with pytest.raises(ConfigError, match=r"kind is 'pretrian' in .*; it must be one of vae, flow"):
        dry_run(path)


def test_a_set_that_is_not_there_is_wrong_and_one_without_a_path_is_noted(root: Path, tmp_path: Path) -> None:
    recipe = root / "recipes" / "qwen_image" / "edit.toml"
    (tmp_path / "edits").mkdir()
    found = dry_run(
        recipe, [f"data.sets.edits.path={tmp_path / 'edits'}", f"data.sets.pictures.path={tmp_path / 'none'}"]
    )
    assert "data.sets.edits.path is" in wrong(found)
    assert "which is empty" in wrong(found)
    assert f"{tmp_path / 'none'}, which is no folder" in wrong(found)
    assert "note   data.sets.repaint.path is not set" in found.text()


def test_a_batch_too_large_for_the_gpu_is_wrong(root: Path) -> None:
    found = dry_run(root / "recipes" / "qwen_image" / "pretrain_640p.toml", ["batch.pictures=64"])
    assert re.search(r"all steps: \d{3}\.\d of 80 GB on each h800 do not fit", wrong(found))


def test_the_headers_of_a_base_are_compared_with_its_config(checkpoint: Path, root: Path, tmp_path: Path) -> None:
    recipe = root / "recipes" / "qwen_image" / "sft.toml"
    good = dry_run(recipe, [f"model.base={checkpoint}", "shard.tensor=1"])
    assert "every name and shape as its config says" in good.text()
    broken = Path(shutil.copytree(checkpoint, tmp_path / "broken"))
    (file,) = (broken / "transformer").glob("*.safetensors")
    tensors = load_file(file)
    tensors.pop("proj_out.weight")
    save_file(tensors, file)
    assert "1 missing (proj_out.weight)" in wrong(dry_run(recipe, [f"model.base={broken}", "shard.tensor=1"]))
    file.write_bytes(file.read_bytes()[:-10])
    assert "truncated" in wrong(dry_run(recipe, [f"model.base={broken}", "shard.tensor=1"]))
    assert "neither a folder here" in wrong(dry_run(recipe, ["model.base=Qwen/Nothing"]))
    assert base_model(str(checkpoint), part="vae").checks[0].level == "ok"
    assert check_transformer(checkpoint, base_model(str(checkpoint)).transformer or TransformerConfig()) > 0


def test_a_small_recipe_is_checked_before_its_first_step(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = flow_recipe()
    path = tmp_path / "toy.toml"
    path.write_text(dump_recipe(recipe))
    good = dry_run(path)
    assert wrong(good) == ""
    assert good.plan[0].startswith("toy (flow): 4 steps of 4 pictures")
    path.write_text(dump_recipe(replace(recipe, model=NewModel(vae=tmp_path / "none"))))
    assert "holds no VAE" in wrong(dry_run(path))
    assert "no snapshot to resume" in wrong(dry_run(path, resume=True))
    assert not (tmp_path / "toy").exists()


def test_small_recipes_say_what_learns_and_what_it_takes(root: Path) -> None:
    taken: dict[str, float] = {}
    for path in sorted((root / "recipes" / "tiny").glob("*.toml")):
        if path.name in ("cards.toml", "data.toml"):  # the data engine's
            continue
        found = dry_run(path)
        for check in found.checks:
            if check.what.startswith("memory"):
                taken[path.stem] = float(re.findall(r"take ([0-9.]+) of", check.what)[0])
        assert "model" not in wrong(found) or path.stem in ("edit", "places"), "their bases are made by other recipes"
    assert taken["lora"] < taken["sft"], "an adapter's gradients and moments are few"
    assert taken["distill_depth"] < taken["distill_steps"], "half of the blocks learn"
    assert taken["vae_decoder"] < taken["vae"], "the encoder rests"
    assert "edit" not in taken, "nothing is said of a model that is not there"


def test_a_folder_that_cannot_hold_the_run_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run_folder(tmp_path / "file" / "run", False)[0].level == "wrong"
    assert run_folder(tmp_path / "new" / "run", False)[0].level == "ok"
    (tmp_path / "old" / "checkpoints").mkdir(parents=True)
    (tmp_path / "old" / "checkpoints" / "step-000000001.pt").write_text("")
    assert "holds a run already" in run_folder(tmp_path / "old", False)[0].what
    assert run_folder(tmp_path / "old", True)[0].level == "ok"
    locked = Path("/proc") if os.geteuid() == 0 else tmp_path / "locked"
    locked.mkdir(mode=0o500, exist_ok=True)
    assert "cannot be written" in run_folder(locked / "run", False)[0].what


def test_too_little_room_is_wrong_here_and_a_note_elsewhere(tmp_path: Path) -> None:
    assert disk(tmp_path / "run", 1.0, 2)[0].level == "ok"
    assert disk(tmp_path / "run", 1e18, 2)[0].level == "wrong"
    assert disk(tmp_path / "run", 1e18, 2, here=False)[0].level == "note"


# --- the plan --------------------------------------------------------------------------------------


def test_a_curriculum_changes_what_its_stages_say_and_keeps_the_rest() -> None:
    stages = (StageConfig("small"), StageConfig("large", 10, resolution=1328, pictures=1), StageConfig("on", 20))
    recipe = FullRecipe("pretrain", "x", batch=BatchConfig(256, 8), curriculum=stages)
    assert [(n, b.resolution, b.pictures) for n, b in recipe.stages()] == [
        ("small", 256, 8),
        ("large", 1328, 1),
        ("on", 1328, 1),
    ]
    with pytest.raises(ConfigError, match="each must start after the one before"):
        FullRecipe("pretrain", "x", curriculum=(StageConfig("a"), StageConfig("b")))
    with pytest.raises(ConfigError, match=r"curriculum.a.weights names the set 'b'"):
        FullRecipe("pretrain", "x", curriculum=(StageConfig("a", weights={"b": 1.0}),))
    with pytest.raises(ConfigError, match=r"batch.sources is 0"):
        FullRecipe("edit", "x")


def test_the_largest_bucket_is_what_memory_must_hold() -> None:
    assert work_of(BatchConfig(1328, 2, text=100, sources=2)).target >= 83 * 83
    assert work_of(BatchConfig(1328, 2, text=100, sources=2)).source == 2 * work_of(BatchConfig(1328)).target


def test_checkpointing_takes_time_and_gives_memory() -> None:
    recipe = FullRecipe("pretrain", "x", shard=ShardConfig(data=8, tensor=4))
    off, full = (
        plan(replace(recipe, shard=replace(recipe.shard, checkpointing=how)), TransformerConfig(), VAEConfig()).stages[
            0
        ]  # type: ignore[arg-type]
        for how in ("off", "full")
    )
    assert full.flops == pytest.approx(4 / 3 * off.flops, rel=0.01)
    assert full.memory.total < off.memory.total
    half = plan(replace(recipe, shard=replace(recipe.shard, mfu=0.2)), TransformerConfig(), VAEConfig()).stages[0]
    assert half.seconds == pytest.approx(2 * off.seconds, rel=0.05)


def test_adapters_are_what_peft_would_make(root: Path) -> None:
    recipe = read_full(root / "recipes" / "qwen_image" / "lora.toml")
    small = TransformerConfig(num_layers=2, attention_head_dim=16, num_attention_heads=4, axes_dims_rope=(4, 6, 6))
    rank, width = recipe.lora.rank, 64
    pairs = [(width, width)] * 8 + [(width, 4 * width), (4 * width, width)] * 2
    assert plan(recipe, small, VAEConfig()).trained == 2 * sum(rank * (a + b) for a, b in pairs)
    eight = replace(recipe, lora=LoRAConfig(bits=8))
    whole, less = (plan(one, TransformerConfig(), VAEConfig()).stages[0].memory for one in (recipe, eight))
    assert whole.total - less.total == pytest.approx(20_430_401_088, rel=0.01)


def test_a_student_has_fewer_blocks_and_its_teacher_looks_on(root: Path) -> None:
    recipe = read_full(root / "recipes" / "qwen_image" / "distill.toml")
    made = plan(recipe, TransformerConfig(), VAEConfig())
    assert made.parameters == pytest.approx(20_430_401_088 / 2, rel=0.01)
    with pytest.raises(ConfigError, match=r"distill.layers is 61; the teacher has 60 blocks"):
        plan(replace(recipe, distill=replace(recipe.distill, layers=61)), TransformerConfig(), VAEConfig())


def test_the_decoder_is_measured_on_the_meta_device(root: Path) -> None:
    recipe = read_full(root / "recipes" / "qwen_image" / "vae_decoder.toml")
    found = plan(recipe, TransformerConfig(), VAEConfig(base_dim=16))
    double = plan(
        replace(recipe, batch=replace(recipe.batch, pictures=32)), TransformerConfig(), VAEConfig(base_dim=16)
    )
    assert double.stages[0].memory.activations == 2 * found.stages[0].memory.activations > 0
    assert double.stages[0].flops == 2 * found.stages[0].flops > 0
    assert torch.cuda.is_available() or found.stages[0].seconds > 0
    with pytest.raises(ConfigError, match=r"shard.tensor is 2; the autoencoder has no heads"):
        plan(replace(recipe, shard=ShardConfig(tensor=2)), TransformerConfig(), VAEConfig(base_dim=16))
