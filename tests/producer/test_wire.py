"""Samples as bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from producer_samples import IDENTITY, same, sample, tensors
from safetensors.torch import load_file

from hanmo.errors import HanmoError, RequestError
from hanmo.producer import wire
from hanmo.producer.sample import Sample


def buffer_of(samples: list[Sample]) -> bytearray:
    return bytearray().join(wire.packed(samples, IDENTITY))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_samples_come_back_bit_by_bit(dtype: torch.dtype) -> None:
    made = [sample(1, dtype=dtype), sample(2, (48, 32), "ti2i", dtype=dtype), sample(3)]
    manifest, read = wire.unpacked(buffer_of(made))
    assert manifest.identity == IDENTITY
    assert all(same(a, b) for a, b in zip(made, read, strict=True))


def test_the_bytes_are_a_safetensors_file(tmp_path: Path) -> None:
    made = sample(1, dtype=torch.bfloat16)
    path = tmp_path / "some.safetensors"
    path.write_bytes(buffer_of([made, sample(2)]))
    known = load_file(path)
    assert torch.equal(known["0.target.mean"], made.target[0])
    assert torch.equal(known["0.hidden"], made.hidden)


def test_tensors_lie_on_the_received_buffer_itself() -> None:
    buffer = buffer_of([sample(1)])
    manifest, (read,) = wire.unpacked(buffer)
    place = manifest.places["0.hidden"]
    start = manifest.start + place.start
    buffer[start : start + 4] = torch.tensor([7.5]).numpy().tobytes()
    assert read.hidden[0, 0] == 7.5
    first = torch.frombuffer(buffer, dtype=torch.uint8).data_ptr()
    assert all(first < tensor.data_ptr() < first + len(buffer) for tensor in tensors(read))


def test_rows_of_one_tensor_are_packed_each_for_itself() -> None:
    made = sample(1)
    whole = torch.arange(48.0).reshape(2, 3, 8)
    parts = [Sample(**{**vars(made), "id": f"{n:032x}", "hidden": whole[n]}) for n in range(2)]
    read = wire.unpacked(buffer_of(parts))[1]
    assert torch.equal(read[1].hidden, whole[1])


@pytest.mark.parametrize("cut", [0, 5, 100, -1])
def test_bytes_that_were_cut_off_are_refused(cut: int) -> None:
    with pytest.raises(HanmoError):
        wire.unpacked(buffer_of([sample(1)])[:cut])


def test_one_changed_number_is_seen() -> None:
    buffer = buffer_of([sample(1)])
    buffer[-3] ^= 1
    with pytest.raises(HanmoError, match="not those that were written"):
        wire.unpacked(buffer)


def test_a_header_that_claims_too_much_is_refused() -> None:
    with pytest.raises(HanmoError, match="a header of"):
        wire.unpacked(bytearray(b"\xff" * 64))


def test_a_tensor_of_another_type_is_refused_by_name() -> None:
    made = sample(1, dtype=torch.float64)
    with pytest.raises(RequestError, match=r"hidden is torch\.float64"):
        wire.packed([made], IDENTITY)
