"""Many pictures: at once, within a budget, resumed after any end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from annotations import answer, file_of, items, seen_color
from endpoint import Answer, serving

from hanmo.config import load_recipe
from hanmo.data.annotate.budget import BudgetConfig
from hanmo.data.annotate.journal import read_outcomes
from hanmo.data.annotate.one import AskConfig, Item
from hanmo.data.annotate.outcome import Outcome
from hanmo.data.annotate.replay import Replay
from hanmo.data.annotate.run import AnnotateConfig, Report, annotate_all
from hanmo.data.annotate.vision import EndpointVision
from hanmo.errors import RequestError
from hanmo.pipeline.chat import Endpoint

ALL = ("red", "green", "blue", "white")
ASK = AskConfig(timeout=5.0, pause=0.01, tries=2)


def truthful(asked: dict[str, Any]) -> Answer:
    """A model that says which colour it sees."""
    return Answer(answer(f"A {seen_color(asked)} square."))


def run(url: str, path: Path, todo: Any = None, **options: Any) -> Report:
    config = AnnotateConfig(**{"ask": ASK, **options})
    return annotate_all(items(*ALL) if todo is None else todo, EndpointVision(Endpoint(url, "m")), path, config)


def captions(path: Path) -> dict[str, str]:
    return {key: each.annotation.caption for key, each in read_outcomes(path).items() if each.annotation is not None}


def test_each_picture_gets_its_own_caption_in_any_order(tmp_path: Path) -> None:
    turn = iter(range(99))

    def uneven(asked: dict[str, Any]) -> Answer:
        return Answer(answer(f"A {seen_color(asked)} square."), stall=0.03 * (3 - next(turn) % 4))

    found: list[dict[str, Outcome]] = []
    for workers, order in ((1, ALL), (4, ALL[::-1])):
        path = tmp_path / f"{workers}.jsonl"
        with serving(uneven) as server:
            report = run(server.url, path, items(*order), workers=workers)
        assert report == Report({"annotated": 4}, requests=4)
        found.append(read_outcomes(path))
    assert found[0] == found[1]
    assert list(found[0]) == sorted(ALL)
    assert captions(path) == {color: f"A {color} square." for color in ALL}


def test_as_many_are_asked_about_at_once_as_there_are_workers(tmp_path: Path) -> None:
    lock, under_way, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def counting(asked: dict[str, Any]) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(5.0)
        with lock:
            under_way -= 1
        return truthful(asked)

    todo = [Item(str(number), file_of("red")) for number in range(9)]
    with serving(counting) as server:
        assert run(server.url, tmp_path / "j", todo, workers=3).ends == {"annotated": 9}
    assert most == 3


def test_a_run_that_is_over_is_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with serving(truthful) as server:
        run(server.url, path, items("red", "green"))
        before = path.read_bytes()
        assert run(server.url, path, items("red", "green", "red")) == Report(already=3)
        assert path.read_bytes() == before
        assert run(server.url, path) == Report({"annotated": 2}, already=2, requests=2)
        assert len(server.requests) == 4


def test_a_picture_without_an_answer_is_asked_about_again_and_a_refused_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"

    def moody(asked: dict[str, Any]) -> Answer:
        return {"red": Answer(status=401), "green": Answer("never")}.get(seen_color(asked)) or truthful(asked)

    todo = [*items("red", "green", "blue"), Item("broken", b"")]
    with serving(moody) as server:
        report = run(server.url, path, todo)
    assert report.ends == {"silent": 1, "refused": 1, "annotated": 1, "broken": 1}
    assert report.stopped is None
    with serving(truthful) as server:
        assert run(server.url, path, todo) == Report({"annotated": 1}, already=3, requests=1)
    assert {key: each.status for key, each in read_outcomes(path).items()} == {
        "blue": "annotated", "broken": "broken", "green": "refused", "red": "annotated"
    }  # fmt: skip


def test_a_torn_last_line_is_dropped_and_its_picture_asked_about_again(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with serving(truthful) as server:
        run(server.url, path, workers=1)
        whole = path.read_bytes()
        for cut in (1, 30, len(whole.splitlines()[-1])):
            path.write_bytes(whole[:-cut])
            assert run(server.url, path, workers=1) == Report({"annotated": 1}, already=3, requests=1)
            assert path.read_bytes() == whole
        path.write_bytes(whole[:10])  # killed while the first line was written
        assert run(server.url, path, workers=1).ends == {"annotated": 4}
        assert path.read_bytes() == whole


CHILD = """
import sys; from pathlib import Path; from annotations import items
from hanmo.data.annotate.run import AnnotateConfig, annotate_all; from hanmo.data.annotate.vision import EndpointVision
from hanmo.pipeline.chat import Endpoint
todo = items("red", "green", "blue", "white")
annotate_all(todo, EndpointVision(Endpoint(sys.argv[1], "m")), Path(sys.argv[2]), AnnotateConfig(workers=2))
"""


def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "j.jsonl"
    dying = threading.Event()

    def slower(asked: dict[str, Any]) -> Answer:
        late = not dying.is_set() and seen_color(asked) in ("blue", "white")
        return Answer(truthful(asked).content, stall=60.0 if late else 0.0)

    with serving(slower) as server:
        environment = os.environ | {"PYTHONPATH": f"{root / 'src'}:{root / 'tests'}"}
        child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, str(path)], env=environment)
        try:
            until = time.monotonic() + 60.0
            while (not path.exists() or path.read_bytes().count(b"\n") < 3) and time.monotonic() < until:
                assert child.poll() is None
                time.sleep(0.02)
            with pytest.raises(RequestError, match="written by another run"):
                run(server.url, path)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert set(read_outcomes(path)) == {"red", "green"}
        dying.set()
        report = run(server.url, path)
    assert report.ends == {"annotated": 2}
    assert report.already == 2
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()[1:]]
    assert sorted(line["id"] for line in lines) == sorted(ALL)
    assert captions(path) == {color: f"A {color} square." for color in ALL}


def test_a_budget_of_requests_is_never_exceeded_and_the_next_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    todo = [Item(str(number), file_of("red")) for number in range(10)]
    with serving(truthful) as server:
        report = run(server.url, path, todo, workers=4, budget=BudgetConfig(requests=6))
        assert (report.ends, report.requests) == ({"annotated": 6}, 6)
        assert report.stopped == "the 6 requests are used up"
        assert len(server.requests) == 6
        report = run(server.url, path, todo, budget=BudgetConfig(requests=4))
        assert (report.ends, report.already, report.stopped) == ({"annotated": 4}, 6, None)


def test_tokens_end_a_run_and_must_be_known(tmp_path: Path) -> None:
    def counted(asked: dict[str, Any]) -> Answer:
        reply = json.loads(truthful(asked).body()) | {"usage": {"total_tokens": 100}}
        return Answer(raw=json.dumps(reply).encode())

    with serving(counted) as server:
        report = run(server.url, tmp_path / "a", workers=1, budget=BudgetConfig(tokens=150))
    assert (report.ends, report.tokens, report.stopped) == ({"annotated": 2}, 200, "the 150 tokens are used up")
    with serving(truthful) as server:
        report = run(server.url, tmp_path / "b", workers=1, budget=BudgetConfig(tokens=150))
    assert report.ends == {"annotated": 1}
    assert "does not say how many tokens" in str(report.stopped)


def test_seconds_end_a_run_even_while_an_endpoint_stalls(tmp_path: Path) -> None:
    began = time.perf_counter()
    with serving(Answer(stall=60.0)) as server:
        report = run(server.url, tmp_path / "j", budget=BudgetConfig(seconds=0.3))
    assert time.perf_counter() - began < 5.0
    assert (report.ends, report.stopped) == ({}, "the 0.3 seconds are over")
    assert read_outcomes(tmp_path / "j") == {}


def test_an_endpoint_that_is_down_is_given_up(tmp_path: Path) -> None:
    todo = (Item(str(number), file_of("red")) for number in range(1000))
    with serving(Answer(status=403)) as server:
        report = run(server.url, tmp_path / "j", todo, workers=2, give_up=5)
        assert len(server.requests) < 20
    assert "5 pictures in a row had no answer (the last: the endpoint answered 403" in str(report.stopped)


def test_a_fault_of_the_source_is_raised_after_paid_answers_are_written(tmp_path: Path) -> None:
    def failing() -> Iterator[Item]:
        yield from items("red", "green")
        raise OSError("the disk is gone")

    with serving(truthful) as server, pytest.raises(OSError, match="the disk is gone"):
        run(server.url, tmp_path / "j", failing())
    assert set(captions(tmp_path / "j")) == {"red", "green"}


def test_a_journal_of_another_model_or_prompt_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with serving(truthful) as server:
        run(server.url, path)
        with pytest.raises(RequestError, match="begun with model 'm', not 'other'"):
            annotate_all([], EndpointVision(Endpoint(server.url, "other")), path, AnnotateConfig())
        with pytest.raises(RequestError, match="begun with prompt"):
            run(server.url, path, ask=AskConfig(language="zh"))
        path.write_text('{"caption": "mine"}\n', encoding="utf-8")
        with pytest.raises(RequestError, match="no journal"):
            run(server.url, path)
        path.write_text("mine\n", encoding="utf-8")
        with pytest.raises(RequestError, match=r"line 1 of .* is damaged"):
            run(server.url, path)
    assert path.read_text("utf-8") == "mine\n"


def test_a_journal_can_be_replayed_with_text_that_was_read_later(tmp_path: Path) -> None:
    odd = answer('A sign, "\\ud83d".').replace("\\\\", "\\")  # half a surrogate pair must reach the journal and back

    def stubborn(asked: dict[str, Any]) -> Answer:
        again = len(asked["messages"]) > 1
        return Answer(answer('A sign that says "OPEN".') if again and seen_color(asked) == "red" else odd)

    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with serving(stubborn) as server:
        run(server.url, first, items("red", "green"))
    todo = [Item(f"new {color}", file_of(color), ("OPEN", "24h")) for color in ("red", "green", "blue")]
    report = annotate_all(todo, Replay(first), second, AnnotateConfig(ask=ASK))
    assert report.ends == {"annotated": 1, "refused": 1, "silent": 1}
    before, after = read_outcomes(first), read_outcomes(second)
    for color in ("red", "green"):
        assert after[f"new {color}"].answers == before[color].answers
        assert after[f"new {color}"].annotation == before[color].annotation
        assert after[f"new {color}"].fault == before[color].fault
    quoting = after["new red"].quoting
    assert quoting is not None
    assert quoting.score == 0.5
    assert after["new blue"].fault == "no answer was recorded"


def test_a_replay_needs_pictures_and_answers(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"picture": "00", "answers": ["a"]}\n{"picture": "00", "answers": [1]}\n', encoding="utf-8")
    with pytest.raises(RequestError, match=r"line 2 of .* needs picture and answers"):
        Replay(path)
    with pytest.raises(RequestError, match="cannot be read"):
        Replay(tmp_path / "none.jsonl")


def test_progress_counts_every_picture_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(truthful) as server:
        vision = EndpointVision(Endpoint(server.url, "m"))
        annotate_all(items(*ALL), vision, tmp_path / "j", AnnotateConfig(ask=ASK), total=4, show=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "annotate" in err
    assert "4/4" in err
    assert "annotated=4" in err


def test_a_recipe_can_say_every_setting() -> None:
    words = ["workers=8", "give_up=none", "ask.language=zh", "ask.picture.shown=1000", "budget.requests=5"]
    config = load_recipe(None, AnnotateConfig, words)
    assert (config.workers, config.give_up, config.ask.language) == (8, None, "zh")
    assert (config.ask.picture.shown, config.budget.requests) == (1000, 5)
    for bad in ({"workers": 0}, {"give_up": 0}):
        with pytest.raises(RequestError):
            AnnotateConfig(**bad)
