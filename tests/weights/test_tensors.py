from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hanmo.errors import WeightsError
from hanmo.weights.save import save_tensors
from hanmo.weights.tensors import open_tensors, read_header, reading

STATE = {
    "a": torch.arange(6.0).reshape(2, 3),
    "b": torch.ones(4, dtype=torch.bfloat16),
    "c": torch.zeros(2, 2),
}


def refused(path: Path, stem: str = "model") -> str:
    with pytest.raises(WeightsError) as caught:
        open_tensors(path, stem)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shard_bytes", [10**9, 16])
def test_one_file_and_shards_read_alike(tmp_path: Path, shard_bytes: int) -> None:
    save_tensors(tmp_path, "model", STATE, shard_bytes)
    assert (tmp_path / "model.safetensors.index.json").exists() == (shard_bytes == 16)
    entries = open_tensors(tmp_path, "model")
    assert {name: entry.shape for name, entry in entries.items()} == {n: tuple(t.shape) for n, t in STATE.items()}
    assert entries["b"].dtype == "BF16"
    assert (entries["a"].nbytes, entries["a"].numel) == (24, 6)
    with reading(entries) as files:
        for name, tensor in STATE.items():
            assert torch.equal(files.tensor(name), tensor)


def test_a_tensor_outlives_the_reader_and_the_file(tmp_path: Path) -> None:
    save_tensors(tmp_path, "model", STATE)
    with reading(open_tensors(tmp_path, "model")) as files:
        tensor = files.tensor("a")
    (tmp_path / "model.safetensors").unlink()
    assert torch.equal(tensor, STATE["a"])


@pytest.mark.parametrize("kept", [0, 4, 60, -1])
def test_a_truncated_file_is_found_by_its_header(tmp_path: Path, kept: int) -> None:
    save_file(STATE, tmp_path / "model.safetensors")
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:kept])
    assert "truncated" in refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"GGUF" + bytes(60), "GGUF"),
        (b"PK\x03\x04" + b"\xff" * 60, "pickle"),
        (b"\xff" * 64, "corrupt"),
        ((8).to_bytes(8, "little") + b"notjson!", "no JSON"),
        ((2).to_bytes(8, "little") + b"[]", "describes no tensors"),
        ((12).to_bytes(8, "little") + b'{"a": {"x":1' + b"}}", "no JSON"),
    ],
)
def test_what_is_no_safetensors_file_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert said in refused(tmp_path)


def test_a_header_whose_bytes_do_not_fit_its_shape_is_corrupt(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(WeightsError, match="corrupt"):
        read_header(path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    save_tensors(tmp_path, "model", STATE, 16)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    message = refused(tmp_path)
    assert "lacks 1 of the 3 shards" in message
    assert "model-00002-of-00003" in message


def test_shards_of_two_downloads_are_found_out(tmp_path: Path) -> None:
    save_tensors(tmp_path, "model", STATE, 16)
    save_file({"other": torch.ones(1)}, tmp_path / "model-00001-of-00003.safetensors")
    assert "two downloads" in refused(tmp_path)


def test_an_index_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "../model.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "outside" in refused(tmp_path)


def test_an_index_without_a_map_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    assert "weight_map" in refused(tmp_path)


def test_what_lies_in_the_folder_instead_is_named(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")
    assert "incomplete" in refused(tmp_path)
    (tmp_path / "model.bin").touch()
    assert "pickles (model.bin)" in refused(tmp_path)
