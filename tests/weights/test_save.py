from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from diffusers import QwenImagePipeline
from safetensors.torch import load_file

from hanmo.errors import OutputError
from hanmo.weights.folder import Folder, load_encoder, load_transformer, load_vae, open_folder
from hanmo.weights.save import save_folder

SmallDisk = Callable[[int], AbstractContextManager[None]]


def save(folder: Folder, path: Path, dtype: str | None = None, shard_bytes: int = 10**9) -> Path:
    parts = load_transformer(folder), load_vae(folder), load_encoder(folder)
    return save_folder(path, *parts, folder.schedule, dtype, folder.preferences, shard_bytes)


@pytest.mark.parametrize("shard_bytes", [10**9, 200_000])
def test_what_is_saved_is_loaded_again(checkpoint: Path, tmp_path: Path, shard_bytes: int) -> None:
    before = open_folder(checkpoint)
    after = open_folder(save(before, tmp_path / "saved", shard_bytes=shard_bytes))
    assert (after.transformer, after.vae, after.schedule) == (before.transformer, before.vae, before.schedule)
    assert after.preferences == before.preferences
    for load in (load_transformer, load_vae):
        ours, theirs = load(after).state_dict(), load(before).state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    old, new = load_encoder(before), load_encoder(after)
    assert all(torch.equal(a, b) for a, b in zip(old.model.parameters(), new.model.parameters(), strict=True))
    words = 'a red card with the text "A1" 你好'
    assert old.text_ids(words) == new.text_ids(words)
    assert old.picture_config == new.picture_config


@pytest.mark.filterwarnings("default")
def test_diffusers_loads_what_is_saved_and_computes_the_same(checkpoint: Path, tmp_path: Path) -> None:
    folder = open_folder(checkpoint)
    path = save(folder, tmp_path / "saved")
    pipeline = QwenImagePipeline.from_pretrained(path)
    original = QwenImagePipeline.from_pretrained(checkpoint)
    pixels = torch.rand(1, 3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        latents = [p.vae.encode(pixels).latent_dist.mode() for p in (pipeline, original)]
        states = [p.encode_prompt("a red card", max_sequence_length=64)[0] for p in (pipeline, original)]
    torch.testing.assert_close(*latents)
    assert torch.equal(*states)
    ours, theirs = pipeline.transformer.state_dict(), original.transformer.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    said = {"_class_name", "_diffusers_version", "_use_default_values"}
    schedules = [{k: v for k, v in p.scheduler.config.items() if k not in said} for p in (pipeline, original)]
    assert schedules[0] == schedules[1]


def test_a_folder_can_be_saved_in_another_dtype(checkpoint: Path, tmp_path: Path) -> None:
    path = save(open_folder(checkpoint), tmp_path / "saved", "bfloat16")
    for file in path.rglob("*.safetensors"):
        assert {tensor.dtype for tensor in load_file(file).values()} == {torch.bfloat16}


def test_every_file_has_the_usual_permissions(checkpoint: Path, tmp_path: Path) -> None:
    path = save(open_folder(checkpoint), tmp_path / "saved")
    usual = tmp_path / "usual"
    usual.touch()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.rglob("*") if file.is_file()}
    assert modes == {stat.S_IMODE(usual.stat().st_mode)}


def test_a_checkpoint_is_replaced_whole(checkpoint: Path, tmp_path: Path) -> None:
    folder = open_folder(checkpoint)
    save(folder, tmp_path / "saved", shard_bytes=200_000)
    save(folder, tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    assert not list((tmp_path / "saved").rglob("*.index.json"))


def test_a_folder_of_something_else_is_not_overwritten(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("...")
    with pytest.raises(OutputError, match="is no checkpoint"):
        save(open_folder(checkpoint), tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "..."


@pytest.mark.parametrize("limit", [1, 3_000, 30_000, 200_000])
def test_a_full_disk_leaves_nothing_half_written(
    checkpoint: Path, tmp_path: Path, small_disk: SmallDisk, limit: int
) -> None:
    folder = open_folder(checkpoint)
    with small_disk(limit), pytest.raises(OutputError) as caught:
        save(folder, tmp_path / "saved")
    assert "cannot be written" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_checkpoint_as_it_was(
    checkpoint: Path, tmp_path: Path, small_disk: SmallDisk
) -> None:
    folder = open_folder(checkpoint)
    path = save(folder, tmp_path / "saved")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with small_disk(30_000), pytest.raises(OutputError):
        save(folder, path, "bfloat16")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_missing_parent_is_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist; make it first"):
        save(open_folder(checkpoint), tmp_path / "nowhere" / "saved")
