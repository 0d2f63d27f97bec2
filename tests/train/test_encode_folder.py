from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch

from hanmo.errors import RequestError
from hanmo.model.latents import pack
from hanmo.pipeline.conditions import generators_of, prepare
from hanmo.pipeline.pictures import open_sources
from hanmo.pipeline.request import Request
from hanmo.pipeline.work import plan_work
from hanmo.train.encode_folder import Networks, encode_folder, fingerprint, read_sample, sizes_of
from hanmo.train.folder_data import open_picture, read_folder
from hanmo.weights.folder import Folder, load_encoder, load_vae, open_folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny.save_checkpoint(folder)
    return open_folder(folder)


@pytest.fixture(scope="module")
def networks(checkpoint: Folder) -> Networks:
    return Networks(load_encoder(checkpoint, dtype="float32"), load_vae(checkpoint, dtype="float32"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, size in (("a.png", (96, 64)), ("b.target.png", (96, 64)), ("b.source.png", (120, 80))):
        tiny.picture(*size, seed=len(name)).save(folder / name)
    (folder / "a.txt").write_text("a red card", encoding="utf-8")
    (folder / "b.txt").write_text("make it red", encoding="utf-8")
    return folder


def never() -> Networks:
    raise AssertionError("networks were loaded, though everything is kept")


def test_an_edits_sample_holds_what_the_pipeline_would_condition_on(
    pictures: Path, tmp_path: Path, checkpoint: Folder, networks: Networks
) -> None:
    items = read_folder(pictures)
    kept = encode_folder(items, tmp_path / "kept", checkpoint, lambda: networks)
    (plain, _), (edit, empty) = (read_sample(one.path) for one in kept)
    assert (plain.task, plain.size, plain.sources, plain.caption) == ("t2i", (96, 64), (), "a red card")
    assert (edit.task, len(edit.sources), edit.source) == ("ti2i", 1, "pictures")
    request = Request(("make it red",), "edit", ((items[1].sources[0],),), steps=2, cfg_scale=2.0, negatives=(" ",))
    works = plan_work(request, open_sources(request.images), checkpoint.preferences)
    with torch.no_grad():
        wanted = prepare(request, works, networks.encoder, networks.vae, 40, generators_of(request))
    assert edit.size == works[0].canvas.size
    assert wanted.negative is not None
    assert torch.allclose(edit.hidden, wanted.positive.states[0], atol=1e-5)
    assert torch.allclose(empty, wanted.negative.states[0], atol=1e-5)
    latents = pack(networks.vae.normalise(edit.sources[0][0][None]))
    assert wanted.pictures is not None
    assert torch.allclose(latents, wanted.pictures, atol=1e-5)


def test_what_is_kept_is_not_made_again_unless_something_it_depends_on_changed(
    pictures: Path, tmp_path: Path, checkpoint: Folder, networks: Networks
) -> None:
    place, seen = tmp_path / "kept", []

    def load() -> Networks:
        seen.append(1)
        return networks

    def again(load: Callable[[], Networks], **options: object) -> list[str]:
        return [one.path.name for one in encode_folder(read_folder(pictures), place, checkpoint, load, **options)]  # type: ignore[arg-type]

    first = again(load)
    assert again(never) == first
    (place / first[0]).write_bytes(b"cut short")
    assert again(load) == first
    (pictures / "a.txt").write_text("a blue card", encoding="utf-8")
    second = again(load)
    assert second[0] != first[0]
    assert second[1] == first[1]
    assert again(load, size=(64, 64))[0] not in (first[0], second[0])
    assert len(seen) == 4


def test_another_vae_is_another_fingerprint(tmp_path: Path, checkpoint: Folder) -> None:
    tiny.save_checkpoint(tmp_path / "other", seed=1)
    assert fingerprint(open_folder(tmp_path / "other")) != fingerprint(checkpoint)
    copy = tmp_path / "same"
    shutil.copytree(checkpoint.path, copy)
    assert fingerprint(open_folder(copy)) == fingerprint(checkpoint)


def test_a_text_that_is_too_long_is_told_with_its_file(
    pictures: Path, tmp_path: Path, checkpoint: Folder, networks: Networks
) -> None:
    (pictures / "a.txt").write_text("red card " * 40, encoding="utf-8")
    with pytest.raises(RequestError, match=r"a\.png: the prompt"):
        encode_folder(read_folder(pictures), tmp_path / "kept", checkpoint, lambda: networks)


def test_a_picture_goes_to_the_size_of_its_shape(
    pictures: Path, tmp_path: Path, checkpoint: Folder, networks: Networks
) -> None:
    tiny.picture(40, 120).save(pictures / "a.png")
    kept = encode_folder(read_folder(pictures), tmp_path / "kept", checkpoint, lambda: networks)
    (width, height), *others = kept[0].sizes
    assert not others
    assert (width, height) in sizes_of(checkpoint.preferences.default_size)
    assert height > 2 * width
    sample, _ = read_sample(kept[0].path)
    assert sample.target[0].shape == (16, height // 8, width // 8)
    assert open_picture(pictures / "a.png").size == (40, 120)
