from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_pictures import png

from hanmo.data.limits import Limits
from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.parquet import ParquetSource
from hanmo.errors import RequestError


def write(path: Path, rows: list[dict[str, object]], rows_per_group: int = 100) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=rows_per_group)
    return path


def test_rows_become_records_in_their_order(tmp_path: Path) -> None:
    rows = [
        {"image": png(n), "caption": f"grey {n}", "more": ["a", "b"][: n % 3], "n": n, "rights": "MIT" if n else None}
        for n in range(20)
    ]
    source = ParquetSource(
        (write(tmp_path / "t.parquet", rows),),
        "set",
        captions=("caption", "more"),
        metadata=("n",),
        licence_column="rights",
        language="en",
    )
    records = [item for item in source if isinstance(item, Record)]
    assert [record.image for record in records] == [png(n) for n in range(20)]
    assert records[2].captions == tuple(Caption(text, "raw", "en") for text in ("grey 2", "a", "b"))
    assert records[2].metadata == {"n": 2, "where": "t.parquet#2"}
    assert [record.licence for record in records[:2]] == ["unknown", "MIT"]


def test_a_picture_may_lie_in_a_struct(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"image": {"bytes": png(5), "path": "x.png"}}])
    (item,) = ParquetSource((path,), "set", captions=())
    assert isinstance(item, Record)
    assert (item.image, item.captions) == (png(5), ())


def test_bad_rows_are_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    images = [None, b"<html>", png(1) + bytes(9000), png(2)]
    rows: list[dict[str, object]] = [{"image": image, "caption": None} for image in images]
    source = ParquetSource((write(tmp_path / "t.parquet", rows),), "set", limits=Limits(image_bytes=8000))
    kinds = [item.kind if isinstance(item, Reject) else "record" for item in source]
    assert kinds == ["no_picture", "no_picture", "too_large", "record"]


def test_a_caption_that_is_no_text_rejects_its_row(tmp_path: Path) -> None:
    (item,) = ParquetSource((write(tmp_path / "t.parquet", [{"image": png(1), "caption": 3}]),), "set")
    assert isinstance(item, Reject)
    assert item.kind == "bad_caption"


def test_a_table_that_is_damaged_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"image": png(n, size=32), "caption": f"grey {n}"} for n in range(48)]
    path = write(tmp_path / "t.parquet", rows, rows_per_group=16)
    data = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    *before, last = ParquetSource((path,), "set")
    assert [item.image for item in before if isinstance(item, Record)] == [png(n, size=32) for n in range(16)]
    assert isinstance(last, Reject)
    assert (last.kind, last.where) == ("damaged", "t.parquet#16")


def test_a_table_without_the_column_or_no_table_at_all_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"picture": png(1)}])
    with pytest.raises(RequestError, match="has no column image, caption; it has picture"):
        list(ParquetSource((path,), "set"))
    (tmp_path / "x.parquet").write_bytes(b"no table")
    with pytest.raises(RequestError, match="no Parquet file"):
        list(ParquetSource((tmp_path / "x.parquet",), "set"))
