from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest

from hanmo.errors import RequestError
from hanmo.evaluate.generators.model_hash import model_hash


def save(path: Path, header: bytes, data: bytes) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = struct.pack("<Q", len(header)) + header + data
    path.write_bytes(whole)
    return whole


def test_small_models_are_hashed_in_full(tmp_path: Path) -> None:
    one = save(tmp_path / "b" / "1.safetensors", b"{}", b"1234")
    two = save(tmp_path / "a" / "2.safetensors", b"{}", b"56")
    (tmp_path / "config.json").write_text("{}")
    told = hashlib.sha256(b"a/2.safetensors\x0012\x00" + two + b"b/1.safetensors\x0014\x00" + one).hexdigest()
    assert model_hash(tmp_path) == f"sha256:{told}"


def test_large_models_are_told_apart_by_their_headers_and_say_so(tmp_path: Path) -> None:
    save(tmp_path / "m.safetensors", b'{"a": 1}', b"1234")
    before = model_hash(tmp_path, largest=10)
    assert before.startswith("sha256-headers:")
    save(tmp_path / "m.safetensors", b'{"a": 1}', b"5678")
    assert model_hash(tmp_path, largest=10) == before
    save(tmp_path / "m.safetensors", b'{"b": 1}', b"1234")
    assert model_hash(tmp_path, largest=10) != before


def test_a_folder_without_weights_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no safetensors file"):
        model_hash(tmp_path)
