from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hanmo.evaluate.arena.bradley_terry import fit
from hanmo.evaluate.arena.games import Tally
from hanmo.evaluate.arena.matches import choose_pair, choose_prompt, common, gains, seated
from hanmo.evaluate.arena.simulate import Taste, coverage, planted, play

NAMES = ["a", "b", "c"]
EVERY = ~np.eye(3, dtype=bool)


def test_a_gain_is_what_one_more_game_takes_from_the_variance() -> None:
    """Against the trace computed anew, with the game added to the information by hand."""
    found = fit(NAMES, [Tally("a", "b", 8, 4), Tally("b", "c", 3, 3)])
    centre = np.eye(3) - 1 / 3

    def trace(information: np.ndarray) -> float:
        return float(np.trace(centre @ np.linalg.inv(information) @ centre))

    before = found.information[:3, :3]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        x = np.eye(3)[i] - np.eye(3)[j]
        chance = 1 / (1 + np.exp(-(x @ found.strengths)))
        after = before + chance * (1 - chance) * np.outer(x, x)
        assert gains(found, {})[i, j] == pytest.approx(trace(before) - trace(after), rel=1e-6)
        assert gains(found, {})[j, i] == pytest.approx(gains(found, {})[i, j])


def test_the_model_that_is_known_least_plays_next() -> None:
    found = fit(NAMES, [Tally("a", "b", 20, 20)])
    generator = np.random.default_rng(0)
    assert all("c" in (choose_pair(found, {}, EVERY, generator) or ()) for _ in range(10))


def test_matches_that_others_look_at_count() -> None:
    found = fit(NAMES, [])
    generator = np.random.default_rng(0)
    first = choose_pair(found, {}, EVERY, generator)
    assert first is not None
    second = choose_pair(found, {first: 1}, EVERY, generator)
    assert second not in (None, first)
    third = choose_pair(found, {first: 1, second: 1}, EVERY, generator)  # type: ignore[dict-item]
    assert {first, second, third} == {("a", "b"), ("a", "c"), ("b", "c")}


def test_only_allowed_pairs_are_chosen() -> None:
    found = fit(NAMES, [Tally("a", "b", 20, 20)])
    seen = {("a", "c"): ["p"], ("b", "c"): ["p"]}
    painted = {"a": ["p", "q"], "b": ["p", "q"], "c": ["p"]}
    allowed = common(NAMES, painted, seen)
    assert choose_pair(found, {}, allowed, np.random.default_rng(0)) == ("a", "b")
    nothing = common(NAMES, painted, seen | {("a", "b"): ["p", "q"]})
    assert choose_pair(found, {}, nothing, np.random.default_rng(0)) is None


def test_prompts_are_balanced() -> None:
    generator = np.random.default_rng(0)
    assert choose_prompt(["p", "q", "r"], {"p": 1}, {"q": 1}, {}, generator) == "r"
    assert choose_prompt(["p", "q"], {}, {}, {"p": 2, "q": 1}, generator) == "q"
    equal = Counter(choose_prompt(["p", "q"], {}, {}, {}, generator) for _ in range(400))
    assert 150 < equal["p"] < 250


def test_sides_are_drawn_by_a_fair_coin() -> None:
    generator = np.random.default_rng(0)
    sides = Counter(seated(("a", "b"), generator) for _ in range(1000))
    assert set(sides) == {("a", "b"), ("b", "a")}
    assert 450 < sides["a", "b"] < 550


def test_chosen_matches_teach_more_than_matches_by_lot() -> None:
    """A late model has few games: the arena gives it the work."""
    generator = np.random.default_rng(5)
    truth = planted(6, 200.0, generator)
    names = sorted(truth)
    old = [Tally(left, right, 40, 40) for left in names[:5] for right in names[:5] if left < right]
    found = fit(names, old)
    pair = choose_pair(found, {}, ~np.eye(6, dtype=bool), generator)
    assert names[5] in (pair or ())
    games = play(truth, 120, generator, Taste(), waiting=3)
    counts = Counter(name for game in games for name in (game.left, game.right))
    assert max(counts.values()) - min(counts.values()) <= 8


@pytest.mark.slow
def test_intervals_cover_the_truth_with_chosen_matches_too() -> None:
    generator = np.random.default_rng(21)
    truth = planted(8, 300.0, generator)
    found = coverage(truth, 500, 150, generator, Taste(ties=0.3, advantage=20.0))
    assert found.share == pytest.approx(0.95, abs=0.02)
    assert coverage(truth, 10_000, 1, generator, Taste(ties=0.3)).order == 1.0
