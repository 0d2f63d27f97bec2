from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_pictures import png

from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources import Source
from hanmo.data.sources.hub import HubSource, hub_source
from hanmo.errors import RequestError


def table(path: Path, levels: list[int | None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": None if level is None else png(level), "path": None} for level in levels]
    texts = [f"grey {level}" for level in levels]
    pq.write_table(pa.table({"picture": images, "text": texts, "rights": ["MIT"] * len(levels)}), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table(tmp_path / "set" / "data" / "train-1.parquet", [30, None])
    table(tmp_path / "set" / "data" / "train-0.parquet", [10, 20])
    table(tmp_path / "set" / "test" / "train-0.parquet", [40])
    (tmp_path / "set" / "README.md").write_text("about", encoding="utf-8")
    return tmp_path / "set"


COLUMNS = {"image": "picture", "captions": ("text",), "licence_column": "rights"}


def test_a_folder_of_parquet_files_reads_as_the_hub_would(folder: Path) -> None:
    source = hub_source(folder, pattern="data/*.parquet", **COLUMNS)
    assert isinstance(source, Source)
    assert source.files == ("data/train-0.parquet", "data/train-1.parquet")
    *records, last = source
    assert [item.image for item in records if isinstance(item, Record)] == [png(10), png(20), png(30)]
    first = records[0]
    assert isinstance(first, Record)
    assert (first.source, first.licence, first.captions) == ("set", "MIT", (Caption("grey 10"),))
    assert first.metadata == {"where": "data/train-0.parquet#0"}
    assert isinstance(last, Reject)
    assert (last.where, last.kind) == ("data/train-1.parquet#1", "no_picture")
    assert list(source) == [*records, last]


def test_what_is_no_data_set_is_one_clear_line(folder: Path) -> None:
    with pytest.raises(RequestError, match=r"like 'x\*' \(it has README.md"):
        hub_source(folder, pattern="x*")
    with pytest.raises(RequestError, match="neither a folder"):
        hub_source(folder / "absent")
    with pytest.raises(RequestError, match="no column image, caption; it has picture"):
        list(hub_source(folder))


def test_without_a_network_it_says_so() -> None:
    with pytest.raises(RequestError, match="cannot be reached from here"):  # the tests are offline
        hub_source("owner/name")
    with pytest.raises(RequestError, match=r"a\.parquet of the data set owner/name could not be had"):
        list(HubSource("owner/name", "0" * 40, ("a.parquet",), "name"))


COMMIT = "c0ffee" + "0" * 34
SCRIPT = """
import json, sys
from hanmo.data.sources.hub import hub_source
source = hub_source("owner/name", pattern="data/*", image="picture", captions=("text",))
print(json.dumps([source.commit, [[item.id, item.metadata["where"]] for item in source if hasattr(item, "image")]]))
"""


def test_a_hub_is_asked_for_a_commit_and_its_files_once(folder: Path, root: Path, tmp_path: Path) -> None:
    """A server of ours that speaks as the hub does, since there is none to be reached."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            begin = f"/datasets/owner/name/resolve/{COMMIT}/"
            if self.path.startswith("/api/datasets/owner/name/revision/main"):
                names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
                known = {"id": "owner/name", "sha": COMMIT, "siblings": [{"rfilename": name} for name in names]}
                body = json.dumps(known).encode()
            elif self.path.startswith(begin):
                body = (folder / self.path.removeprefix(begin)).read_bytes()
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{len(body)}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        environment = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}",
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": os.pathsep.join([str(root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]),
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == 0, done.stderr
    commit, items = json.loads(done.stdout)
    assert commit == COMMIT
    places = [where for _, where in items]
    assert places == ["data/train-0.parquet#0", "data/train-0.parquet#1", "data/train-1.parquet#0"]
    assert sum(line.startswith("GET /datasets") for line in asked) == 2, (
        "README and the other folder stay where they are"
    )
