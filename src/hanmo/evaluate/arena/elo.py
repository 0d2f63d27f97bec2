"""Elo ratings: after each game the winner takes points from the loser (A. Elo 1978; report section 5.1).

    expected = 1 / (1 + 10 ** ((right - left) / 400)),   left += K (points - expected),   right -= K (points - expected)

Every model starts at 1000, so the mean stays 1000; ties are half a win. Elo depends on the order of the votes and
forgets the past at the pace K: it is shown because the report quotes it. Bradley-Terry (`bradley_terry.py`) ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hanmo.evaluate.arena.games import POINTS, Game

START = 1000.0
K = 16.0
SPREAD = 400.0
"""Ten times better odds are this many points."""


def elo(names: Sequence[str], games: Sequence[Game], k: float = K, start: float = START) -> dict[str, float]:
    """Ratings after all games, in their order.

    Args:
        names: the models.
        games: oldest first.
        k: points at stake in a game.
        start: rating of a model that has not played.
    """
    ratings = dict.fromkeys(names, start)
    for game in games:
        expected = 1 / (1 + 10 ** ((ratings[game.right] - ratings[game.left]) / SPREAD))
        moved = k * (POINTS[game.verdict] - expected)
        ratings[game.left] += moved
        ratings[game.right] -= moved
    return ratings


def elo_intervals(
    names: Sequence[str],
    games: Sequence[Game],
    generator: np.random.Generator,
    rounds: int = 200,
    k: float = K,
    start: float = START,
) -> dict[str, tuple[float, float]]:
    """The 95 % bootstrap interval of each model's Elo rating.

    The games are drawn anew, with replacement and in another order, `rounds` times: the interval holds what chance
    and the order of the votes do to a sequential rating.

    Returns:
        2.5 % and 97.5 % points by name; the start twice where there are no games.
    """
    if not games:
        return {name: (start, start) for name in names}
    place = {name: number for number, name in enumerate(names)}
    left = np.array([place[game.left] for game in games])
    right = np.array([place[game.right] for game in games])
    points = np.array([POINTS[game.verdict] for game in games])
    ratings: Float[np.ndarray, "rounds models"] = np.full((rounds, len(names)), start)
    row = np.arange(rounds)
    for drawn in generator.integers(len(games), size=(len(games), rounds)):
        a, b = left[drawn], right[drawn]
        expected = 1 / (1 + 10 ** ((ratings[row, b] - ratings[row, a]) / SPREAD))
        moved = k * (points[drawn] - expected)
        ratings[row, a] += moved
        ratings[row, b] -= moved
    low, high = np.quantile(ratings, [0.025, 0.975], axis=0)
    return {name: (float(low[number]), float(high[number])) for name, number in place.items()}
