from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny

from hanmo.errors import RequestError
from hanmo.train.folder_data import open_picture, read_folder


def put(folder: Path, name: str, width: int = 48, height: int = 32) -> None:
    tiny.picture(width, height, seed=len(name)).save(folder / name)


def say(folder: Path, name: str, words: str) -> None:
    (folder / name).write_text(words, encoding="utf-8")


def test_pictures_with_texts_and_edits_with_their_sources_are_read_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "c.target.png", "c.source.png", "d.target.jpg", "d.source2.png", "d.source1.webp"):
        put(tmp_path, name)
    put(tmp_path, "a.b.png", 64, 16)
    for name in ("b", "a.b", "c", "d"):
        say(tmp_path, f"{name}.txt", f" make\n{name}  ")
    say(tmp_path, "c.txt", "﻿make it blue")
    items = read_folder(tmp_path)
    assert [(item.target.name, [path.name for path in item.sources]) for item in items] == [
        ("a.b.png", []),
        ("b.png", []),
        ("c.target.png", ["c.source.png"]),
        ("d.target.jpg", ["d.source1.webp", "d.source2.png"]),
    ]
    assert [item.caption for item in items] == ["make a.b", "make b", "make it blue", "make d"]
    assert items[0].size == (64, 16)
    assert open_picture(items[0].target).size == (64, 16)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_table_says_the_same_as_texts(kind: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "in/b.png", "c.png"):
        put(tmp_path, name)
    if kind == "csv":
        say(tmp_path, "captions.csv", 'file,caption,source1\na.png,"red, ""A""",\nin/b.png,make it so,c.png\n')
    else:
        rows = [
            {"file": "a.png", "caption": 'red, "A"'},
            {"file": "in/b.png", "caption": "make it so", "sources": ["c.png"]},
        ]
        say(tmp_path, "captions.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n\n")
    first, second = read_folder(tmp_path)
    assert (first.caption, first.sources) == ('red, "A"', ())
    assert (second.target, second.sources) == (tmp_path / "in" / "b.png", (tmp_path / "c.png",))


def test_every_fault_is_counted_and_the_first_few_are_told_one_by_one(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    put(tmp_path, "b.png")
    say(tmp_path, "b.txt", "  ")
    put(tmp_path, "c.source.png")
    put(tmp_path, "d.target.png")
    say(tmp_path, "d.txt", "words")
    (tmp_path / "e.png").write_bytes(b"no picture")
    say(tmp_path, "e.txt", "words")
    say(tmp_path, "f.txt", "of nothing")
    (tmp_path / "g.txt").write_bytes(b"\xff\xfe\x00")
    put(tmp_path, "g.png")
    with pytest.raises(RequestError) as caught:
        read_folder(tmp_path)
    words = str(caught.value)
    assert "7 faults" in words
    assert "and 2 more" in words
    for told in (
        "a.png has no text: write it to a.txt",
        "c.source.png is a source without a target",
        "d.target.png is a target without a source",
        "f.txt belongs to no picture",
        "the text of b.png is empty",
    ):
        assert told in words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a.png,words\na.png,more", "a second time"),
        ("../a.png,words", "outside the folder"),
        ("a.png,", "row 1 needs 'file' and 'caption'"),
        ("z.png,words", "z.png: cannot be read"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_number(row: str, told: str, tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    say(tmp_path, "captions.csv", f"file,caption\n{row}\n")
    with pytest.raises(RequestError, match=told):
        read_folder(tmp_path)


def test_a_folder_with_nothing_or_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no folder"):
        read_folder(tmp_path / "none")
    with pytest.raises(RequestError, match="holds no picture"):
        read_folder(tmp_path)
    say(tmp_path, "captions.csv", "name,words\n")
    with pytest.raises(RequestError, match="its columns are name, words"):
        read_folder(tmp_path)
    say(tmp_path, "captions.jsonl", "")
    with pytest.raises(RequestError, match=r"both captions\.csv and captions\.jsonl"):
        read_folder(tmp_path)


def test_two_pictures_of_one_part_are_a_fault(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    put(tmp_path, "a.jpg")
    say(tmp_path, "a.txt", "words")
    with pytest.raises(RequestError, match=r"a\.png and a\.jpg are the same part"):
        read_folder(tmp_path)
