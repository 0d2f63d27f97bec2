"""Safetensors files of one component: single or sharded, opened by their headers, read slice by slice.

Opening parses headers only and compares them with the sizes of the files, so a truncated download is found
before a model is built. Reading maps the file into memory (mmap): a tensor that needs no cast is never
copied, and what nobody asks for stays on disk. This module knows no model.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safetensors import SafetensorError, safe_open

from hanmo.errors import WeightsError

LARGEST_HEADER = 100_000_000
"""Bytes of the largest header that the format allows."""

# Bits of one number of each type that the format names.
BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I8", "U8", "BOOL"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


@dataclass(frozen=True)
class Entry:
    """One tensor on disk: its file, shape, type (as safetensors names it) and bytes."""

    file: Path
    shape: tuple[int, ...]
    dtype: str
    nbytes: int

    @property
    def numel(self) -> int:
        """Numbers in the tensor."""
        return math.prod(self.shape)


@runtime_checkable
class Slice(Protocol):
    """A tensor that is read only as far as it is indexed."""

    def __getitem__(self, index: Any) -> Any:
        """Read that part as a torch tensor."""


@runtime_checkable
class Reader(Protocol):
    """Open files: `tensor` reads a whole tensor (mapped, not copied), `part` hands out a slice to index."""

    def tensor(self, name: str) -> Any:
        """The whole tensor, as a torch tensor on the CPU."""

    def part(self, name: str) -> Slice:
        """The tensor as something to index, which reads no more than it must."""


def open_tensors(folder: Path, stem: str) -> dict[str, Entry]:
    """List every tensor of `{stem}.safetensors`, or of the shards that its index names.

    Raises:
        WeightsError: no such file, a missing shard, a truncated or corrupt file, or an index that does not
            match its shards.
    """
    index = folder / f"{stem}.safetensors.index.json"
    single = folder / f"{stem}.safetensors"
    if index.is_file():
        return _sharded(folder, index)
    if single.is_file():
        return read_header(single)
    raise WeightsError(_nothing_found(folder, stem))


def read_header(path: Path) -> dict[str, Entry]:
    """List the tensors of one safetensors file and check that the file is as long as its header says.

    Raises:
        WeightsError: the file is truncated, no safetensors file, or cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(8)
            if first == b"version " and b"git-lfs" in file.read(64):
                raise WeightsError(f"{path} is a Git LFS pointer, not the weights: run 'git lfs pull' in its folder")
            length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
            if first[:4] == b"GGUF" or not 0 < length <= LARGEST_HEADER:
                raise WeightsError(_not_safetensors(path, size, first))
            if 8 + length > size:
                raise WeightsError(_truncated(path, size, 8 + length))
            header = json.loads(file.read(length))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} is corrupt: its header is no JSON; download it again") from None
    return _entries(path, header, size - 8 - length)


@contextmanager
def reading(entries: Mapping[str, Entry]) -> Iterator[Reader]:
    """Open the files behind `entries` while the block runs, each once and on first use.

    Raises:
        WeightsError: a file that safetensors itself refuses.
    """
    with ExitStack() as stack:
        yield _Files(entries, stack)


class _Files:
    def __init__(self, entries: Mapping[str, Entry], stack: ExitStack) -> None:
        self._entries = entries
        self._stack = stack
        self._open: dict[Path, Any] = {}

    def tensor(self, name: str) -> Any:
        return self._file(name).get_tensor(name)

    def part(self, name: str) -> Slice:
        part: Slice = self._file(name).get_slice(name)
        return part

    def _file(self, name: str) -> Any:
        path = self._entries[name].file
        if path not in self._open:
            try:
                self._open[path] = self._stack.enter_context(safe_open(path, framework="pt"))
            except (SafetensorError, OSError) as error:
                raise WeightsError(f"{path} is corrupt ({error}): download it again") from None
        return self._open[path]


def _sharded(folder: Path, index: Path) -> dict[str, Entry]:
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        wanted = {str(name): str(shard) for name, shard in weight_map.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(
            f"{index} is no index of shards (a JSON object with 'weight_map'): download it again"
        ) from None
    shards = sorted(set(wanted.values()))
    for shard in shards:
        if Path(shard).name != shard:
            raise WeightsError(
                f"{index} names the shard {shard!r}, which is outside its folder: do not trust these files"
            )
    absent = [shard for shard in shards if not (folder / shard).is_file()]
    if absent:
        raise WeightsError(
            f"{folder} lacks {len(absent)} of the {len(shards)} shards of its index (first: {absent[0]}): "
            "an interrupted download; fetch the missing files"
        )
    entries: dict[str, Entry] = {}
    for shard in shards:
        entries |= read_header(folder / shard)
    lost = [name for name, shard in wanted.items() if name not in entries or entries[name].file.name != shard]
    extra = [name for name in entries if name not in wanted]
    if lost or extra:
        raise WeightsError(
            f"{index} does not match its shards ({len(lost)} tensors astray, {len(extra)} not named; "
            f"first: {(lost + extra)[0]}): files of two downloads are mixed; download the folder again"
        )
    return entries


def _entries(path: Path, header: Any, payload: int) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    try:
        for name, facts in header.items():
            if name == "__metadata__":
                continue
            begin, end = facts["data_offsets"]
            shape = tuple(int(side) for side in facts["shape"])
            entries[name] = Entry(path, shape, str(facts["dtype"]), end - begin)
            if facts["dtype"] in BITS and end - begin != math.prod(shape) * BITS[facts["dtype"]] // 8:
                raise WeightsError(
                    f"{path} is corrupt: {name} has {end - begin} bytes for {list(shape)}; download it again"
                )
        needed = max((facts["data_offsets"][1] for name, facts in header.items() if name != "__metadata__"), default=0)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} is corrupt: its header describes no tensors; download it again") from None
    if payload < needed:
        overhead = path.stat().st_size - payload
        raise WeightsError(_truncated(path, overhead + payload, overhead + needed))
    return entries


def _truncated(path: Path, size: int, needed: int) -> str:
    return (
        f"{path} is truncated: {size:,} bytes, but its header needs {needed:,}; an interrupted download, fetch it again"
    )


def _not_safetensors(path: Path, size: int, first: bytes) -> str:
    if size < 8:
        return f"{path} is truncated: {size} bytes; an interrupted download, fetch it again"
    if first[:4] == b"GGUF":
        return f"{path} is a GGUF file under a safetensors name: give a folder of the published layout"
    if first[:2] in (b"PK", b"\x80\x02", b"\x80\x04"):
        return f"{path} is a pickle, not a safetensors file: convert it, Hanmo runs no code from weights"
    return f"{path} is no safetensors file, or its first bytes are corrupt: download it again"


def _nothing_found(folder: Path, stem: str) -> str:
    if not folder.is_dir():
        return f"{folder} does not exist: the checkpoint is incomplete, download it again"
    weights = sorted(
        path.name for path in folder.iterdir() if path.suffix in {".bin", ".pt", ".ckpt", ".gguf", ".safetensors"}
    )
    if any(name.endswith((".bin", ".pt", ".ckpt")) for name in weights):
        return f"{folder} holds pickles ({weights[0]}), which Hanmo does not run: fetch {stem}.safetensors"
    seen = f" (found {', '.join(weights[:3])})" if weights else ""
    return (
        f"{folder} holds neither {stem}.safetensors nor its index{seen}: the checkpoint is incomplete, "
        "download it again"
    )
