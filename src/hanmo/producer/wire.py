"""Samples as safetensors bytes, in files and over HTTP, and back without a copy (report section 4.1.1: zero-copy).

    8 bytes, length of the header | header: JSON | numbers of all tensors, without gaps

Tensors are called N.target.mean, N.hidden, N.source.0.mean, ... for sample number N, and N.empty where it has an empty
prompt; everything else of the samples is JSON in the header's metadata, with their identity and a hash of the numbers.
Any reader of safetensors takes the file. Reading makes tensors on the buffer itself: they live as long as it does, and
share it. It does not know files or links.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from hanmo.errors import HanmoError, RequestError
from hanmo.producer.identity import Identity, identity_from
from hanmo.producer.sample import Posterior, Sample

FORMAT = "hanmo-samples-1"
LARGEST_HEADER = 100_000_000
"""Bytes of the largest header that safetensors allows."""
_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}
_TYPES = {name: kind for kind, name in _NAMES.items()}

Buffer = bytearray | mmap.mmap
"""Memory that may be written to, since torch has no tensors that may not."""


@dataclass(frozen=True)
class Place:
    """Where a tensor's numbers are: bytes from the start of the numbers."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Manifest:
    """A header that was read.

    Attributes:
        identity: of what made the samples.
        rows: what is known of each sample besides tensors.
        places: of the tensors, by name.
        start: where the numbers begin.
        stop: where they end: the length of the whole.
        digest: of the numbers, 32 hexadecimal digits.
    """

    identity: Identity
    rows: tuple[dict[str, Any], ...]
    places: dict[str, Place]
    start: int
    stop: int
    digest: str


def bucket_name(task: str, size: tuple[int, int]) -> str:
    """What samples that can be trained together are called, such as "t2i/256x256"; also their folder in a store."""
    return f"{task}/{size[0]}x{size[1]}"


def bucket_of(sample: Sample) -> str:
    """The bucket of a sample."""
    return bucket_name(sample.task, sample.size)


def packed(samples: Sequence[Sample], identity: Identity) -> list[bytes | memoryview]:
    """The bytes of samples, in parts that are to be written one after the other; tensors on the CPU are not copied.

    Args:
        samples: one or more.
        identity: of what made them.

    Raises:
        RequestError: a tensor of a type that is not stored, or without numbers.
    """
    named = [item for number, sample in enumerate(samples) for item in _tensors(number, sample)]
    named.sort(key=lambda item: -item[1].element_size())  # so that every tensor begins at a multiple of its width
    header: dict[str, Any] = {}
    parts: list[memoryview] = []
    at, found = 0, hashlib.blake2b(digest_size=16)
    for name, tensor in named:
        if tensor.dtype not in _NAMES or not tensor.numel():
            raise RequestError(
                f"{name} is {tensor.dtype} {tuple(tensor.shape)}; stored are numbers of type {', '.join(_TYPES)}"
            )
        view = numbers_of(tensor)
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + len(view)],
        }
        found.update(view)
        parts.append(view)
        at += len(view)
    rows = [_row(sample) for sample in samples]
    header["__metadata__"] = {
        "format": FORMAT,
        "identity": json.dumps(asdict(identity)),
        "samples": json.dumps(rows, ensure_ascii=False),
        "digest": found.hexdigest(),
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [struct.pack("<Q", len(text)) + text, *parts]


def read_manifest(head: bytes | Buffer, size: int) -> Manifest:
    """The header of packed samples.

    Args:
        head: from the start, at least to the end of the header (`header_length`).
        size: of the whole, in bytes.

    Raises:
        HanmoError: these are no packed samples, or not all of them.
    """
    try:
        length = header_length(head[:8])
        header = json.loads(bytes(head[8 : 8 + length]))
        about = header.pop("__metadata__")
        if about["format"] != FORMAT:
            raise HanmoError(f"not of the format {FORMAT}")
        start = 8 + length
        places = {name: _place(entry) for name, entry in header.items()}
        stop = start + max((place.stop for place in places.values()), default=0)
        if stop != size:
            raise HanmoError(f"{size} bytes instead of {stop}")
        rows = tuple(json.loads(about["samples"]))
        identity = identity_from(json.loads(about["identity"]))
        return Manifest(identity, rows, places, start, stop, about["digest"])
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise HanmoError(f"not packed samples ({type(error).__name__})") from None


def header_length(first: bytes | Buffer) -> int:
    """Bytes of the header, from the eight that stand before it.

    Raises:
        HanmoError: there are no eight, or they name a length that cannot be.
    """
    if len(first) < 8:
        raise HanmoError("cut off before its header")
    (length,) = struct.unpack("<Q", bytes(first[:8]))
    if length > LARGEST_HEADER:
        raise HanmoError(f"a header of {length} bytes")
    return int(length)


def check_numbers(buffer: Buffer, manifest: Manifest) -> None:
    """See that the numbers are those that were written.

    Raises:
        HanmoError: they are others.
    """
    with memoryview(buffer) as view, view[manifest.start : manifest.stop] as numbers:
        if hashlib.blake2b(numbers, digest_size=16).hexdigest() != manifest.digest:
            raise HanmoError("its numbers are not those that were written")


def sample_at(buffer: Buffer, manifest: Manifest, row: int) -> Sample:
    """Sample number `row`, its tensors on the buffer.

    Raises:
        HanmoError: the header does not describe such a sample.
    """

    def tensor(name: str) -> Tensor:
        place = manifest.places[f"{row}.{name}"]
        count = math.prod(place.shape)
        return torch.frombuffer(buffer, dtype=place.dtype, count=count, offset=manifest.start + place.start).view(
            place.shape
        )

    def posterior(name: str) -> Posterior:
        return tensor(f"{name}.mean"), tensor(f"{name}.logvar")

    try:
        known = manifest.rows[row]
        return Sample(
            id=known["id"],
            task=known["task"],
            size=(known["size"][0], known["size"][1]),
            target=posterior("target"),
            sources=tuple(posterior(f"source.{number}") for number in range(known["sources"])),
            hidden=tensor("hidden"),
            caption=known["caption"],
            source=known["source"],
            weight=known["weight"],
            empty=tensor("empty") if has_empty(manifest, row) else None,
            tags=tags_at(manifest, row),
        )
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise HanmoError(f"sample {row} is not whole ({type(error).__name__})") from None


def has_empty(manifest: Manifest, row: int) -> bool:
    """Whether the empty prompt of sample number `row` lies beside it."""
    return f"{row}.empty" in manifest.places


def tags_at(manifest: Manifest, row: int) -> frozenset[str]:
    """The tags of sample number `row`; none where it was made before there were any."""
    return frozenset(str(tag) for tag in manifest.rows[row].get("tags", ()))


def unpacked(buffer: Buffer) -> tuple[Manifest, list[Sample]]:
    """Every sample of a buffer, checked, on the buffer itself.

    Raises:
        HanmoError: it is damaged.
    """
    manifest = read_manifest(buffer, len(buffer))
    check_numbers(buffer, manifest)
    return manifest, [sample_at(buffer, manifest, row) for row in range(len(manifest.rows))]


def _tensors(number: int, sample: Sample) -> list[tuple[str, Tensor]]:
    named = [("target", sample.target), *((f"source.{n}", source) for n, source in enumerate(sample.sources))]
    found = [(f"{number}.hidden", sample.hidden)]
    if sample.empty is not None:
        found.append((f"{number}.empty", sample.empty))
    for name, (mean, logvar) in named:
        found += [(f"{number}.{name}.mean", mean), (f"{number}.{name}.logvar", logvar)]
    return found


def numbers_of(tensor: Tensor) -> memoryview:
    """A tensor's bytes, not copied where it lies on the CPU in one piece."""
    return memoryview(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())  # type: ignore[arg-type]


def _row(sample: Sample) -> dict[str, Any]:
    known = {name: getattr(sample, name) for name in ("id", "task", "size", "caption", "source", "weight")}
    return {**known, "sources": len(sample.sources), **({"tags": sorted(sample.tags)} if sample.tags else {})}


def _place(entry: dict[str, Any]) -> Place:
    dtype, shape = _TYPES[entry["dtype"]], tuple(int(side) for side in entry["shape"])
    start, stop = (int(at) for at in entry["data_offsets"])
    if start < 0 or min(shape, default=1) < 1 or stop - start != math.prod(shape) * dtype.itemsize:
        raise HanmoError("a tensor's place does not fit its shape")
    return Place(dtype, shape, start, stop)
