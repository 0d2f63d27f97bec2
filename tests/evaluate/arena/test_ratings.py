from __future__ import annotations

import json

import numpy as np
import pytest

from hanmo.evaluate.arena.elo import elo, elo_intervals
from hanmo.evaluate.arena.games import Game
from hanmo.evaluate.arena.ratings import board
from hanmo.evaluate.arena.simulate import Taste, planted, verdict


def test_elo_moves_as_its_formula_says() -> None:
    """By hand: equals play for K / 2; then 1008 beats 992 where it expected 1 / (1 + 10 ** (-16 / 400)) = 0.5230."""
    first = elo(["a", "b"], [Game("a", "b", "left")])
    assert first == {"a": 1008.0, "b": 992.0}
    second = elo(["a", "b"], [Game("a", "b", "left"), Game("b", "a", "right")])
    assert second["a"] == pytest.approx(1015.6318, abs=1e-4)
    assert sum(second.values()) == pytest.approx(2000)
    drawn = elo(["a", "b"], [Game("a", "b", "left"), Game("a", "b", "tie")])
    assert drawn["a"] == pytest.approx(1008 - 16 * 0.0230, abs=1e-3)
    assert elo(["a", "b"], [Game("a", "b", "bad")]) == {"a": 1000.0, "b": 1000.0}


def test_elo_intervals_hold_the_rating_and_repeat() -> None:
    games = [Game("a", "b", "left" if n % 3 else "right") for n in range(60)]
    rating = elo(["a", "b"], games)["a"]
    low, high = elo_intervals(["a", "b"], games, np.random.default_rng(0))["a"]
    assert low < rating < high
    assert elo_intervals(["a", "b"], games, np.random.default_rng(0))["a"] == (low, high)
    assert elo_intervals(["a", "b"], [], np.random.default_rng(0)) == {"a": (1000, 1000), "b": (1000, 1000)}


def test_the_board_counts_ranks_and_says_which_ranks_are_sure() -> None:
    generator = np.random.default_rng(3)
    truth = planted(4, 600.0, generator) | {"model-2": 1000.0, "twin": 1000.0}
    names = sorted(truth)
    games = []
    for _ in range(1500):
        left, right = (names[n] for n in generator.choice(len(names), 2, replace=False))
        games.append(Game(left, right, verdict(truth[left] - truth[right], Taste(), generator)))
    found = board([*names, "newcomer"], games, rounds=20)
    assert [one.rank for one in found.standings] == [1, 2, 3, 4, 5, 6]
    assert found.standings[-1].name == "newcomer"
    assert found.standings[-1].win_rate is None
    assert sum(one.games for one in found.standings) == 2 * found.votes == 3000
    assert sum(one.wins for one in found.standings) == sum(one.losses for one in found.standings)
    assert sum(one.bad for one in found.standings) == 2 * found.bad > 0
    for one in found.standings:
        assert one.low < one.rating < one.high
        assert one.best <= one.rank <= one.worst
    assert json.loads(json.dumps(found.to_dict()))["standings"][0]["name"] == found.standings[0].name


def test_a_board_without_votes_is_a_list_of_names() -> None:
    found = board(["b", "a"], [])
    assert [(one.name, one.rating, one.best, one.worst) for one in found.standings] == [
        ("a", 1000.0, 1, 2),
        ("b", 1000.0, 1, 2),
    ]
    assert found.to_dict()["bad_share"] is None
