from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from arenas import Clock, ballots_at, postgres

from hanmo.errors import RequestError
from hanmo.evaluate.arena.sources import Question
from hanmo.evaluate.arena.tables import open_database
from hanmo.evaluate.arena.votes import LIFE, Ballots, Match, Refused, voter_hash

QUESTIONS = [Question("p", "a cat", "scene"), Question("q", "a sign", "text")]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of either kind; the tests take turns in it with voters of their own."""
    if request.param == "sqlite":
        yield str(tmp_path_factory.mktemp("db") / "arena.db")
    else:
        with postgres() as url:
            yield url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ballots(place: str, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Ballots]:
    from sqlalchemy import delete

    from hanmo.evaluate.arena import tables

    engine = open_database(place)
    with engine.begin() as link:
        for table in (tables.votes, tables.matches, tables.voters):
            link.execute(delete(table))
    ballots = Ballots(engine, clock)
    ballots.admit(["a", "b", "c"], QUESTIONS)
    for voter in ("ann", "bo"):
        ballots.greet(voter)
    yield ballots
    ballots.close()


def issued(ballots: Ballots, voter: str, prompt: str = "p", seats: tuple[str, str] = ("a", "b")) -> Match:
    match = ballots.issue(voter, prompt, seats, (f"{prompt}-1.png", f"{prompt}-2.png"))
    assert match is not None
    return match


def test_a_vote_is_counted_once_and_its_retry_changes_nothing(ballots: Ballots) -> None:
    match = issued(ballots, "ann", seats=("b", "a"))
    assert ballots.waiting("ann") == [match]
    assert ballots.outstanding() == {("a", "b"): 1}
    assert ballots.cast(match.token, "ann", "right") == match
    assert ballots.cast(match.token, "ann", "right") == match
    (vote,) = ballots.votes()
    assert (vote.left, vote.right, vote.verdict, vote.voter, vote.category) == ("b", "a", "right", "ann", "scene")
    assert (ballots.waiting("ann"), ballots.outstanding(), ballots.cast_by("ann")) == ([], {}, 1)
    with pytest.raises(Refused, match="judged already"):
        ballots.cast(match.token, "ann", "left")
    assert len(ballots.votes()) == 1


def test_a_voter_gets_two_models_and_a_prompt_once_whoever_stands_left(ballots: Ballots) -> None:
    issued(ballots, "ann")
    assert ballots.issue("ann", "p", ("b", "a"), ("x", "y")) is None
    issued(ballots, "ann", "q")
    issued(ballots, "bo")
    assert ballots.seen("ann") == {("a", "b"): {"p", "q"}}
    assert ballots.shown() == {"p": 2, "q": 1}
    assert ballots.shown(("a", "c")) == {}


def test_votes_for_what_was_not_shown_are_refused(ballots: Ballots, clock: Clock) -> None:
    match = issued(ballots, "ann")
    for token, voter in (("invented", "ann"), (match.token, "bo"), ("", "ann")):
        with pytest.raises(Refused, match="not known"):
            ballots.cast(token, voter, "left")
    with pytest.raises(Refused, match="not known"):
        ballots.match(match.token, "bo")
    clock.now += LIFE + 1
    with pytest.raises(Refused, match="too old"):
        ballots.cast(match.token, "ann", "left")
    assert ballots.outstanding() == {}
    assert ballots.waiting("ann") == []  # forgotten now, and may be shown again
    issued(ballots, "ann")
    assert ballots.votes() == []


def test_the_last_vote_is_withdrawn_and_not_asked_again(ballots: Ballots) -> None:
    first, second = issued(ballots, "ann"), issued(ballots, "ann", "q")
    ballots.cast(first.token, "ann", "left")
    ballots.cast(second.token, "ann", "bad")
    before = ballots.state()
    assert ballots.withdraw("bo") is None
    assert ballots.withdraw("ann") == second
    assert ballots.state() != before
    assert [vote.prompt for vote in ballots.votes()] == ["p"]
    assert ballots.seen("ann") == {("a", "b"): {"p", "q"}}
    assert ballots.waiting("ann") == []
    with pytest.raises(Refused, match="judged already"):
        ballots.cast(second.token, "ann", "bad")
    assert ballots.withdraw("ann") == first
    assert ballots.withdraw("ann") is None


def test_two_connections_that_vote_at_once_count_once(place: str, ballots: Ballots) -> None:
    match = issued(ballots, "ann")
    outcomes: list[str] = []

    def vote(verdict: str) -> None:
        with ballots_at(place, ballots._clock) as own:
            start.wait()
            try:
                own.cast(match.token, "ann", verdict)  # type: ignore[arg-type]
                outcomes.append("taken")
            except Refused:
                outcomes.append("refused")

    start = threading.Barrier(4)
    threads = [threading.Thread(target=vote, args=(verdict,)) for verdict in ("left", "right", "tie", "bad")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "refused", "refused", "taken"]
    assert len(ballots.votes()) == 1


def test_a_voter_may_leave_a_name(ballots: Ballots) -> None:
    ballots.greet("ann", "  Ann\n\u202e of  Hangzhou " + "x" * 50)
    assert ballots.voter_names() == {"ann": ("Ann of Hangzhou " + "x" * 50)[:40]}


def test_another_prompt_of_the_same_id_is_refused(ballots: Ballots) -> None:
    with pytest.raises(RequestError, match="another prompt 'p'"):
        ballots.admit(["a"], [Question("p", "a dog")])


def test_votes_survive_kill_9(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from hanmo.evaluate.arena.sources import Question
from hanmo.evaluate.arena.tables import open_database
from hanmo.evaluate.arena.votes import Ballots
ballots = Ballots(open_database(sys.argv[1]))
ballots.admit(["a", "b"], [Question(str(n), "x") for n in range(20)])
ballots.greet("ann")
for n in range(20):
    match = ballots.issue("ann", str(n), ("a", "b"), ("x", "y"))
    ballots.cast(match.token, "ann", "left")
    print(n, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.db")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with ballots_at(tmp_path / "a.db") as ballots:
        assert len(ballots.votes()) == len(done.stdout.split()) == 20


def test_what_cannot_be_a_database_is_one_line(tmp_path: Path) -> None:
    for where in (tmp_path / "no" / "where.db", "mysql://x/y", "nonsense://", "postgresql+psycopg://127.0.0.1:1/x"):
        with pytest.raises(RequestError) as caught:
            open_database(where)
        assert "\n" not in str(caught.value)


def test_a_voter_is_known_by_a_hash() -> None:
    assert len(voter_hash("cookie")) == 64
    assert "cookie" not in voter_hash("cookie")
