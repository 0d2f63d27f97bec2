"""Bradley-Terry: the strengths that explain all votes best (Bradley and Terry 1952; report section 5.1).

    P(left is preferred) = sigmoid(strength[left] - strength[right] + advantage)

`advantage` is what standing on the left is worth (position bias); left and right are drawn by a coin, so it makes
the intervals honest rather than the ranking. A tie is half a win for each: the strengths then say what share of the
points a model takes, ties included, as Elo's expected score does. (Davidson 1970 and Rao and Kupper 1967 give ties
a probability of their own; their strengths mean something else, and Elo's do not follow from them.)

Fitted by maximum likelihood with Newton's method under a weak prior, normal with s.d. PRIOR, which keeps a model
without a defeat finite. Strengths have mean zero, and uncertainties are those of a model against that mean.

Half wins vary less than wins: the covariance is the inverse information times the dispersion, sum (points - p)^2 /
sum p (1 - p) (quasi-likelihood: McCullagh and Nelder 1989, section 9.2), drawn towards 1 by CAUTION where games are
few. Votes count as independent; another set of prompts or of voters may differ more than the interval says.

Shapes: M models, G tallies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from hanmo.evaluate.arena.elo import SPREAD, START
from hanmo.evaluate.arena.games import Tally, known_names

POINTS_PER_UNIT = SPREAD / math.log(10)
"""Rating points of one unit of strength (a factor e in the odds)."""
PRIOR = 600.0 / POINTS_PER_UNIT
"""Standard deviation of strengths before any game: 600 points."""
ADVANTAGE_PRIOR = 200.0 / POINTS_PER_UNIT
"""The same for the advantage of the left side: 200 points."""
CAUTION = 5.0
"""Weight of dispersion 1, in units of p (1 - p): that of twenty even games."""
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Fit:
    """Strengths and how well they are known.

    Attributes:
        names: the models.
        strengths: M, natural logarithm of odds, mean zero.
        advantage: of the left side, same unit.
        covariance: M + 1 by M + 1; the last is the advantage. Strengths against their mean.
        information: M + 1 by M + 1: the negative second derivative of the posterior, without dispersion.
        games: M, how many games each has played.
    """

    names: tuple[str, ...]
    strengths: Float[np.ndarray, " M"]
    advantage: float
    covariance: Float[np.ndarray, "M1 M1"]
    information: Float[np.ndarray, "M1 M1"]
    games: Int[np.ndarray, " M"]

    @property
    def ratings(self) -> Float[np.ndarray, " M"]:
        """On the scale of Elo: mean 1000, 400 points for ten times better odds."""
        return START + POINTS_PER_UNIT * self.strengths

    @property
    def margins(self) -> Float[np.ndarray, " M"]:
        """Half the width of the 95 % intervals, in rating points."""
        return NORMAL_95 * POINTS_PER_UNIT * np.sqrt(np.diag(self.covariance)[:-1])

    @property
    def left_advantage(self) -> tuple[float, float, float]:
        """What the left side is worth in rating points, with its 95 % interval: value, low, high."""
        margin = NORMAL_95 * math.sqrt(float(self.covariance[-1, -1]))
        return (
            POINTS_PER_UNIT * self.advantage,
            POINTS_PER_UNIT * (self.advantage - margin),
            POINTS_PER_UNIT * (self.advantage + margin),
        )


def fit(names: Sequence[str], tallies: Sequence[Tally], prior: float = PRIOR) -> Fit:
    """The most likely strengths.

    Args:
        names: all models, also those without a game.
        tallies: of their games.
        prior: standard deviation of strengths before any game; `math.inf` for plain maximum likelihood, which needs
            that every model has won and lost, directly or through others.

    Raises:
        ValueError: a tally names an unknown model.
    """
    place, count = known_names(names, tallies), len(names)
    faced: Float[np.ndarray, "G M1"] = np.zeros((len(tallies), count + 1))
    for row, tally in enumerate(tallies):
        faced[row, place[tally.left]], faced[row, place[tally.right]], faced[row, -1] = 1.0, -1.0, 1.0
    games = np.array([tally.games for tally in tallies], dtype=np.float64)
    points = np.array([tally.points for tally in tallies], dtype=np.float64)
    squares = np.array([tally.squares for tally in tallies], dtype=np.float64)
    pull = np.full(count + 1, prior**-2.0)
    pull[-1] = ADVANTAGE_PRIOR**-2.0
    if math.isinf(prior):
        pull[:-1] = 1e-9  # only fixes the mean at zero

    found = _climb(faced, games, points, pull)
    chance = _sigmoid(faced @ found)
    information = _information(faced, games, chance, pull)
    expected = float(games @ (chance * (1 - chance)))
    seen = float(np.sum(squares - 2 * chance * points + games * chance**2))
    dispersion = (seen + CAUTION) / (expected + CAUTION)
    covariance = dispersion * against_mean(np.linalg.inv(information))
    played = np.array([sum(t.games for t in tallies if name in (t.left, t.right)) for name in names], dtype=np.int64)
    return Fit(tuple(names), found[:-1], float(found[-1]), covariance, information, played)


def against_mean(covariance: Float[np.ndarray, "M1 M1"]) -> Float[np.ndarray, "M1 M1"]:
    """The covariance of strengths less their mean; the advantage stays as it is."""
    count = len(covariance) - 1
    centre = np.eye(count + 1)
    if count:
        centre[:count, :count] -= 1 / count
    centred: Float[np.ndarray, "M1 M1"] = centre @ covariance @ centre.T
    return centred


def _climb(
    faced: Float[np.ndarray, "G M1"],
    games: Float[np.ndarray, " G"],
    points: Float[np.ndarray, " G"],
    pull: Float[np.ndarray, " M1"],
) -> Float[np.ndarray, " M1"]:
    """Newton's method on the log-posterior, which is concave; a step that does not climb is halved."""
    found = np.zeros(faced.shape[1])
    height = _log_posterior(found, faced, games, points, pull)
    for _ in range(100):
        chance = _sigmoid(faced @ found)
        slope = faced.T @ (points - games * chance) - pull * found
        step = np.linalg.solve(_information(faced, games, chance, pull), slope)
        while (higher := _log_posterior(found + step, faced, games, points, pull)) < height - 1e-9:
            step /= 2
        found, height = found + step, higher
        if np.max(np.abs(step)) < 1e-8:
            break
    return found


def _log_posterior(
    at: Float[np.ndarray, " M1"],
    faced: Float[np.ndarray, "G M1"],
    games: Float[np.ndarray, " G"],
    points: Float[np.ndarray, " G"],
    pull: Float[np.ndarray, " M1"],
) -> float:
    odds = faced @ at
    return float(points @ odds - games @ np.logaddexp(0.0, odds) - 0.5 * pull @ at**2)


def _information(
    faced: Float[np.ndarray, "G M1"],
    games: Float[np.ndarray, " G"],
    chance: Float[np.ndarray, " G"],
    pull: Float[np.ndarray, " M1"],
) -> Float[np.ndarray, "M1 M1"]:
    weighted = faced * (games * chance * (1 - chance))[:, None]
    result: Float[np.ndarray, "M1 M1"] = faced.T @ weighted + np.diag(pull)
    return result


def _sigmoid(odds: Float[np.ndarray, " G"]) -> Float[np.ndarray, " G"]:
    chance: Float[np.ndarray, " G"] = np.exp(-np.logaddexp(0.0, -odds))
    return chance
