"""The board: how the models stand after the votes so far (report section 5.1).

Models are ranked by Bradley-Terry; Elo stands beside it. Two models whose intervals touch cannot be told apart, so
each has, besides its rank, the range of ranks it may have: 1 + those surely above it, to the count less those surely
below it. This module does not know where votes come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hanmo.evaluate.arena.bradley_terry import fit
from hanmo.evaluate.arena.elo import elo, elo_intervals
from hanmo.evaluate.arena.games import Game, tallied


@dataclass(frozen=True)
class Standing:
    """How one model stands.

    Attributes:
        name: the model.
        rank: by rating, from 1; models without a game come last.
        best: best rank that its interval allows.
        worst: worst rank that its interval allows.
        rating: Bradley-Terry, mean 1000 over the models.
        low: lower end of its 95 % interval.
        high: upper end.
        elo: sequential rating.
        elo_low: lower end of its 95 % bootstrap interval.
        elo_high: upper end.
        games: votes it took part in.
        wins: votes for it.
        losses: votes for the other.
        ties: votes for neither, both being good enough.
        bad: votes that found both bad.
    """

    name: str
    rank: int
    best: int
    worst: int
    rating: float
    low: float
    high: float
    elo: float
    elo_low: float
    elo_high: float
    games: int
    wins: int
    losses: int
    ties: int
    bad: int

    @property
    def win_rate(self) -> float | None:
        """Its share of the points, 0-1, ties being half; None without a game."""
        return (self.wins + (self.ties + self.bad) / 2) / self.games if self.games else None

    @property
    def bad_share(self) -> float | None:
        """The share of its games in which both were found bad, 0-1; None without a game."""
        return self.bad / self.games if self.games else None


@dataclass(frozen=True)
class Board:
    """All models, best first.

    Attributes:
        standings: one for each model.
        votes: how many were counted.
        bad: how many of them found both bad.
        left_advantage: what the left side is worth in rating points: value, low, high.
    """

    standings: tuple[Standing, ...]
    votes: int
    bad: int
    left_advantage: tuple[float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """A mapping that `json.dumps` takes."""
        rows = [asdict(one) | {"win_rate": one.win_rate, "bad_share": one.bad_share} for one in self.standings]
        return asdict(self) | {
            "standings": rows,
            "left_advantage": list(self.left_advantage),
            "bad_share": self.bad / self.votes if self.votes else None,
        }


def board(names: Sequence[str], games: Sequence[Game], seed: int = 0, rounds: int = 200) -> Board:
    """Rank the models.

    Args:
        names: all models, also those without a game.
        games: all votes, oldest first.
        seed: of the bootstrap of Elo's intervals.
        rounds: of that bootstrap.
    """
    tallies = tallied(games)
    found = fit(names, tallies)
    ratings, margins = found.ratings, found.margins
    sequential = elo(names, games)
    spread = elo_intervals(names, games, np.random.default_rng(seed), rounds)
    order = sorted(range(len(names)), key=lambda n: (found.games[n] == 0, -ratings[n], names[n]))
    standings = []
    for rank, number in enumerate(order, start=1):
        name = names[number]
        sides = [(t, t.left == name) for t in tallies if name in (t.left, t.right)]
        above = int(np.sum(ratings - margins > ratings[number] + margins[number]))
        below = int(np.sum(ratings + margins < ratings[number] - margins[number]))
        standings.append(
            Standing(
                name=name,
                rank=rank,
                best=1 + above,
                worst=len(names) - below,
                rating=float(ratings[number]),
                low=float(ratings[number] - margins[number]),
                high=float(ratings[number] + margins[number]),
                elo=sequential[name],
                elo_low=spread[name][0],
                elo_high=spread[name][1],
                games=sum(t.games for t, _ in sides),
                wins=sum(t.wins if is_left else t.losses for t, is_left in sides),
                losses=sum(t.losses if is_left else t.wins for t, is_left in sides),
                ties=sum(t.ties for t, _ in sides),
                bad=sum(t.bad for t, _ in sides),
            )
        )
    bad = sum(tally.bad for tally in tallies)
    return Board(tuple(standings), len(games), bad, found.left_advantage)
