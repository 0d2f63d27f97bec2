from __future__ import annotations

from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save_file

from hanmo.errors import HanmoError, WeightsError
from hanmo.weights.hub import CONFIG_PATTERNS, PATTERNS, bundled, is_hub_id, resolve


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test asks a hub, and none sees this machine's cache."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def refused(model: str | Path, **options: str) -> str:
    with pytest.raises(WeightsError) as caught:
        resolve(model, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_is_itself(checkpoint: Path) -> None:
    assert resolve(checkpoint) == checkpoint
    assert resolve(str(checkpoint)) == checkpoint


def test_nothing_means_the_bundled_model(root: Path) -> None:
    folder = root / "src" / "hanmo" / "assets" / "hanmo-tiny"
    if not (folder / "model_index.json").is_file():
        with pytest.raises(HanmoError, match="no bundled model"):
            bundled()
        return
    assert resolve(None) == resolve("hanmo-tiny") == folder


def test_a_hub_id_that_is_not_cached_says_so_when_offline() -> None:
    message = refused("Qwen/Qwen-Image")
    assert message.startswith("Qwen/Qwen-Image could not be fetched from huggingface: ")
    assert "cannot be reached" in message
    assert "give a folder" in message


def test_the_revision_is_part_of_the_message() -> None:
    assert "Qwen/Qwen-Image at revision v9" in refused("Qwen/Qwen-Image", revision="v9")


def test_a_cached_snapshot_is_found_without_a_network(tmp_path: Path) -> None:
    home = tmp_path / "cache" / "models--someone--something"
    snapshot = home / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model_index.json").write_text("{}")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0" * 40)
    assert resolve("someone/something") == snapshot


@pytest.mark.parametrize("model", ["no such folder", "./nothing", "a/b/c", "/nope/x", "nothing"])
def test_what_is_neither_folder_nor_id_says_what_is_allowed(model: str) -> None:
    assert "neither a folder here nor a hub id" in refused(model)


def test_a_path_object_is_never_looked_up_on_a_hub() -> None:
    assert "neither a folder" in refused(Path("Qwen/Qwen-Image"))


def test_a_single_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"transformer_blocks.0.attn.to_q.lora_A.weight": torch.ones(1)}, path)
    assert "a LoRA file" in refused(path)
    (tmp_path / "x.gguf").touch()
    assert "single file" in refused(tmp_path / "x.gguf")


def test_a_revision_of_a_folder_is_refused(checkpoint: Path) -> None:
    assert "which has none" in refused(checkpoint, revision="main")


@pytest.mark.skipif(find_spec("modelscope") is not None, reason="the client is installed here")
def test_modelscope_without_its_client_says_what_to_install() -> None:
    assert "hanmo[modelscope]" in refused("a/b", source="modelscope")


def test_no_pickle_is_ever_fetched() -> None:
    names = ("transformer/x.bin", "vae/x.pt", "text_encoder/pytorch_model.bin", "README.md", "x.safetensors")
    assert not [name for name in names for pattern in PATTERNS if fnmatch(name, pattern)]
    assert not [pattern for pattern in CONFIG_PATTERNS if fnmatch("vae/x.safetensors", pattern)]


def test_hub_ids_are_told_from_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my" / "model").mkdir(parents=True)
    assert is_hub_id("Qwen/Qwen-Image")
    assert not is_hub_id("my/model")
    assert not is_hub_id("qwen-image")
