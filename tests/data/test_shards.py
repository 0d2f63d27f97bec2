from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from tiny_pictures import record

from hanmo.data.limits import Limits
from hanmo.data.record import Verdict, with_scores
from hanmo.data.shards import index_of, read_image, read_index, read_shard, write_shard
from hanmo.errors import HanmoError, RequestError

RECORDS = [
    with_scores(record(level), {"clarity.variance": level / 3}, {"note": "é"}, (Verdict("clarity", "kept"),))
    for level in (10, 20, 30)
]


def test_records_come_back_from_a_shard_as_they_were(tmp_path: Path) -> None:
    assert write_shard(tmp_path / "a.tar", RECORDS) == 3
    assert list(read_shard(tmp_path / "a.tar")) == RECORDS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "a.tar"]


def test_any_reader_of_tars_finds_a_picture_and_its_json(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", RECORDS)
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert tar.getnames()[:2] == [f"{RECORDS[0].id}.json", f"{RECORDS[0].id}.png"]


def test_the_index_says_all_but_the_bytes_and_where_those_lie(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", RECORDS)
    rows = list(read_index(tmp_path / "a.tar"))
    assert [row["id"] for row in rows] == [record.id for record in RECORDS]
    assert dict(rows[1]["scores"]) == {"clarity.variance": 20 / 3}  # type: ignore[call-overload]
    assert rows[1]["captions"] == [{"text": "grey 20", "origin": "synthetic", "language": "en"}]
    assert [read_image(tmp_path / "a.tar", int(str(row["offset"])), int(str(row["size"]))) for row in rows] == [
        record.image for record in RECORDS
    ]


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_shard(tmp_path / name / "s.tar", RECORDS)
    for name in ("s.tar", "s.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_shard_without_records_is_a_shard(tmp_path: Path) -> None:
    assert write_shard(tmp_path / "a.tar", []) == 0
    assert list(read_shard(tmp_path / "a.tar")) == []
    assert list(read_index(tmp_path / "a.tar")) == []


def test_a_shard_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="two records of the id"):
        write_shard(tmp_path / "a.tar", [RECORDS[0], RECORDS[0]])
    assert list(tmp_path.iterdir()) == []


def test_records_are_read_one_at_a_time(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", RECORDS)
    data = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(data[: len(data) // 2])
    records = read_shard(tmp_path / "a.tar")
    assert next(records) == RECORDS[0]
    with pytest.raises(HanmoError, match="damaged"):
        list(records)


@pytest.mark.parametrize("place", ["header", "picture", "json"])
def test_damage_is_noticed_wherever_it_is(tmp_path: Path, place: str) -> None:
    write_shard(tmp_path / "a.tar", RECORDS)
    data = bytearray((tmp_path / "a.tar").read_bytes())
    offset = int(str(list(read_index(tmp_path / "a.tar"))[1]["offset"]))
    at = {"header": offset - 512, "picture": offset + 40, "json": data.index(b'"grey 20"') + 3}[place]
    data[at : at + 4] = b"\x00\xff\x00\xff"
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(HanmoError, match=r"a\.tar is damaged"):
        list(read_shard(tmp_path / "a.tar"))


def test_what_is_larger_than_the_limits_is_not_read(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", RECORDS)
    with pytest.raises(RequestError, match="more than the limit of 10"):
        list(read_shard(tmp_path / "a.tar", Limits(image_bytes=10)))
    with pytest.raises(RequestError, match="more than the limit of 10"):
        write_shard(tmp_path / "b.tar", RECORDS, Limits(text_bytes=10))


def test_a_shard_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no shard"):
        list(read_shard(tmp_path / "a.tar"))
    assert index_of(tmp_path / "a.tar") == tmp_path / "a.parquet"
