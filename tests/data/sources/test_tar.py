from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from tiny_pictures import png, record

from hanmo.data.limits import Limits
from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.shards import write_shard
from hanmo.data.sources.tar import TarSource
from hanmo.errors import RequestError


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def items(path: Path, limits: Limits | None = None) -> list[Record | Reject]:
    return list(TarSource((path,), "set", language="en", limits=limits or Limits()))


def samples(count: int) -> list[tuple[str, bytes]]:
    return [
        member
        for n in range(count)
        for member in ((f"a/{n:04d}.png", png(n)), (f"a/{n:04d}.txt", f"grey {n}".encode()))
    ]


def test_members_of_one_name_are_one_record(tmp_path: Path) -> None:
    members = [*samples(1), ("a/b.seg.png", png(8)), ("b.json", b'{"caption": "two", "k": 1}'), ("b.jpg", png(9))]
    first, second, third = items(write_tar(tmp_path / "t.tar", members))
    assert isinstance(first, Record)
    assert (first.captions, first.image) == ((Caption("grey 0", "raw", "en"),), png(0))
    assert first.metadata == {"where": "t.tar#a/0000"}
    assert isinstance(second, Reject)
    assert second.kind == "no_picture"
    assert isinstance(third, Record)
    assert (third.format, third.metadata) == ("png", {"k": 1, "where": "t.tar#b"})


def test_our_own_shards_are_tars_that_it_reads(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.tar", [record(5), record(6)])
    read = [item for item in items(tmp_path / "s.tar") if isinstance(item, Record)]
    assert [item.id for item in read] == [record(5).id, record(6).id]
    assert read[0].captions == record(5).captions


@pytest.mark.parametrize("cut", [700, 2600, 4600])
def test_a_tar_that_breaks_off_keeps_what_came_before(tmp_path: Path, cut: int) -> None:
    path = write_tar(tmp_path / "t.tar", samples(4))
    path.write_bytes(path.read_bytes()[:cut])
    *before, last = items(path)
    assert isinstance(last, Reject)
    assert last.kind == "damaged"
    assert [item.image for item in before if isinstance(item, Record)] == [png(n) for n in range(len(before))]


def test_a_damaged_header_is_no_quiet_end(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "t.tar", samples(4))
    data = bytearray(path.read_bytes())
    at = data.index(b"a/0002.png")
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    first, second = items(path)
    assert isinstance(first, Record)
    assert (first.image, isinstance(second, Reject) and second.kind) == (png(0), "damaged")


def test_what_is_no_tar_is_one_reject(tmp_path: Path) -> None:
    (tmp_path / "t.tar").write_bytes(b"\x1f\x8b not a plain tar" * 100)
    (only,) = items(tmp_path / "t.tar")
    assert isinstance(only, Reject)
    assert only.kind == "damaged"


def test_bad_samples_are_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    members = [("a.png", b"<html>"), ("b.png", png(1)), ("b.json", b"{"), ("c.png", png(2) + bytes(9000))]
    kinds = [
        item.kind if isinstance(item, Reject) else "record"
        for item in items(write_tar(tmp_path / "t.tar", [*members, *samples(1)]), Limits(image_bytes=8000))
    ]
    assert kinds == ["no_picture", "bad_caption", "too_large", "record"]


def test_a_tar_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no tar"):
        items(tmp_path / "gone.tar")
