from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_pictures import png
from web_server import Server, serving

from hanmo.data.collect import CollectConfig, collect
from hanmo.data.limits import Limits
from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources import Source
from hanmo.data.sources.url_list import Row, UrlList
from hanmo.data.sources.urls import UrlSource, fetch_list
from hanmo.data.web.config import FetchConfig
from hanmo.data.web.exchange import ExchangeConfig
from hanmo.errors import RequestError

FAST = FetchConfig(host_delay=0.0, backoff=0.02, tries=2, exchange=ExchangeConfig(read_seconds=0.3, private=True))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def as_csv(path: Path, rows: list[dict[str, str]], tab: str = ",") -> None:
    cells = [tab.join(f'"{value}"' for value in row.values()) for row in rows]
    path.write_text("\n".join([tab.join(rows[0]), *cells]) + "\n", encoding="utf-8")


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    match path.suffix:
        case ".txt":
            path.write_text("# pictures\n\n" + "\n".join(row["url"] for row in rows), encoding="utf-8")
        case ".jsonl":
            path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case _:
            as_csv(path, rows, "\t" if path.suffix == ".tsv" else ",")
    return path


ROWS = [
    {"url": "http://a.example/1.png", "caption": "eine, zwei", "rights": "MIT", "n": "1"},
    {"url": " http://a.example/2.png ", "caption": "墨\n水", "rights": "", "n": "2"},
]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_kind_of_table_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    file = write(tmp_path / f"list.{kind}", ROWS)
    first, second = UrlList(file, licence_column="rights", metadata=("n",), language="xx").rows()
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.url, second.url) == ("http://a.example/1.png", "http://a.example/2.png")
    assert first.sidecar.captions == (Caption("eine, zwei", "raw", "xx"),)
    assert second.sidecar.captions[0].text == "墨\n水"
    assert (first.sidecar.licence, second.sidecar.licence) == ("MIT", None)
    assert first.sidecar.metadata == {"n": "1"}


def test_a_plain_list_has_urls_and_remarks(tmp_path: Path) -> None:
    rows = list(UrlList(write(tmp_path / "list.txt", ROWS)).rows())
    assert [row.url for row in rows if isinstance(row, Row)] == ["http://a.example/1.png", "http://a.example/2.png"]
    assert rows[0].where == "list.txt#2"


BAD = "bad_caption"


@pytest.mark.parametrize(
    ("name", "data", "kinds"),
    [
        (
            "a.csv",
            b"url,caption\nhttp://a,b,c\n,x\nhttp://\xff,x\nhttp://a,ok\n",
            [BAD, "missing", BAD],
        ),
        ("b.csv", b'url,caption\n"a"b,c\nhttp://a,ok\n', [BAD]),
        (
            "c.jsonl",
            b'{"url": 3}\n[1]\n{"url"\n{"url": "\\ud800"}\n{"url": "http://a"}\n',
            ["missing", BAD, BAD, BAD],
        ),
        ("d.txt", b"http://" + b"a" * 300 + b"\n\xff\nhttp://a", ["too_large", BAD]),
    ],
)
def test_a_bad_row_is_a_reject_and_the_next_one_is_read(
    tmp_path: Path, name: str, data: bytes, kinds: list[str]
) -> None:
    (tmp_path / name).write_bytes(data)
    rows = list(UrlList(tmp_path / name, limits=Limits(text_bytes=200)).rows())
    assert [row.kind for row in rows if isinstance(row, Reject)] == kinds
    assert isinstance(rows[-1], Row)
    assert rows[-1].url == "http://a"


def test_a_list_that_is_none_is_refused_before_its_first_row(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROWS)
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    (tmp_path / "a.xls").write_bytes(b"")
    for urls, said in (
        (UrlList(tmp_path / "none.txt"), "cannot be read"),
        (UrlList(tmp_path / "a.xls"), r"give a \.txt"),
        (UrlList(tmp_path / "a.csv", url="link"), "no column link; it has: url, caption"),
        (UrlList(tmp_path / "a.parquet"), "no Parquet file"),
    ):
        with pytest.raises(RequestError, match=said):
            next(iter(urls.rows()))


def test_records_come_in_the_order_of_the_list_with_a_reject_for_each_failure(tmp_path: Path, server: Server) -> None:
    paths = ["/slow/1", "/status/404", "/moved/ok/2", "/lie", "/busy/0/3", "/pixel-bomb", "/slow/1", "/gzip-bomb"]
    rows = [{"url": server.url(path), "caption": path, "rights": ""} for path in paths]
    urls = UrlList(write(tmp_path / "list.csv", rows), licence_column="rights")
    done = fetch_list(urls, tmp_path / "answers", replace(FAST, limits=Limits(image_bytes=100_000)), random.Random(0))
    assert (done.pictures, done.failures) == (3, 4)
    source = UrlSource(urls, tmp_path / "answers", licence="CC0-1.0")
    assert isinstance(source, Source)
    items = list(source)
    assert [item.id and item.metadata["url"] if isinstance(item, Record) else item.kind for item in items] == [
        server.url("/slow/1"),
        "missing",
        server.url("/moved/ok/2"),
        "wrong_type",
        server.url("/busy/0/3"),
        "too_large",
        server.url("/slow/1"),
        "too_large",
    ]
    moved = items[2]
    assert isinstance(moved, Record)
    assert (moved.image, moved.source, moved.licence) == (png(2), "list", "CC0-1.0")
    assert moved.captions == (Caption("/moved/ok/2"),)
    assert moved.metadata == {"url": rows[2]["url"], "final_url": server.url("/ok/2"), "where": "list.csv#3"}
    assert isinstance(items[1], Reject)
    assert (items[1].where, items[1].reason) == ("list.csv#2", f"{rows[1]['url']}: HTTP 404")


def test_a_collection_that_was_stopped_goes_on_without_the_network(tmp_path: Path) -> None:
    two = CollectConfig(items_per_shard=2)
    with serving() as server:
        rows = [{"url": server.url(path)} for path in ("/ok/1", "/stall", "/ok/2", "/ok/3")]
        urls = UrlList(write(tmp_path / "list.jsonl", rows))
        fetch_list(urls, tmp_path / "answers", FAST, random.Random(0))
    source = UrlSource(urls, tmp_path / "answers")
    collect([source], tmp_path / "set", two)
    whole = {path: path.read_bytes() for path in (tmp_path / "set").rglob("*") if path.is_file()}
    (tmp_path / "set" / "00001" / "_SUCCESS").unlink()
    assert collect([source], tmp_path / "set", two).records == 3
    assert {path: path.read_bytes() for path in (tmp_path / "set").rglob("*") if path.is_file()} == whole


def test_a_list_that_was_not_fetched_to_its_end_is_no_source(tmp_path: Path, server: Server) -> None:
    urls = UrlList(write(tmp_path / "list.txt", [{"url": server.url("/ok/1")}]))
    source = UrlSource(urls, tmp_path / "answers")
    with pytest.raises(RequestError, match="fetch the list"):
        list(source)
    fetch_list(urls, tmp_path / "answers", FAST, random.Random(0))
    assert len(list(source)) == 1
    write(urls.file, [{"url": server.url("/ok/1")}, {"url": server.url("/ok/2")}])
    with pytest.raises(RequestError, match="has changed since"):
        list(source)
    assert fetch_list(urls, tmp_path / "answers", FAST, random.Random(0)).known == 1
    assert len(list(source)) == 2


def test_failures_of_a_kind_are_asked_again_where_that_is_wanted(tmp_path: Path, server: Server) -> None:
    urls = UrlList(write(tmp_path / "list.txt", [{"url": server.url("/failing/2/1")}, {"url": server.url("/lie")}]))
    once = replace(FAST, tries=1)
    fetch_list(urls, tmp_path / "answers", once, random.Random(0))
    done = fetch_list(urls, tmp_path / "answers", once, random.Random(0), again=("unreachable",))
    assert (done.pictures, done.failures, done.known) == (1, 0, 1)
    with pytest.raises(RequestError, match="kind 'gone'"):
        fetch_list(urls, tmp_path / "answers", once, random.Random(0), again=("gone",))
