from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from PIL import Image
from safetensors.torch import load_file

pytest.importorskip("peft")

import hanmo
from hanmo.config import dump_recipe, load_recipe
from hanmo.errors import ConfigError, RequestError
from hanmo.train.adapters import AdapterConfig
from hanmo.train.batches import MixConfig
from hanmo.train.files import RunFolder, open_run
from hanmo.train.judge import Box, Judge, Verdict
from hanmo.train.lora_recipe import FolderConfig, LoraRecipe, MemoryConfig, SFTRecipe, ShowConfig
from hanmo.train.lora_run import train_lora, train_sft
from hanmo.train.optim import OptimConfig
from hanmo.train.recipe import RunConfig

pytestmark = pytest.mark.slow
"""With peft."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny.save_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("a.png", "b.png", "c.target.png", "c.source.png"):
        tiny.picture(96, 64, seed=len(name)).save(folder / name)
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"red card {name}", encoding="utf-8")
    return folder


def run_of(folder: Path, steps: int = 3) -> RunConfig:
    return RunConfig(folder, steps, batch=2, log_every=1, save_every=2, preview_every=0, threads=1, precision="float32")


def recipe_of(checkpoint: Path, pictures: Path, folder: Path, **tables: Any) -> LoraRecipe:
    recipe = LoraRecipe(
        name="style",
        model=str(checkpoint),
        run=run_of(folder),
        data=FolderConfig(pictures),
        adapter=AdapterConfig(rank=2, alpha=4.0),
        optim=OptimConfig(lr=0.02, warmup=1, ema=0.5),
    )
    return replace(recipe, **tables)


def trained(recipe: LoraRecipe, resume: bool = False, judge: Judge | None = None) -> RunFolder:
    folder = open_run(recipe.run.folder / recipe.name, recipe, resume)
    train_lora(recipe, folder, resume, judge)
    return folder


def painted(pipe: hanmo.Pipeline, loras: list[tuple[str, float]]) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    pipe.generate("red card", steps=2, seed=1, loras=loras, on_step=lambda info: seen.append(info.latents))
    return seen[-1]


def test_an_adapter_learns_from_pictures_and_edits_and_the_pipeline_paints_with_each_of_its_files(
    checkpoint: Path, pictures: Path, tmp_path: Path
) -> None:
    read: list[Box] = []

    def judge(picture: Image.Image, box: Box, text: str) -> Verdict:
        assert text == "AB"
        read.append(box)
        return Verdict(text, True, 1.0)

    show = ShowConfig(prompts=('red "AB"', "red"), steps=1)
    folder = trained(recipe_of(checkpoint, pictures, tmp_path, show=show), judge=judge)
    lines = [json.loads(line) for line in (folder.path / "metrics.jsonl").read_text().splitlines()]
    assert {"loss", "images_per_second"} <= lines[0].keys()
    assert lines[-1]["read_exact"] == 1.0
    assert read == [(0, 0, 96, 64)]
    assert (folder.previews / "step-000000003.png").is_file()
    assert len(list((folder.path / "samples").glob("*.safetensors"))) == 3
    snapshot = torch.load(folder.snapshots / "step-000000003.pt", weights_only=True)
    assert all("lora" in name for name in snapshot["modules"]["transformer"])
    pipe = hanmo.load(checkpoint)
    plain = painted(pipe, [])
    made = []
    for place in ("style.safetensors", "style-comfyui.safetensors", "peft"):
        made.append(painted(pipe, [(pipe.load_lora(folder.export / place, place), 1.0)]))
        assert torch.allclose(made[-1], made[0], atol=1e-5)
    assert float((made[0] - plain).abs().max()) > 1e-3


def test_a_resumed_adapter_ends_with_the_same_bits(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    adapter = AdapterConfig(rank=2, dropout=0.2)
    whole = trained(recipe_of(checkpoint, pictures, tmp_path / "whole", adapter=adapter))
    recipe = recipe_of(checkpoint, pictures, tmp_path / "cut", adapter=adapter)
    cut = trained(recipe)
    (cut.snapshots / "step-000000003.pt").unlink()
    (cut.export / "style.safetensors").unlink()
    trained(recipe, resume=True)
    one, two = (load_file(run.export / "style.safetensors") for run in (cut, whole))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("base", ["int8", "float8"])
def test_a_base_in_eight_bits_with_swapped_blocks_trains_nearly_the_same_adapter(
    base: Any, checkpoint: Path, pictures: Path, tmp_path: Path
) -> None:
    memory = MemoryConfig(base, checkpointing=True, resident_blocks=1)
    small = trained(recipe_of(checkpoint, pictures, tmp_path / base, memory=memory))
    full = trained(recipe_of(checkpoint, pictures, tmp_path / "full"))
    losses = [
        [json.loads(line)["loss"] for line in (folder.path / "metrics.jsonl").read_text().splitlines()]
        for folder in (small, full)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    assert losses[0] != losses[1]


def test_a_dora_leaves_a_checkpoint_that_paints(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    folder = trained(recipe_of(checkpoint, pictures, tmp_path, adapter=AdapterConfig(rank=2, dora=True)))
    assert sorted(path.name for path in folder.export.iterdir()) == ["checkpoint", "peft"]
    assert (
        float((painted(hanmo.load(folder.export / "checkpoint"), []) - painted(hanmo.load(checkpoint), [])).abs().max())
        > 1e-3
    )


def test_sft_trains_every_weight_and_leaves_a_checkpoint(checkpoint: Path, pictures: Path, tmp_path: Path) -> None:
    recipe = SFTRecipe(
        "tuned",
        model=str(checkpoint),
        run=run_of(tmp_path),
        data=FolderConfig(pictures),
        optim=OptimConfig(lr=1e-3, warmup=1, ema=0.5),
    )
    folder = open_run(tmp_path / "tuned", recipe, resume=False)
    train_sft(recipe, folder, resume=False, judge=None)
    before, after = hanmo.load(checkpoint), hanmo.load(folder.export)
    changed = [
        name
        for (name, old), new in zip(before.transformer.named_parameters(), after.transformer.parameters(), strict=True)
        if not torch.allclose(old, new, rtol=1e-2, atol=1e-4)
    ]
    assert len(changed) > 20
    assert torch.isfinite(painted(after, [])).all()
    assert after.preferences == before.preferences


def test_one_picture_trains_an_adapter_in_batches_of_two(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    tiny.picture(96, 64).save(tmp_path / "one" / "a.png")
    (tmp_path / "one" / "a.txt").write_text("red card", encoding="utf-8")
    folder = trained(recipe_of(checkpoint, tmp_path / "one", tmp_path))
    assert (folder.export / "style.safetensors").is_file()


def test_captions_of_edits_are_dropped_as_often_as_those_of_pictures_unless_a_recipe_says_otherwise(
    tmp_path: Path,
) -> None:
    for recipe in (LoraRecipe(), SFTRecipe()):
        assert recipe.mix.edit_dropout == recipe.mix.dropout == 0.05
    (tmp_path / "recipe.toml").write_text("[mix]\nt_mean = 1.0\nedit_dropout = 0.0\n", encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.toml", LoraRecipe).mix == MixConfig(t_mean=1.0)


def test_a_wrong_folder_stops_a_run_before_any_network_is_loaded(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    tiny.picture(96, 64).save(tmp_path / "pictures" / "a.png")
    with pytest.raises(RequestError, match=r"1 fault\. a\.png has no text"):
        trained(recipe_of(checkpoint, tmp_path / "pictures", tmp_path))


@pytest.mark.parametrize("kind", ["lora", "sft"])
def test_the_shipped_recipes_are_read_and_written_back(kind: str, root: Path, tmp_path: Path) -> None:
    cls: Any = LoraRecipe if kind == "lora" else SFTRecipe
    paths = sorted((root / "recipes").glob("*/*.toml"))
    runs = [path for path in paths if f'kind = "{kind}"' in path.read_text(encoding="utf-8")]
    for path in runs:
        recipe = load_recipe(path, cls)
        (tmp_path / "again.toml").write_text(dump_recipe(recipe), encoding="utf-8")
        assert load_recipe(tmp_path / "again.toml", cls) == recipe
    assert {path.parent.name for path in runs} == {"tiny", "qwen_image"}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: FolderConfig(size=(100, 64)), "data.size"),
        (lambda: FolderConfig(size=(0, 64)), "data.size"),
        (lambda: MemoryConfig(resident_blocks=2), "checkpointing"),
        (lambda: MemoryConfig(resident_blocks=-1), "resident_blocks is -1"),
        (lambda: LoraRecipe(optim=OptimConfig(kind="muon")), "muon"),
        (lambda: SFTRecipe(memory=MemoryConfig("int8")), "every weight"),
        (lambda: ShowConfig(steps=-1), "show.steps"),
    ],
)
def test_wishes_that_do_not_go_together_are_refused(make: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make()
