"""Answers that are recorded, said again without anybody, and missed by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.judges.protocols import VLM, Unjudged
from hanmo.evaluate.judges.replay import Recording, Replay, question_key
from hanmo.evaluate.types import Json

RED, BLUE = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")


class Echo:
    """A judge that says what it was asked, and counts."""

    def __init__(self, name: str = "echo") -> None:
        self.asked = 0
        self._name = name

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "VLM", "name": self._name, "version": "1", "settings": {}}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.asked += 1
        if prompt == "nothing":
            raise Unjudged("no answer")
        return f"{prompt}|{system}|{seed}|{images[0].getpixel((0, 0)) if images else None}"


def test_a_run_is_judged_again_without_the_judge(tmp_path: Path) -> None:
    path, judge = tmp_path / "answers.jsonl", Echo()
    recording = Recording(judge, path)
    assert isinstance(recording, VLM)
    assert recording.describe() == judge.describe()
    questions = [([RED], "红?", None, 0), ([RED, BLUE], "a", "be brief", 3), ([], "b", None, 3)]
    said = [recording.ask(images, words, system=system, seed=seed) for images, words, system, seed in questions]
    replay = Replay(path)
    assert isinstance(replay, VLM)
    assert [replay.ask(images, words, system=system, seed=seed) for images, words, system, seed in questions] == said
    assert judge.asked == 3
    assert replay.describe()["settings"]["judge"] == judge.describe()


def test_words_system_pictures_their_order_and_the_seed_name_a_question_and_the_file_format_does_not() -> None:
    keys = {
        question_key([RED, BLUE], "a", None, 0),
        question_key([BLUE, RED], "a", None, 0),
        question_key([RED], "a", None, 0),
        question_key([RED, BLUE], "b", None, 0),
        question_key([RED, BLUE], "a", "", 0),
        question_key([RED, BLUE], "a", None, 1),
        question_key([RED.resize((4, 16)), BLUE], "a", None, 0),
    }
    assert len(keys) == 7
    assert question_key([RED.convert("RGBA")], "a", None, 0) == question_key([RED], "a", None, 0)


def test_a_question_that_was_not_recorded_is_unjudged_by_name(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    Recording(Echo(), path).ask([RED], "a")
    with pytest.raises(Unjudged, match=r"answers.jsonl has no answer to 'is it blue' \(pictures 1, seed 5, key "):
        Replay(path).ask([RED], "is it\nblue", seed=5)


def test_a_torn_last_line_is_ignored_and_then_removed(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    Recording(Echo(), path).ask([RED], "a")
    path.write_bytes(path.read_bytes() + '{"key": "ab", "answer": "红'.encode()[:-1])
    assert Replay(path).ask([RED], "a")
    Recording(Echo(), path).ask([RED], "b")
    assert len([json.loads(line) for line in path.read_bytes().splitlines()]) == 3


def test_what_had_no_answer_is_not_recorded_and_the_last_answer_counts(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    recording = Recording(Echo(), path)
    with pytest.raises(Unjudged, match="no answer"):
        recording.ask([RED], "nothing")
    key = question_key([RED], "a", None, 0)
    path.write_text(path.read_text() + "".join(json.dumps({"key": key, "answer": a}) + "\n" for a in ("1", "2")))
    replay = Replay(path)
    assert replay.ask([RED], "a") == "2"
    with pytest.raises(Unjudged):
        replay.ask([RED], "nothing")


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    both = [Recording(Echo(), path), Recording(Echo(), path)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: both[number % 2].ask([RED], f"{number} " * 400), range(40)))
    replay = Replay(path)
    assert all(replay.ask([RED], f"{number} " * 400) for number in range(40))


def test_other_answers_are_another_version(tmp_path: Path) -> None:
    versions = set()
    for name, asked in (("one", "a"), ("two", "a"), ("three", "b")):
        Recording(Echo(), tmp_path / name).ask([RED], asked)
        versions.add(Replay(tmp_path / name).describe()["version"])
    assert len(versions) == 2


def test_files_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    Recording(Echo(), path)
    with pytest.raises(RequestError, match="not a recording of this judge"):
        Recording(Echo("another"), path)
    with pytest.raises(OutputError, match="missing"):
        Recording(Echo(), tmp_path / "missing" / "answers.jsonl")
    with pytest.raises(RequestError, match="cannot be read"):
        Replay(tmp_path / "none.jsonl")
    path.write_text('{"picture": "a"}\n')
    with pytest.raises(RequestError, match=r"line 1 of .* is no recorded answer"):
        Replay(path)
