"""The rules of the arena: what a voter is shown, what a vote does, how the models stand (report section 5.1).

A voter who asks again gets what is still waiting, so that nobody can look through matches until one pleases. The
models' names leave this module only with a vote's answer and with the board. It does not know the web.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hanmo.errors import RequestError
from hanmo.evaluate.arena.bradley_terry import fit
from hanmo.evaluate.arena.games import Verdict, tallied
from hanmo.evaluate.arena.matches import Pair, choose_pair, choose_prompt, common, seated
from hanmo.evaluate.arena.ratings import Board, board
from hanmo.evaluate.arena.sources import Model, Question
from hanmo.evaluate.arena.votes import Ballots, Match, Vote

ALL = ""
"""The category that holds all prompts."""
ENOUGH = 5
"""Games before a model's rating is shown after a vote."""


@dataclass(frozen=True)
class Shown:
    """A match as a voter may know it.

    Attributes:
        token: its handle.
        question: the prompt's text.
        cast: votes that the voter has cast.
    """

    token: str
    question: str
    cast: int


@dataclass(frozen=True)
class Revealed:
    """What a voter learns by voting.

    Attributes:
        left: the model on the left.
        right: the model on the right.
        left_rating: its rating, this vote included; None in the first votes of an arena, where it says nothing.
        right_rating: of the other.
        cast: votes that the voter has cast.
    """

    left: str
    right: str
    left_rating: float | None
    right_rating: float | None
    cast: int


@dataclass(frozen=True)
class _Computed:
    """A board, the votes it is of, and until when it will do: large ones are not computed for each visitor."""

    board: Board
    state: tuple[int, int]
    until: float


class Referee:
    """An arena.

    Args:
        models: two or more, with names that differ.
        questions: the prompts.
        ballots: the votes.
        seed: of the coins.

    Raises:
        RequestError: fewer than two models, or a name that stands twice.
    """

    def __init__(self, models: Sequence[Model], questions: Sequence[Question], ballots: Ballots, seed: int = 0) -> None:
        self.models = {model.name: model for model in models}
        if len(self.models) != len(models) or len(models) < 2:
            raise RequestError(f"an arena needs two models of different names; given: {[m.name for m in models]}")
        self.questions = {question.id: question for question in questions}
        self.ballots = ballots
        ballots.admit(list(self.models), questions)
        self._lock = threading.Lock()
        self._coins = np.random.default_rng([seed, *ballots.state()])
        self._votes: tuple[tuple[int, int], list[Vote]] = ((0, 0), [])
        self._boards: dict[str, _Computed] = {}

    @property
    def categories(self) -> list[str]:
        """Categories of the prompts, in their order; none where all prompts have the same."""
        found = list(dict.fromkeys(question.group for question in self.questions.values() if question.group))
        return found if len(found) > 1 else []

    def next(self, voter: str, held: Collection[str] = ()) -> Shown | None:
        """A match for a voter.

        Args:
            voter: who asks.
            held: tokens that the page has already, such as the one that is being looked at.

        Returns:
            None where the voter has seen everything there is.
        """
        with self._lock:
            self.ballots.greet(voter)
            cast = self.ballots.cast_by(voter)
            for match in self.ballots.waiting(voter):
                if match.token not in held and self._alive(match):
                    return self._shown(match, cast)
            for _ in range(3):  # another process may have given the same voter the same pair
                chosen = self._choose(voter)
                if chosen is None:
                    return None
                prompt, pair = chosen
                seats = seated(pair, self._coins)
                issued = self.ballots.issue(voter, prompt, seats, self._draw(prompt, seats))
                if issued is not None:
                    return self._shown(issued, cast)
            return None

    def vote(self, voter: str, token: str, verdict: Verdict) -> Revealed:
        """Take a vote, and say who painted.

        Raises:
            Refused: see `votes.Refused`.
        """
        match = self.ballots.cast(token, voter, verdict)
        found = fit(self.ballots.names(), tallied([vote.game for vote in self.votes()]))
        known = {
            name: float(rating)
            for name, rating, games in zip(found.names, found.ratings, found.games, strict=True)
            if games >= ENOUGH
        }
        cast = self.ballots.cast_by(voter)
        return Revealed(match.left, match.right, known.get(match.left), known.get(match.right), cast)

    def withdraw(self, voter: str) -> bool:
        """Take back the voter's last vote; False where there is none."""
        return self.ballots.withdraw(voter) is not None

    def picture(self, voter: str, token: str, side: str) -> Path:
        """The file of a picture that a voter is shown.

        Raises:
            Refused: the voter is shown no such match.
            KeyError: the picture is gone.
        """
        match = self.ballots.match(token, voter)
        name, picture = (match.left, match.left_picture) if side == "left" else (match.right, match.right_picture)
        return self.models[name].path(picture)

    def board(self, category: str = ALL) -> Board:
        """How the models stand; models of earlier evenings in the same database included.

        Args:
            category: of the prompts whose votes count; all of them by default.
        """
        state, began = self.ballots.state(), time.monotonic()
        known = self._boards.get(category)
        if known is None or (known.state != state and began > known.until):
            games = [vote.game for vote in self.votes() if category in (ALL, vote.category)]
            found, done = board(self.ballots.names(), games, rounds=100), time.monotonic()
            known = self._boards[category] = _Computed(found, state, done + 5 * (done - began))
        return known.board

    def votes(self) -> list[Vote]:
        """All votes that count, oldest first."""
        state = self.ballots.state()
        if self._votes[0] != state:
            self._votes = (state, self.ballots.votes())
        return self._votes[1]

    def _choose(self, voter: str) -> tuple[str, Pair] | None:
        painted = {name: model.pictures() for name, model in self.models.items() if model.failed is None}
        names = sorted(painted)
        if len(names) < 2:
            return None
        games = [vote.game for vote in self.votes() if vote.left in painted and vote.right in painted]
        seen = self.ballots.seen(voter)
        allowed = common(names, painted, seen)
        pair = choose_pair(fit(names, tallied(games)), self.ballots.outstanding(), allowed, self._coins)
        if pair is None:
            return None
        both = set(painted[pair[0]]) & set(painted[pair[1]]) - seen.get(pair, set())
        candidates = [one for one in self.questions if one in both]
        by_voter: dict[str, int] = {}
        for some in seen.values():
            for one in some:
                by_voter[one] = by_voter.get(one, 0) + 1
        prompt = choose_prompt(candidates, by_voter, self.ballots.shown(pair), self.ballots.shown(), self._coins)
        return prompt, pair

    def _draw(self, prompt: str, seats: Pair) -> Pair:
        """One picture of each: of a seed that both have, if there is one."""
        left, right = ({_seed(one): one for one in self.models[name].pictures()[prompt]} for name in seats)
        both = sorted(set(left) & set(right))
        if both:
            seed = both[self._coins.integers(len(both))]
            return left[seed], right[seed]
        lists = [list(one.values()) for one in (left, right)]
        one, other = (some[self._coins.integers(len(some))] for some in lists)
        return one, other

    def _alive(self, match: Match) -> bool:
        """Whether its models still take part: a database may know others."""
        return all(
            name in self.models and self.models[name].failed is None and match.prompt in self.questions
            for name in match.pair
        )

    def _shown(self, match: Match, cast: int) -> Shown:
        return Shown(match.token, self.questions[match.prompt].text, cast)


def _seed(picture: str) -> str:
    """What follows the last "-" of a picture's name: its seed, where it has one."""
    return Path(picture).stem.rpartition("-")[2]
