from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest
from arenas import NAMES, TEXTS, ballots_at, write_models
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.arena.export import votes_text
from hanmo.evaluate.arena.limits import Limit
from hanmo.evaluate.arena.painting import Painter
from hanmo.evaluate.arena.pictures import plain
from hanmo.evaluate.arena.referee import Referee
from hanmo.evaluate.arena.sources import Question, folder_model, questions_of, read_questions
from hanmo.evaluate.arena.votes import Vote

QUESTIONS = [Question("cat", "a cat"), Question("sign-1", "a sign")]


def test_a_folder_of_pictures_is_a_model(tmp_path: Path) -> None:
    """Ids may end in a number too; what belongs to no prompt is left alone."""
    for name in ("cat.png", "sign-1.jpg", "sign-1-3.png", "sign-1-4.webp", "sign-2.png", "cat.txt", "cat-x.png"):
        (tmp_path / name).write_bytes(b"")
    model = folder_model("ours", tmp_path, QUESTIONS)
    assert model.pictures() == {"cat": ["cat.png"], "sign-1": ["sign-1-3.png", "sign-1-4.webp", "sign-1.jpg"]}
    assert model.path("cat.png") == tmp_path / "cat.png"
    for other in ("sign-2.png", "../x.png", ""):
        with pytest.raises(KeyError):
            model.path(other)


def test_prompts_come_from_the_folders_or_from_a_run(tmp_path: Path) -> None:
    folders = write_models(tmp_path)
    assert [(one.id, one.text) for one in questions_of(folders)] == list(TEXTS.items())
    cat = {"id": "cat", "text": "a cat", "task": "generate", "truth": {}, "groups": {"tag": "animals"}, "size": None}
    lines = [json.dumps({"prompt": one, "seeds": [7]}) for one in (cat, cat | {"id": "new", "groups": {}})]
    (folders[1] / "prompts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = questions_of(folders[1:])
    assert found[0] == Question("cat", "a cat", "animals")
    assert {one.id for one in found} == {*TEXTS, "new"}
    assert len(questions_of(folders, folders[1] / "prompts.jsonl")) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no prompt"),
        ("{", "cannot be read"),
        ('{"id": "a/b", "text": "x"}', "cannot name files"),
        ("[1]", "no prompt"),
    ],
)
def test_malformed_prompts_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "prompts.jsonl").write_text(text)
    with pytest.raises(RequestError, match=said):
        read_questions(tmp_path / "prompts.jsonl")


def test_edits_are_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"id": "a", "text": "x", "task": "edit"}\n{"id": "b", "text": "y"}\n')
    assert [question.id for question in read_questions(file)] == ["b"]
    assert "1 edits are left out" in caplog.text


def test_models_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    folders = write_models(tmp_path)
    (folders[1] / "prompts.jsonl").write_text('{"id": "cat", "text": "a dog"}')
    with pytest.raises(RequestError, match="the prompt 'cat' is another"):
        questions_of(folders)
    with pytest.raises(RequestError, match="no folder has"):
        questions_of([tmp_path])
    with pytest.raises(RequestError, match="has no picture of any prompt"):
        folder_model("x", tmp_path, QUESTIONS)
    with pytest.raises(RequestError, match="is not a folder"):
        folder_model("x", tmp_path / "none", QUESTIONS)
    for name in ("", " x", "a\nb", "x" * 61):
        with pytest.raises(RequestError, match="cannot name a model"):
            folder_model(name, folders[0], QUESTIONS)
    model = folder_model("x", folders[0], QUESTIONS)
    with ballots_at(tmp_path / "a.db") as ballots, pytest.raises(RequestError, match="needs two models"):
        Referee([model, model], QUESTIONS, ballots)


def test_voters_get_pixels_and_nothing_else(tmp_path: Path) -> None:
    (folder, *_) = write_models(tmp_path)
    file = folder / "pictures" / "cat-7.png"
    assert NAMES[0].encode() in file.read_bytes()
    with Image.open(io.BytesIO(plain(file))) as bare, Image.open(file) as told:
        assert bare.info == {}
        assert bare.tobytes() == told.tobytes()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    for name in ("broken.png", "none.png"):
        with pytest.raises(RequestError, match="cannot be read as a picture"):
            plain(tmp_path / name)


def test_a_model_that_paints_joins_when_it_has_painted(tmp_path: Path) -> None:
    allowed = threading.Event()

    def paint(text: str, seed: int) -> Image.Image:
        assert allowed.wait(10)
        return Image.new("RGB", (8, 8), (seed, len(text), 0))

    painter = Painter("live", paint, QUESTIONS, tmp_path / "live", seed=5)
    still = Painter("still", paint, QUESTIONS, tmp_path / "live")
    with ballots_at(tmp_path / "a.db") as ballots:
        referee = Referee([painter, still], QUESTIONS, ballots)
        painter.start()
        assert painter.busy
        assert referee.next("ann") is None
        allowed.set()
        painter._thread.join()
        assert painter.pictures() == {"cat": ["cat-5.png"], "sign-1": ["sign-1-5.png"]}
        with Image.open(painter.path("sign-1-5.png")) as picture:
            assert picture.getpixel((0, 0)) == (5, 6, 0)
    again = Painter("again", paint, QUESTIONS, tmp_path / "live", seed=9)
    assert again.pictures() == painter.pictures(), "what is painted once is kept"
    assert [path.name for path in (tmp_path / "live").iterdir() if path.name.startswith(".")] == []


def test_a_model_that_fails_drops_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def paint(text: str, seed: int) -> Image.Image:
        raise OSError("no answer")

    questions = [Question(str(number), "x") for number in range(9)]
    painter = Painter("live", paint, questions, tmp_path / "live")
    painter.start()
    painter._thread.join()
    assert painter.failed == "live failed 3 times in a row: no answer"
    assert "takes no more part" in caplog.text


def test_limits_fill_up_again() -> None:
    now = [0.0]
    limit = Limit(2.0, 3.0, lambda: now[0])
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait("b") == 0
    now[0] = 0.5
    assert [limit.wait("a") for _ in range(2)] == [0, 0.5]


def test_exported_cells_are_no_formulas() -> None:
    vote = Vote(1, "hash", "p", "=1+1", "+a", "b", "left", 0.0)
    assert "'=1+1,'+a,b,left" in votes_text([vote], "csv")
    assert "hash" not in votes_text([vote], "json")


def test_names_of_voters_are_exported_only_where_asked_for() -> None:
    votes = [Vote(n, voter, "p", "", "a", "b", "tie", 0.0) for n, voter in enumerate(("x", "y", "x"))]
    plainly = votes_text(votes, "csv").splitlines()
    assert [line.split(",")[2] for line in plainly[1:]] == ["1", "2", "1"]
    assert "name" not in plainly[0]
    named = votes_text(votes, "csv", {"x": "Ann"}).splitlines()
    assert [line.split(",")[-1] for line in named] == ["name", "Ann", "", "Ann"]
