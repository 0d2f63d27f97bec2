from __future__ import annotations

import os
import re
import shutil
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from safetensors.torch import load_file, save_file

from hanmo.config import dump_recipe
from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig
from hanmo.train.plan.checks import DryRun, base_model, check_transformer, disk, producers, run_folder
from hanmo.train.plan.dry_run import dry_run
from hanmo.train.recipe import FlowRecipe, NewModel, read
from hanmo.train.stored import StoreConfig

PLANNED = {
    "distill": "distill",
    "edit": "samples",
    "lora": "lora",
    "lora_edit": "lora",
    "lora_fsdp": "lora",
    "lora_one_gpu": "lora",
    "pretrain": "samples",
    "pretrain_1328p": "samples",
    "pretrain_256p": "samples",
    "pretrain_640p": "samples",
    "sft": "samples",
    "sft_folder": "sft",
    "vae_decoder": "vae",
}
"""Kinds of the recipes of the published size."""
Make = Callable[..., FlowRecipe]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "tiny"
    tiny.save_checkpoint(folder)
    return folder


def wrong(found: DryRun) -> str:
    """The lines that would make the run fail."""
    return "\n".join(check.what for check in found.checks if check.level == "wrong")


@pytest.mark.parametrize("name", PLANNED)
def test_a_full_size_recipe_passes_in_seconds_and_says_what_it_takes(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.process_time()
    found = dry_run(root / "recipes" / "qwen_image" / f"{name}.toml")
    assert time.process_time() - began < 20
    assert wrong(found) == ""
    text = found.text()
    assert f"({PLANNED[name]})" in found.plan[0]
    if name != "vae_decoder":
        assert ("10,235," if name == "distill" else "20,430,401,088") in text
    assert re.search(r"memory per GPU \d+\.\d GB: weights", text)
    assert re.search(r"[\d,]+ (tokens|latent cells) a step at most, \d+\.\d\d s a step predicted", text)
    assert "is not on this machine" in text
    assert list(tmp_path.iterdir()) == []


def test_every_full_size_recipe_of_the_repository_is_a_run_with_a_plan(root: Path) -> None:
    there = {path.stem: read(path) for path in (root / "recipes" / "qwen_image").glob("*.toml")}
    assert {name: recipe.kind for name, recipe in there.items()} == PLANNED
    assert all(not isinstance(recipe, FlowRecipe) and recipe.plan is not None for recipe in there.values())


def test_what_a_run_would_refuse_is_wrong(root: Path, tmp_path: Path) -> None:
    recipe = root / "recipes" / "qwen_image" / "sft.toml"
    with pytest.raises(ConfigError, match=r"unknown key 'shard.tensr'; did you mean 'shard.tensor'"):
        dry_run(recipe, ["shard.tensr=2"])
    for given, said in (
        ("shard.tensor=7", "shard.tensor is 7, but 24 heads are dealt out evenly"),
        ("run.accumulate=24", "accumulate must be a multiple of 16"),
        ("run.precision=float32", 'shard.gather is "bfloat16" while products are made in float32'),
        ("run.device=cpu", 'run.device is "cpu", but the plan is for GPUs'),
        ("optim.kind=muon", 'optim.kind is "muon", which needs whole matrices'),
        ("encode.resolution=512", "there are no buckets of 512p"),
        ("data.sets=[]", "data.sets is empty"),
    ):
        assert said in wrong(dry_run(recipe, [given]))
    path = tmp_path / "new.toml"
    path.write_text('kind = "pretrian"\n')
    with pytest.raises(ConfigError, match=r"kind is 'pretrian' in .*; it must be one of vae, flow"):
        dry_run(path)


def test_what_an_adapter_or_a_student_in_shards_cannot_be_is_refused_before_a_run(root: Path) -> None:
    recipes = root / "recipes" / "qwen_image"
    for name, given, said in (
        ("lora_fsdp", "shard.tensor=2", "set shard.tensor = 1 and shard.data = 16"),
        ("lora_fsdp", "memory.base=int8", 'with shards set memory.base = "bfloat16"'),
        ("distill", "depth.choose=measured", 'set depth.choose = "even"'),
    ):
        with pytest.raises(ConfigError, match=re.escape(said)):
            dry_run(recipes / f"{name}.toml", [given])
    assert "is bitsandbytes', which knows no shards" in wrong(
        dry_run(recipes / "lora_fsdp.toml", ["optim.kind=adamw8bit"])
    )


@pytest.mark.parametrize("kind", ["lora", "sft", "samples", "distill"])
def test_batches_that_cannot_be_dealt_out_are_wrong_without_a_plan_too(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(f'kind = "{kind}"\n[run]\naccumulate = 3\n[shard]\ndata = 2\n')
    assert "accumulate must be a multiple of 2" in wrong(dry_run(path))


def test_a_frozen_base_in_shards_takes_their_share(root: Path) -> None:
    recipe = root / "recipes" / "qwen_image" / "lora_fsdp.toml"
    weights = []
    for count in (1, 8):
        found = re.search(r"weights (\d+\.\d)", dry_run(recipe, [f"shard.data={count}"]).text())
        assert found is not None
        weights.append(float(found[1]))
    assert weights == pytest.approx([2 * 20.43 + 4 * 0.2123, (2 * 20.43 + 4 * 0.2123) / 8], abs=0.06)


def test_a_set_that_is_not_there_is_a_note_in_a_plan_and_wrong_here(root: Path, tmp_path: Path) -> None:
    (tmp_path / "edits").mkdir()
    sets = f'data.sets=["{tmp_path / "edits"}", "{tmp_path / "none"}"]'
    found = dry_run(root / "recipes" / "qwen_image" / "edit.toml", [sets])
    assert "edits, which is empty" in wrong(found)
    assert f"note   data.sets {tmp_path / 'none'} is no folder yet" in found.text()
    small = tmp_path / "small.toml"
    small.write_text('kind = "samples"\n')
    assert f"{tmp_path / 'none'}, which is no folder" in wrong(dry_run(small, [sets]))


def test_a_batch_too_large_for_the_gpu_is_wrong(root: Path) -> None:
    found = dry_run(root / "recipes" / "qwen_image" / "pretrain_640p.toml", ["run.batch=64"])
    assert re.search(r"refined: \d{3}\.\d of 80 GB on each h800 do not fit", wrong(found))


def test_every_stage_of_one_run_over_three_resolutions_is_planned_and_must_fit(root: Path) -> None:
    found = dry_run(root / "recipes" / "qwen_image" / "pretrain.toml", ["curriculum.stages.1328p.batch=8"])
    text = found.text()
    for line in (
        "stage 256p: 200,000 steps, 1,536 pictures a step (64 batches of 24, 1 for each of 64 groups) of 320x208",
        "stage 256p_text: until a plateau, at most 200,000 steps, 1,536 pictures",
        "stage 640p_refined: until a plateau, at most 200,000 steps, 768 pictures",
        "stage 1328p_synthetic: the steps that are left, 128 pictures a step",
    ):
        assert line in text
    assert re.fullmatch(r"1328p: \d+\.\d of 80 GB on each h800 do not fit: .*", wrong(found))


def test_the_headers_of_a_base_are_compared_with_its_config(checkpoint: Path, root: Path, tmp_path: Path) -> None:
    recipe = root / "recipes" / "qwen_image" / "sft.toml"
    good = dry_run(recipe, [f"model.init={checkpoint}", "shard.tensor=1"])
    assert "every name and shape as its config says" in good.text()
    broken = Path(shutil.copytree(checkpoint, tmp_path / "broken"))
    (file,) = (broken / "transformer").glob("*.safetensors")
    tensors = load_file(file)
    tensors.pop("proj_out.weight")
    save_file(tensors, file)
    assert "1 missing (proj_out.weight)" in wrong(dry_run(recipe, [f"model.init={broken}", "shard.tensor=1"]))
    file.write_bytes(file.read_bytes()[:-10])
    assert "truncated" in wrong(dry_run(recipe, [f"model.init={broken}", "shard.tensor=1"]))
    assert "neither a folder here" in wrong(dry_run(recipe, ["model.init=Qwen/Nothing"]))
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
        if tomllib.loads(path.read_text("utf-8")).get("kind") is None:  # the data engine's
            continue
        found = dry_run(path)
        for check in found.checks:
            if check.what.startswith("memory"):
                taken[path.stem] = float(re.findall(r"take ([0-9.]+) of", check.what)[0])
        assert "model" not in wrong(found) or path.stem in ("edit", "places", "pretrain_edits"), (
            "their bases are made by other recipes"
        )
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


def test_what_producers_lack_that_work_while_training_goes_on_is_wrong_here_and_a_note_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HANMO_LINK_TOKEN", raising=False)
    data = StoreConfig(feed="live", engine="ray", producers=3, listen="10.0.0.1:81")
    found = producers(data)
    assert found[0].what.endswith("3 Ray workers and whoever joins at 10.0.0.1:81")
    assert [(check.level, "HANMO_LINK_TOKEN" in check.what) for check in found][-1] == ("wrong", True)
    assert {check.level for check in producers(data, planned=True)} == {"ok", "note"}
    monkeypatch.setenv("HANMO_LINK_TOKEN", "secret")
    assert len(producers(data)) == len(found) - 1
    assert producers(StoreConfig()) == []
