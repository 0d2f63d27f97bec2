from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tiny_pictures import png, write_folder

from hanmo.data.limits import Limits
from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import RequestError


def only(source: FolderSource) -> Record:
    (item,) = source
    assert isinstance(item, Record)
    return item


def rejects(source: FolderSource) -> list[tuple[str, str]]:
    return [(item.where, item.kind) for item in source if isinstance(item, Reject)]


def test_pictures_come_in_the_order_of_their_names_each_with_its_caption(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "set", 3)
    (tmp_path / "set" / "a").mkdir()
    (tmp_path / "set" / "a" / "z.PNG").write_bytes(png(99))
    items = list(FolderSource(tmp_path / "set", licence="CC0-1.0", language="en"))
    assert all(isinstance(item, Record) for item in items)
    records = [item for item in items if isinstance(item, Record)]
    assert [record.image for record in records] == [*images, png(99)]
    assert records[1].captions == (Caption("grey 1", "raw", "en"),)
    assert records[3].captions == ()
    assert {(record.source, record.licence) for record in records} == {("set", "CC0-1.0")}
    assert items == list(FolderSource(tmp_path / "set", licence="CC0-1.0", language="en"))


def test_json_beside_a_picture_gives_captions_licence_and_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    captions = ["plain", {"text": "写", "origin": "recaption", "language": "zh"}]
    known = {"captions": captions, "licence": "MIT", "language": "en", "size": [8, 8]}
    (tmp_path / "a.json").write_text(json.dumps(known), encoding="utf-8")
    record = only(FolderSource(tmp_path))
    assert record.captions == (Caption("plain", "raw", "en"), Caption("写", "recaption", "zh"))
    assert record.licence == "MIT"
    assert record.metadata == {"size": [8, 8], "where": "a.png"}


def test_a_table_gives_a_picture_several_captions(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    rows = 'file,caption,language,author\na.png,"one, two",en,Li\na.png,三,zh,\ngone.png,x,en,\na.png.bak,x\n'
    (tmp_path / "captions.csv").write_text(rows, encoding="utf-8")
    first, *others = FolderSource(tmp_path)
    assert isinstance(first, Record)
    assert first.captions == (Caption("one, two", "raw", "en"), Caption("三", "raw", "zh"))
    assert first.metadata == {"author": "Li", "where": "a.png"}
    assert [(item.where, item.kind) for item in others if isinstance(item, Reject)] == [
        ("a.png.bak", "bad_caption"),
        ("gone.png", "missing"),
    ]


@pytest.mark.parametrize("table", [b"name,text\na.png,x\n", b"", b"file,caption\na.png,\xff\xfe\n"])
def test_a_table_that_cannot_be_read_stops_before_the_first_picture(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "captions.csv").write_bytes(table)
    with pytest.raises(RequestError, match=r"captions\.csv"):
        next(iter(FolderSource(tmp_path)))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"\xff\xfe"),
        ("a.json", b"{"),
        ("a.json", b"[1]"),
        ("a.json", b'{"captions": "x"}'),
        ("a.json", b'{"captions": [3]}'),
        ("a.json", b'{"caption": "x", "origin": "made up"}'),
        ("a.json", b'{"x": NaN}'),
        ("a.json", b'{"caption": "\\ud800"}'),
        ("a.txt", b"x" * 2000),
    ],
)
def test_captions_that_cannot_be_read_reject_their_picture(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / name).write_bytes(data)
    (tmp_path / "b.png").write_bytes(png(2))
    source = FolderSource(tmp_path, limits=Limits(text_bytes=1000))
    assert rejects(source) == [("a.png", "bad_caption")]
    assert len(list(source)) == 2


def test_what_is_no_picture_is_a_typed_reject_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<html>")
    (tmp_path / "b.jpg").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(png(1) + bytes(5000))
    (tmp_path / "d.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "e.png").write_bytes(png(2))
    (tmp_path / "notes.md").write_text("no picture by name")
    (tmp_path / ".hidden.png").write_bytes(png(3))
    source = FolderSource(tmp_path, limits=Limits(image_bytes=4000))
    kinds = [("a.png", "no_picture"), ("b.jpg", "no_picture"), ("c.png", "too_large"), ("d.png", "unreadable")]
    assert rejects(source) == kinds
    assert len(list(source)) == 5


def test_names_that_are_no_text_do_not_stop_a_folder(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))).write_bytes(png(1))
    assert only(FolderSource(tmp_path)).metadata["where"] == "�.png"


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no folder"):
        next(iter(FolderSource(tmp_path / "gone")))
