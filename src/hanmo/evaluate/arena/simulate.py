"""Voters with known tastes, to see whether the arena finds the ranking that was planted (report section 5.1).

A simulated voter gives the left model p = sigmoid(difference + advantage) points on average: p is split into wins
and half wins so that ties are most frequent between equals. `play` has the matches that the arena itself would
choose, `drawn` pairs by lot, which is faster. This module knows neither the database nor the pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from hanmo.errors import RequestError
from hanmo.evaluate.arena.bradley_terry import POINTS_PER_UNIT, Fit, fit
from hanmo.evaluate.arena.elo import START
from hanmo.evaluate.arena.games import Game, Tally, Verdict, tallied
from hanmo.evaluate.arena.matches import Pair, choose_pair, seated


@dataclass(frozen=True)
class Taste:
    """What simulated voters do.

    Attributes:
        ties: how readily they call a tie, 0-1: the share of ties between equal models.
        bad: the share of ties that are "both bad", 0-1.
        advantage: what the left side is worth to them, in rating points.
    """

    ties: float = 0.2
    bad: float = 0.3
    advantage: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares outside 0-1."""
        for name in ("ties", "bad"):
            if not 0 <= getattr(self, name) <= 1:
                raise RequestError(f"the share of {name} is {getattr(self, name)}; it must be from 0 to 1")


def verdict(difference: float, taste: Taste, generator: np.random.Generator) -> Verdict:
    """One vote.

    Args:
        difference: of the ratings, left less right.
        taste: of the voter.
        generator: of the voter.
    """
    chance, tied = _chances(difference, taste)
    lot = generator.random()
    if lot < tied:
        return "bad" if generator.random() < taste.bad else "tie"
    return "left" if lot < tied / 2 + chance else "right"


def _chances(difference: float, taste: Taste) -> tuple[float, float]:
    """The left model's points on average, and the share of ties."""
    chance = 1 / (1 + math.exp(-(difference + taste.advantage) / POINTS_PER_UNIT))
    return chance, taste.ties * 2 * min(chance, 1 - chance)


def play(
    truth: Mapping[str, float],
    votes: int,
    generator: np.random.Generator,
    taste: Taste | None = None,
    every: int = 50,
    waiting: int = 1,
) -> list[Game]:
    """Votes on matches that the arena chooses.

    Args:
        truth: the planted ratings.
        votes: how many.
        generator: of all coins.
        taste: of all voters.
        every: votes between two fits of the ratings.
        waiting: voters who look at a match at the same time.
    """
    taste = taste or Taste()
    names = sorted(truth)
    allowed = ~np.eye(len(names), dtype=bool)
    games: list[Game] = []
    known = fit(names, [])
    tables: list[Pair] = []
    since: dict[Pair, int] = {}  # games after the last fit count as outstanding: played, and not yet known
    while len(games) < votes:
        while len(tables) < waiting:
            pair = choose_pair(known, since, allowed, generator)
            if pair is None:
                raise RequestError(f"{len(names)} models cannot be compared: give two or more")
            since[pair] = since.get(pair, 0) + 1
            tables.append(pair)
        left, right = seated(tables.pop(int(generator.integers(len(tables)))), generator)
        games.append(Game(left, right, verdict(truth[left] - truth[right], taste, generator)))
        if len(games) % every == 0:
            known, since = fit(names, tallied(games)), {}
            for pair in tables:
                since[pair] = since.get(pair, 0) + 1
    return games


def drawn(
    truth: Mapping[str, float], votes: int, generator: np.random.Generator, taste: Taste | None = None
) -> list[Tally]:
    """Votes on pairs drawn by lot, as tallies.

    Args:
        truth: the planted ratings.
        votes: how many.
        generator: of all coins.
        taste: of all voters.
    """
    taste, names = taste or Taste(), sorted(truth)
    seats = [(left, right) for left in names for right in names if left != right]
    tallies = []
    for (left, right), games in zip(
        seats, generator.multinomial(votes, np.full(len(seats), 1 / len(seats))), strict=True
    ):
        chance, tied = _chances(truth[left] - truth[right], taste)
        shares = (chance - tied / 2, 1 - chance - tied / 2, tied * (1 - taste.bad), tied * taste.bad)
        if games:
            tallies.append(Tally(left, right, *(int(n) for n in generator.multinomial(games, shares))))
    return tallies


def planted(models: int, spread: float, generator: np.random.Generator) -> dict[str, float]:
    """Ratings to plant: even steps in a shuffled order, mean 1000.

    Args:
        models: how many; 2 or more.
        spread: rating points from the best to the worst.
        generator: shuffles.
    """
    if models < 2:
        raise RequestError(f"{models} models cannot be compared: give two or more")
    ratings = START + np.linspace(spread / 2, -spread / 2, models)
    width = len(str(models))
    return {
        f"model-{number + 1:0{width}}": float(rating) for number, rating in enumerate(generator.permutation(ratings))
    }


@dataclass(frozen=True)
class Coverage:
    """How often the intervals held the truth.

    Attributes:
        held: intervals that held it.
        intervals: how many there were.
        errors: root of the mean squared error of the ratings, in points.
        order: share of the runs in which the models came out in the planted order.
    """

    held: int
    intervals: int
    errors: float
    order: float

    @property
    def share(self) -> float:
        """Of the intervals, 0-1; 0.95 is what they state."""
        return self.held / self.intervals if self.intervals else 0.0


def coverage(
    truth: Mapping[str, float],
    votes: int,
    runs: int,
    generator: np.random.Generator,
    taste: Taste | None = None,
    chosen: bool = True,
) -> Coverage:
    """Repeat a simulation and count.

    Args:
        truth: the planted ratings.
        votes: of one run.
        runs: how many.
        generator: of all coins.
        taste: of all voters.
        chosen: have the matches that the arena would choose, not drawn by lot.
    """
    names = sorted(truth)
    wanted = centred(truth, names)
    total = Coverage(0, 0, 0.0, 0.0)
    for _ in range(runs):
        tallies = tallied(play(truth, votes, generator, taste)) if chosen else drawn(truth, votes, generator, taste)
        found = fit(names, tallies)
        total = replace(
            total,
            held=total.held + int(np.sum(inside(found, wanted))),
            intervals=total.intervals + len(names),
            errors=total.errors + float(np.mean((found.ratings - wanted) ** 2)) / runs,
            order=total.order + bool(np.array_equal(np.argsort(found.ratings), np.argsort(wanted))) / runs,
        )
    return replace(total, errors=float(np.sqrt(total.errors)))


def centred(truth: Mapping[str, float], names: Sequence[str]) -> Float[np.ndarray, " M"]:
    """Planted ratings in the order of `names`, with the mean that fitted ones have."""
    values = np.array([truth[name] for name in names])
    shifted: Float[np.ndarray, " M"] = values - values.mean() + START
    return shifted


def inside(found: Fit, wanted: Float[np.ndarray, " M"]) -> Bool[np.ndarray, " M"]:
    """Whether each 95 % interval holds the wanted rating."""
    held: Bool[np.ndarray, " M"] = np.abs(found.ratings - wanted) <= found.margins
    return held
