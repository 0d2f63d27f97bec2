from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from arenas import COLOURS, NAMES, TEXTS, Visitor, ballots_at, models_of, serving, write_models
from PIL import Image

from hanmo.evaluate.arena.app import COOKIE, create_app
from hanmo.evaluate.arena.limits import Limit
from hanmo.evaluate.arena.referee import Referee


@pytest.fixture
def referee(tmp_path: Path) -> Iterator[Referee]:
    models, questions = models_of(write_models(tmp_path))
    with ballots_at(tmp_path / "arena.db") as ballots:
        yield Referee(models, questions, ballots)


@pytest.fixture
def root(referee: Referee) -> Iterator[str]:
    with serving(create_app(referee, Limit(1000.0, 1000.0))) as address:
        yield address


def test_nothing_before_the_vote_says_who_painted(root: str) -> None:
    """Pages, scripts, styles, matches, pictures, their metadata, every header: all bytes of all answers."""
    visitor = Visitor(root)
    for path in ("/", "/web/vote.js", "/web/words.js", "/web/arena.css", "/web/seal.svg", "/board"):
        assert visitor.ask(path)[0] == 200
    status, match = visitor.post("/api/match", {})
    assert (status, set(match)) == (200, {"token", "question", "cast"})
    for side in ("left", "right"):
        status, headers, content = visitor.ask(f"/picture/{match['token']}/{side}")
        assert (status, headers["content-type"]) == (200, "image/png")
        assert not {"etag", "last-modified", "content-disposition"} & {name.lower() for name in headers}
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.info == {}
            assert picture.size == (48, 40)
            assert picture.getpixel((20, 20)) in COLOURS.values()
    before = b"".join(visitor.answers)
    for word in (*NAMES, "secret", "-7.png", "parameters", "pictures/"):
        assert word.encode() not in before.replace(match["question"].encode(), b"")
    status, revealed = visitor.post("/api/vote", {"token": match["token"], "verdict": "left"})
    assert status == 200
    assert {revealed["left"], revealed["right"]} < set(NAMES)
    assert (revealed["cast"], revealed["left_rating"]) == (1, None)


def test_the_picture_belongs_to_the_model_that_is_revealed(root: str) -> None:
    visitor = Visitor(root)
    for _ in range(5):
        _, match = visitor.post("/api/match", {})
        colours = {}
        for side in ("left", "right"):
            with Image.open(io.BytesIO(visitor.ask(f"/picture/{match['token']}/{side}")[2])) as picture:
                colours[side] = picture.getpixel((20, 20))
        _, revealed = visitor.post("/api/vote", {"token": match["token"], "verdict": "tie"})
        assert colours == {side: COLOURS[revealed[side]] for side in ("left", "right")}


def test_a_voter_judges_every_pair_of_every_prompt_once(root: str, referee: Referee) -> None:
    visitor, asked = Visitor(root), []
    while True:
        _, match = visitor.post("/api/match", {})
        if match.get("done"):
            break
        _, revealed = visitor.post("/api/vote", {"token": match["token"], "verdict": "right"})
        asked.append((frozenset((revealed["left"], revealed["right"])), match["question"]))
    assert len(asked) == len(set(asked)) == 3 * len(TEXTS)
    assert {question for _, question in asked[: len(TEXTS)]} == set(TEXTS.values())
    assert match == {"done": True, "painting": False, "cast": 12}


def test_a_match_waits_for_its_vote(root: str) -> None:
    """Asking again shows the same; what the page holds already is not given twice."""
    visitor = Visitor(root)
    _, first = visitor.post("/api/match", {})
    assert visitor.post("/api/match", {})[1] == first
    _, second = visitor.post("/api/match", {"held": [first["token"]]})
    assert second["token"] != first["token"]
    assert visitor.post("/api/match", {"held": [first["token"]]})[1] == second


def test_double_votes_foreign_votes_and_nonsense_are_refused(root: str, referee: Referee) -> None:
    visitor, other = Visitor(root), Visitor(root)
    _, match = visitor.post("/api/match", {})
    other.post("/api/match", {})
    vote = {"token": match["token"], "verdict": "left"}
    assert other.post("/api/vote", vote)[0] == 409
    assert other.ask(f"/picture/{match['token']}/left")[0] == 404
    assert Visitor(root).ask(f"/picture/{match['token']}/left")[0] == 404
    _, first = visitor.post("/api/vote", vote)
    assert visitor.post("/api/vote", vote) == (200, first)
    assert visitor.post("/api/vote", vote | {"verdict": "right"})[0] == 409
    for body in ({}, {"token": 3, "verdict": "left"}, vote | {"verdict": "both"}, vote | {"verdict": ["left"]}):
        assert visitor.post("/api/vote", body)[0] == 409
    assert len(referee.votes()) == 1
    assert visitor.post("/api/undo", {})[1] == {"withdrawn": True, "cast": 0}
    assert visitor.post("/api/undo", {})[1] == {"withdrawn": False, "cast": 0}
    assert referee.votes() == []


def test_requests_of_other_sites_other_types_and_sizes_are_refused(root: str) -> None:
    visitor = Visitor(root)
    assert visitor.ask("/api/match", {}, {"sec-fetch-site": "cross-site"})[0] == 403
    assert visitor.ask("/api/match", {}, {"content-type": "text/plain"})[0] == 415
    assert visitor.ask("/api/match", {"held": ["x" * 5000]})[0] == 413
    assert visitor.ask("/api/match", [1])[0] == 400
    assert visitor.ask("/api/match")[0] == 405
    for path in ("/web/../app.py", "/web/%2e%2e/app.py", "/picture/..%2f..%2fx/left", "/picture/x/up", "/nothing"):
        assert visitor.ask(path)[0] == 404


def test_a_voter_is_a_cookie_that_scripts_cannot_read(root: str) -> None:
    visitor = Visitor(root)
    _, headers, _ = visitor.ask("/api/match", {})
    said = headers["set-cookie"]
    assert said.startswith(f"{COOKIE}=")
    assert "HttpOnly" in said
    assert "SameSite=strict" in said
    assert visitor.ask("/api/match", {})[1]["set-cookie"] is None
    for path in ("/", "/api/board", "/nothing"):
        policy = visitor.ask(path)[1]["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert visitor.ask(path)[1]["x-content-type-options"] == "nosniff"


def test_voters_who_are_too_fast_wait(referee: Referee) -> None:
    with serving(create_app(referee, Limit(0.5, 3.0))) as root:
        visitor = Visitor(root)
        assert [visitor.ask("/api/match", {})[0] for _ in range(5)][:3] == [200, 200, 200]
        status, headers, _ = visitor.ask("/api/match", {})
        assert status == 429
        assert int(headers["retry-after"]) >= 1
        assert Visitor(root).ask("/api/match", {})[0] == 200, "others go on"


def test_voters_who_ask_at_once_are_given_different_work(root: str, referee: Referee) -> None:
    visitors = [Visitor(root) for _ in range(6)]
    threads = [threading.Thread(target=visitor.post, args=("/api/match", {})) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(referee.ballots.outstanding().values()) == [2, 2, 2]


def test_the_board_and_its_files_say_what_was_voted(root: str, referee: Referee) -> None:
    visitor = Visitor(root)
    for _ in range(12):
        _, match = visitor.post("/api/match", {})
        pair = referee.ballots.match(match["token"], referee.ballots.votes()[0].voter) if referee.votes() else None
        best = "left" if pair is None or pair.left < pair.right else "right"
        visitor.post("/api/vote", {"token": match["token"], "verdict": best})
    assert visitor.post("/api/name", {"name": "Ann"}) == (200, {"name": "Ann"})
    board = json.loads(visitor.ask("/api/board")[2])
    assert (board["votes"], board["categories"], board["failed"]) == (12, ["scene", "text"], [])
    assert [one["rank"] for one in board["standings"]] == [1, 2, 3]
    scene = json.loads(visitor.ask("/api/board?category=scene")[2])
    text = json.loads(visitor.ask("/api/board?category=text")[2])
    assert scene["votes"] + text["votes"] == 12
    assert visitor.ask("/api/board?category=other")[0] == 404
    rows = list(csv.DictReader(io.StringIO(visitor.ask("/export/votes.csv")[2].decode())))
    assert len(rows) == 12
    assert {row["voter"] for row in rows} == {"1"}
    assert json.loads(visitor.ask("/export/board.json")[2])["standings"] == board["standings"]
    assert len(json.loads(visitor.ask("/export/votes.json")[2])) == 12
    assert visitor.ask("/export/board.csv")[2].decode().startswith("name,rank,best,worst,rating,low,high,elo")
    assert visitor.ask("/export/voters.csv")[0] == 404
    assert b"Ann" not in b"".join(visitor.answers).replace(b'"name":"Ann"', b"")


def test_an_arena_with_votes_of_an_earlier_evening_goes_on(tmp_path: Path) -> None:
    """A model that is no longer served stays on the board and leaves the matches, also those that were waiting."""
    folders = write_models(tmp_path)
    models, questions = models_of(folders)
    with ballots_at(tmp_path / "arena.db") as ballots:
        referee = Referee(models, questions, ballots)
        waiting = [referee.next(f"voter {number}") for number in range(6)]
        assert all(waiting)
        again = Referee(models[:2], questions, ballots, seed=1)
        for number in range(6):
            shown = again.next(f"voter {number}")
            assert shown is not None
            assert set(ballots.match(shown.token, f"voter {number}").pair) == set(NAMES[:2])
        assert len(again.board().standings) == 3
