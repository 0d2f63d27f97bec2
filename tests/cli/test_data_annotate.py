"""`hanmo data annotate` against an endpoint on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotations import answer, file_of, seen_color
from endpoint import Answer, serving

from hanmo.data.annotate.captioned import QUOTING, captioned, items_of
from hanmo.data.annotate.outcome import Outcome
from hanmo.data.annotate.quoting import Quoting
from hanmo.data.annotate.schema import Annotation
from hanmo.data.layout import shards_of
from hanmo.data.record import Caption, make_record
from hanmo.data.shards import read_shard, write_shard

Command = Callable[..., Any]

RECIPE = """
[run]
folder = "run"
workers = 1
[[sources]]
kind = "folder"
name = "colours"
path = "pictures"
"""


@pytest.fixture
def place(hanmo: Command, here: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run over a red, a green and a blue picture, the first with a caption."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (here / "pictures").mkdir()
    for color in ("red", "green", "blue"):
        (here / "pictures" / f"{color}.png").write_bytes(file_of(color))
    (here / "pictures" / "red.txt").write_text("my red", encoding="utf-8")
    (here / "data.toml").write_text(RECIPE, encoding="utf-8")
    assert hanmo("data", "run", "data.toml", "--quiet").code == 0
    return "run"


def truthful(asked: dict[str, Any]) -> Answer:
    return Answer(answer(f"A {seen_color(asked)} square."))


def captions(folder: str) -> dict[str, list[tuple[str, str]]]:
    records = (one for shard in shards_of(Path(folder)) for one in read_shard(shard))
    return {one.metadata["where"]: [(caption.text, caption.origin) for caption in one.captions] for one in records}


def test_a_run_is_annotated_in_two_calls_and_again_from_its_answers(
    hanmo: Command, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANMO_ANNOTATE_KEY", "secret")
    with serving(truthful) as server:
        ask = ("data", "annotate", place, "--to", "captioned", "--url", server.url, "--model", "m", "--workers", 1)
        done = hanmo(*ask, "--requests", 2)
        assert done.code == 0, done.err
        assert done.out == "captioned/answers.jsonl\t2 annotated\t0 before\t2 requests\n"
        assert "no set yet" in done.err
        assert "--finish" in done.err
        assert not Path("captioned/set").exists()
        done = hanmo(*ask, "--quiet")
        assert done.out.splitlines() == [
            "captioned/answers.jsonl\t1 annotated\t2 before\t1 requests",
            "captioned/set\t3 records",
        ]
        assert len(server.requests) == 3
        assert {one["authorization"] for one in server.requests} == {"Bearer secret"}
        assert (
            hanmo(*ask, "--quiet").out.splitlines()[0] == "captioned/answers.jsonl\tnothing new\t3 before\t0 requests"
        )
    assert captions("captioned/set") == {
        "blue.png": [("A blue square.", "recaption")],
        "green.png": [("A green square.", "recaption")],
        "red.png": [("A red square.", "recaption"), ("my red", "raw")],
    }
    done = hanmo("data", "annotate", place, "--to", "again", "--replay", "captioned/answers.jsonl", "--quiet")
    assert done.out.splitlines()[-1] == "again/set\t3 records"
    assert captions("again/set") == captions("captioned/set")


def test_a_model_that_is_down_leaves_no_set_but_finish_does(hanmo: Command, place: str) -> None:
    with serving(Answer(status=401)) as server:
        ask = ("data", "annotate", place, "--to", "b", "--url", server.url, "--model", "m", "--quiet")
        done = hanmo(*ask)
        assert (done.code, "3 silent" in done.out) == (0, True)
        assert not Path("b/set").exists()
        assert hanmo(*ask, "--finish").out.endswith("b/set\t3 records\n")
    assert captions("b/set")["red.png"] == [("my red", "raw")]


def test_what_cannot_be_asked_is_one_line(hanmo: Command, place: str) -> None:
    ask = ("data", "annotate", place, "--to", "c")
    assert "no model was named" in hanmo(*ask).line
    assert "leave --url and --model out" in hanmo(*ask, "--replay", "a.jsonl", "--model", "m").line
    assert "gone.jsonl" in hanmo(*ask, "--replay", "gone.jsonl").line
    assert "no base URL" in hanmo(*ask, "--url", "host", "--model", "m").line
    assert "workers 0" in hanmo(*ask, "--replay", "gone.jsonl", "--workers", 0).line
    assert "gone is not there" in hanmo("data", "annotate", "gone", "--to", "c", "--model", "m").line
    assert not Path("c").exists()
    assert "examples:" in hanmo("data", "annotate", "--help").out


def test_text_that_stage_4_read_is_handed_in_and_how_it_is_quoted_is_a_score(tmp_path: Path) -> None:
    read = {"text_split": {"language": "english", "lines": ["OPEN 24h", "x" * 80]}}
    record = make_record(file_of("red"), (Caption("old"),), metadata=read)
    write_shard(tmp_path / "a.tar", [record])
    (item,) = items_of([tmp_path / "a.tar"])
    assert item.read == ("OPEN 24h",), "a line that may be cut is not held against a caption"
    said = Annotation("A sign.", "photograph", "plain", ("w",), abnormal=True)
    made = captioned(record, Outcome(record.id, record.id, "annotated", said, Quoting(0.5, 2)), "en")
    assert made.scores == {QUOTING: 0.5}
    assert made.metadata["annotation"] == {
        "type": "photograph",
        "style": "plain",
        "watermarks": ["w"],
        "abnormal": True,
    }
    refused = Outcome(record.id, record.id, "refused", fault="no JSON")
    assert captioned(record, refused, "en") == record
