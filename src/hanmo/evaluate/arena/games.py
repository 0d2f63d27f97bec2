"""A vote as a game between two models, and many games as tallies (report section 5.1).

The picture on the left plays against the one on the right. A tie is half a win for each. "Both bad" says that the
two are equal too, so for the ratings it is a tie; as a judgement of quality it is counted apart.
This module knows neither ratings nor voters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Verdict: TypeAlias = Literal["left", "right", "tie", "bad"]
"""What a voter may say; "bad": both are bad."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
POINTS: Mapping[Verdict, float] = {"left": 1.0, "right": 0.0, "tie": 0.5, "bad": 0.5}
"""Points of the left model; the right one has the rest of 1."""


@dataclass(frozen=True)
class Game:
    """One vote.

    Attributes:
        left: the model whose picture stood on the left.
        right: the other one.
        verdict: what the voter said.
    """

    left: str
    right: str
    verdict: Verdict


@dataclass(frozen=True)
class Tally:
    """All games of two models with the same one on the left.

    Attributes:
        left: model on the left.
        right: model on the right.
        wins: games that the left one won.
        losses: games that the right one won.
        ties: games where both were said to be equally good.
        bad: games where both were said to be bad.
    """

    left: str
    right: str
    wins: int = 0
    losses: int = 0
    ties: int = 0
    bad: int = 0

    @property
    def games(self) -> int:
        """How many there are."""
        return self.wins + self.losses + self.ties + self.bad

    @property
    def points(self) -> float:
        """The sum of the left model's points."""
        return self.wins + (self.ties + self.bad) / 2

    @property
    def squares(self) -> float:
        """The sum of the squares of the left model's points, which their variance needs."""
        return self.wins + (self.ties + self.bad) / 4


def tallied(games: Iterable[Game]) -> list[Tally]:
    """Count games by who stood where.

    Returns:
        In the order of the models' names.
    """
    counts = Counter((game.left, game.right, game.verdict) for game in games)
    pairs = sorted({(left, right) for left, right, _ in counts})
    return [Tally(*pair, *(counts[(*pair, verdict)] for verdict in VERDICTS)) for pair in pairs]


def known_names(names: Sequence[str], tallies: Iterable[Tally]) -> dict[str, int]:
    """The place of each model.

    Raises:
        ValueError: a name stands twice, or a tally names a model that is not among them, or plays one with itself.
    """
    place = {name: number for number, name in enumerate(names)}
    if len(place) != len(names):
        raise ValueError(f"a model stands twice among {', '.join(names)}; give each once")
    for tally in tallies:
        if tally.left not in place or tally.right not in place or tally.left == tally.right:
            raise ValueError(f"{tally.left} against {tally.right} is no game of the models {', '.join(names)}")
    return place
