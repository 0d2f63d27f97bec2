from __future__ import annotations

from pathlib import Path

import pytest
from tiny_pictures import png, write_folder

from hanmo.data.collect import CollectConfig, Collected, collect
from hanmo.data.layout import read_success, rejects_in, shard_in, shards_of
from hanmo.data.rejects import read_rejects
from hanmo.data.shards import read_shard
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import OutputError, RequestError

TWO = CollectConfig(items_per_shard=2)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def source(tmp_path: Path, count: int = 5) -> FolderSource:
    write_folder(tmp_path / "in", count)
    return FolderSource(tmp_path / "in")


def test_a_source_becomes_shards_in_its_order(tmp_path: Path) -> None:
    pictures = source(tmp_path)
    assert collect([pictures], tmp_path / "set", TWO) == Collected(shards=3, records=5, rejects=0)
    shards = shards_of(tmp_path / "set")
    assert [shard.name for shard in shards] == ["00000.tar", "00001.tar", "00002.tar"]
    assert [record for shard in shards for record in read_shard(shard)] == list(pictures)


def test_a_picture_that_comes_again_is_kept_once_whatever_the_shard(tmp_path: Path) -> None:
    pictures = source(tmp_path)
    (tmp_path / "in" / "zz.png").write_bytes(png(10))
    (tmp_path / "in" / "zz.txt").write_text("the same again", encoding="utf-8")
    assert collect([pictures], tmp_path / "set", TWO) == Collected(shards=3, records=5, rejects=1)
    (line,) = read_rejects(rejects_in(tmp_path / "set" / "00002"))
    assert (line.kind, line.where) == ("repeat", "zz.png")
    assert "the same again" in line.record


def test_what_the_source_could_not_read_lies_in_the_rejects_table(tmp_path: Path) -> None:
    pictures = source(tmp_path, 2)
    (tmp_path / "in" / "bad.png").write_bytes(b"<html>")
    collect([pictures], tmp_path / "set")
    (line,) = read_rejects(rejects_in(tmp_path / "set" / "00000"))
    assert (line.where, line.kind, line.operator) == ("bad.png", "no_picture", "source")


@pytest.mark.parametrize("lost", ["00002/_SUCCESS", "00001/_SUCCESS", "_SUCCESS", "00000"])
def test_it_goes_on_where_it_was_stopped(tmp_path: Path, lost: str) -> None:
    pictures = source(tmp_path)
    collect([pictures], tmp_path / "set", TWO)
    whole = tree(tmp_path / "set")
    target = tmp_path / "set" / lost
    if target.is_file():
        target.unlink()
    else:
        (target / "_SUCCESS").unlink()
        shard_in(target).write_bytes(b"half")
        (target / ".00000.tar.x.part").write_bytes(b"half")
    before = (tmp_path / "set" / "00001" / "00001.tar").stat().st_mtime_ns
    collect([pictures], tmp_path / "set", TWO)
    assert tree(tmp_path / "set") == whole
    again = (tmp_path / "set" / "00001" / "00001.tar").stat().st_mtime_ns
    assert (again == before) == (not lost.startswith("00001"))


def test_a_source_that_changed_meanwhile_is_not_mixed_with_what_it_was(tmp_path: Path) -> None:
    pictures = source(tmp_path)
    collect([pictures], tmp_path / "set", TWO)
    (tmp_path / "in" / "000a.png").write_bytes(png(200))
    with pytest.raises(RequestError, match="00000 was made from something else"):
        collect([pictures], tmp_path / "set", TWO)


def test_a_set_is_unfinished_until_its_last_shard_is(tmp_path: Path) -> None:
    collect([source(tmp_path)], tmp_path / "set", TWO)
    assert read_success(tmp_path / "set") is not None
    (tmp_path / "set" / "_SUCCESS").unlink()
    with pytest.raises(RequestError, match="no finished set"):
        shards_of(tmp_path / "set")


def test_a_set_in_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        collect([source(tmp_path)], tmp_path / "gone" / "set")
