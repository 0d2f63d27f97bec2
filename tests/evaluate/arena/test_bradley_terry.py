from __future__ import annotations

import math

import choix
import numpy as np
import pytest

from hanmo.evaluate.arena.bradley_terry import POINTS_PER_UNIT, PRIOR, fit
from hanmo.evaluate.arena.games import Game, Tally, tallied
from hanmo.evaluate.arena.simulate import Taste, centred, coverage, drawn, inside, planted


def as_pairs(names: list[str], tallies: list[Tally]) -> list[tuple[int, int]]:
    """(winner, loser) for choix; each game twice, so that a tie is one win for each."""
    place = {name: number for number, name in enumerate(names)}
    pairs = []
    for tally in tallies:
        left, right = place[tally.left], place[tally.right]
        tied = tally.ties + tally.bad
        pairs += [(left, right)] * (2 * tally.wins + tied) + [(right, left)] * (2 * tally.losses + tied)
    return pairs


@pytest.mark.parametrize("seed", [1, 2])
def test_strengths_are_those_of_choix(seed: int) -> None:
    """Maximum likelihood by another package's Newton-CG; choix knows no advantage, so each game stands both ways."""
    generator = np.random.default_rng(seed)
    truth = planted(5, 300.0, generator)
    names = sorted(truth)
    one_way = drawn(truth, 300, generator, Taste(ties=0.3))
    both_ways = one_way + [Tally(t.right, t.left, t.losses, t.wins, t.ties, t.bad) for t in one_way]
    ours = fit(names, both_ways, prior=math.inf)
    theirs = choix.opt_pairwise(len(names), as_pairs(names, one_way), alpha=1e-9, tol=1e-9)
    assert ours.advantage == pytest.approx(0, abs=1e-9)
    assert np.abs(ours.strengths - (theirs - theirs.mean())).max() < 1e-4
    regular = choix.opt_pairwise(len(names), as_pairs(names, one_way), alpha=0.5 * PRIOR**-2)
    assert np.abs(fit(names, both_ways).strengths - regular).max() < 1e-4


def test_ten_thousand_votes_bring_back_the_planted_ranking() -> None:
    generator = np.random.default_rng(7)
    truth = planted(10, 450.0, generator)
    names = sorted(truth)
    found = fit(names, drawn(truth, 10_000, generator, Taste(ties=0.25)))
    wanted = centred(truth, names)
    assert list(np.argsort(found.ratings)) == list(np.argsort(wanted))
    assert np.abs(found.ratings - wanted).max() < 25
    assert found.margins.max() < 20


@pytest.mark.parametrize("ties", [0.0, 0.5])
def test_intervals_cover_the_truth_at_the_stated_rate(ties: float) -> None:
    """100 runs of 8 models: 800 intervals, of which 95 % +- 2.3 % (three standard errors) hold the truth."""
    generator = np.random.default_rng(11)
    truth = planted(8, 300.0, generator)
    found = coverage(truth, 1000, 100, generator, Taste(ties=ties, advantage=20.0), chosen=False)
    assert found.intervals == 800
    assert found.share == pytest.approx(0.95, abs=0.023)


def test_few_votes_have_wide_intervals_that_still_cover() -> None:
    generator = np.random.default_rng(12)
    truth = planted(5, 200.0, generator)
    found = coverage(truth, 20, 60, generator, Taste(ties=0.5), chosen=False)
    assert found.share > 0.93


def test_the_advantage_of_the_left_side_is_found_and_leaves_the_ranking_alone() -> None:
    generator = np.random.default_rng(13)
    truth = planted(6, 300.0, generator)
    names = sorted(truth)
    found = fit(names, drawn(truth, 10_000, generator, Taste(advantage=60.0)))
    value, low, high = found.left_advantage
    assert low < 60 < high
    assert value == pytest.approx(60, abs=15)
    assert inside(found, centred(truth, names)).sum() >= 5
    fair = fit(names, drawn(truth, 10_000, generator, Taste())).left_advantage
    assert fair[1] < 0 < fair[2]


def test_a_model_without_a_defeat_stays_finite_and_uncertain() -> None:
    found = fit(["never", "always", "absent"], [Tally("always", "never", wins=5), Tally("never", "always", losses=5)])
    assert found.ratings[1] - found.ratings[0] == pytest.approx(2 * (found.ratings[1] - 1000), abs=1e-6)
    assert 1100 < found.ratings[1] < 2000
    assert found.margins[1] > 250
    assert found.margins[2] > found.margins[1]
    assert found.ratings[2] == pytest.approx(1000)
    assert list(found.games) == [10, 10, 0]


def test_ratings_have_the_scale_of_elo() -> None:
    """Ten wins to one are 400 points."""
    found = fit(["a", "b"], [Tally("a", "b", 1000, 100), Tally("b", "a", 100, 1000)], prior=math.inf)
    assert found.ratings == pytest.approx([1200, 800])
    assert pytest.approx(173.7178, abs=1e-4) == POINTS_PER_UNIT


def test_a_tie_and_both_bad_are_half_a_win_for_each() -> None:
    ties = tallied([Game("a", "b", "tie"), Game("a", "b", "bad"), Game("a", "b", "left"), Game("a", "b", "right")])
    assert ties == [Tally("a", "b", 1, 1, 1, 1)]
    assert (ties[0].points, ties[0].squares) == (2.0, 1.5)
    assert fit(["a", "b"], ties).ratings == pytest.approx([1000, 1000])


def test_games_of_unknown_models_are_refused() -> None:
    with pytest.raises(ValueError, match="b against c is no game"):
        fit(["a", "b"], [Tally("b", "c", 1)])
    with pytest.raises(ValueError, match="twice"):
        fit(["a", "a"], [])
    with pytest.raises(ValueError, match="a against a"):
        fit(["a", "b"], [Tally("a", "a", 1)])
