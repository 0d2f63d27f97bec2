"""Matches and votes, kept in a database so that an answered vote is never lost.

A vote is taken for a match that was issued to the same voter, less than LIFE ago. The same vote for the same match
again is the retry of a bad connection and changes nothing; another one is refused, since names were shown after the
first. A vote can be withdrawn; its match is not asked again, for the same reason. Matches without a vote are
forgotten after LIFE. This module does not choose matches and draws no coins but the token's.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from hanmo.errors import RequestError
from hanmo.evaluate.arena.games import VERDICTS, Game, Verdict
from hanmo.evaluate.arena.matches import Pair, pair_of
from hanmo.evaluate.arena.sources import Question
from hanmo.evaluate.arena.tables import matches, models, prompts, voters, votes

LIFE = 3600.0
"""Seconds that a match waits for its vote."""


class Refused(RequestError):  # noqa: N818 - what happened to the vote
    """A vote that is not taken: its match is unknown, of another voter, too old, or has a vote already."""


@dataclass(frozen=True)
class Match:
    """A pair of pictures that a voter is shown.

    Attributes:
        token: what the voter knows it by; says nothing.
        prompt: id.
        left: model on the left.
        right: model on the right.
        left_picture: name of the left picture among the model's.
        right_picture: name of the right one.
    """

    token: str
    prompt: str
    left: str
    right: str
    left_picture: str
    right_picture: str

    @property
    def pair(self) -> Pair:
        """Its models."""
        return pair_of(self.left, self.right)


@dataclass(frozen=True)
class Vote:
    """A vote that counts.

    Attributes:
        number: in the order of casting.
        voter: hash of the voter's cookie.
        prompt: id.
        category: of the prompt.
        left: model on the left.
        right: model on the right.
        verdict: what was said.
        cast: when, in seconds since 1970.
    """

    number: int
    voter: str
    prompt: str
    category: str
    left: str
    right: str
    verdict: Verdict
    cast: float

    @property
    def game(self) -> Game:
        """For the ratings."""
        return Game(self.left, self.right, self.verdict)


def voter_hash(cookie: str) -> str:
    """What the database knows a voter by: whoever reads it cannot vote in the voter's place."""
    return hashlib.sha256(cookie.encode()).hexdigest()


class Ballots:
    """Matches and votes in a database.

    Args:
        engine: of `tables.open_database`.
        clock: seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def admit(self, names: Iterable[str], questions: Iterable[Question]) -> None:
        """Make models and prompts known, where they are not.

        Raises:
            RequestError: the database has another text for a prompt: its votes are about something else.
        """
        with self._engine.begin() as link:
            known = set(link.scalars(select(models.c.name)))
            new = [{"name": name, "since": self._clock()} for name in names if name not in known]
            if new:
                link.execute(insert(models), new)
            texts = {row.id: row.text for row in link.execute(select(prompts.c.id, prompts.c.text))}
            rows = []
            for one in questions:
                if texts.get(one.id, one.text) != one.text:
                    raise RequestError(
                        f"the database has votes on another prompt {one.id!r}: give this arena a database of its own"
                    )
                if one.id not in texts:
                    rows.append({"id": one.id, "text": one.text, "category": one.group})
            if rows:
                link.execute(insert(prompts), rows)

    def greet(self, voter: str, name: str | None = None) -> None:
        """Make a voter known, or give one a name of at most 40 characters."""
        with self._engine.begin() as link:
            if name is not None:
                name = " ".join("".join(c if c.isprintable() else " " for c in name).split())[:40]
            if link.scalar(select(voters.c.id).where(voters.c.id == voter)) is None:
                link.execute(insert(voters).values(id=voter, name=name, since=self._clock()))
            elif name is not None:
                link.execute(update(voters).where(voters.c.id == voter).values(name=name))

    def waiting(self, voter: str) -> list[Match]:
        """Matches that the voter was given and has not judged, oldest first; those too old are forgotten."""
        self._forget()
        with self._engine.begin() as link:
            rows = link.execute(_open().where(matches.c.voter == voter).order_by(matches.c.issued))
            return [_match(row) for row in rows]

    def outstanding(self) -> Counter[Pair]:
        """Matches that somebody is looking at, by pair."""
        with self._engine.begin() as link:
            rows = link.execute(_open().where(matches.c.issued >= self._clock() - LIFE)).all()
        return Counter((row.first, row.second) for row in rows)

    def seen(self, voter: str) -> dict[Pair, set[str]]:
        """Prompts that the voter was shown, by pair."""
        found: dict[Pair, set[str]] = {}
        with self._engine.begin() as link:
            for row in link.execute(
                select(matches.c.first, matches.c.second, matches.c.prompt).where(matches.c.voter == voter)
            ):
                found.setdefault((row.first, row.second), set()).add(row.prompt)
        return found

    def shown(self, pair: Pair | None = None) -> dict[str, int]:
        """How often each prompt was shown: with this pair, or at all."""
        query = select(matches.c.prompt, func.count()).group_by(matches.c.prompt)
        if pair is not None:
            query = query.where(and_(matches.c.first == pair[0], matches.c.second == pair[1]))
        with self._engine.begin() as link:
            return {prompt: count for prompt, count in link.execute(query)}

    def issue(self, voter: str, prompt: str, seats: Pair, pictures: Pair) -> Match | None:
        """Give a voter a match.

        Args:
            voter: known by `greet`.
            prompt: id.
            seats: models, left and right.
            pictures: theirs.

        Returns:
            None if another request of the same voter has just been given the same.
        """
        match = Match(secrets.token_urlsafe(18), prompt, *seats, *pictures)
        first, second = match.pair
        row = vars(match) | {"voter": voter, "first": first, "second": second, "issued": self._clock()}
        try:
            with self._engine.begin() as link:
                link.execute(insert(matches).values(**row))
        except IntegrityError:
            return None
        return match

    def match(self, token: str, voter: str) -> Match:
        """The match of a token.

        Raises:
            Refused: there is none, or it was issued to somebody else.
        """
        with self._engine.begin() as link:
            return _match(_row(link, token, voter))

    def cast(self, token: str, voter: str, verdict: Verdict) -> Match:
        """Take a vote.

        Raises:
            Refused: see `Refused`.
        """
        if verdict not in VERDICTS:
            raise Refused(f"{verdict!r} is no vote: say one of {', '.join(VERDICTS)}")
        try:
            with self._engine.begin() as link:
                row = _row(link, token, voter)
                before = link.execute(select(votes).where(votes.c.token == token)).one_or_none()
                if before is None:
                    if row.issued < self._clock() - LIFE:
                        raise Refused("this match is too old: go on with a new one")
                    link.execute(insert(votes).values(token=token, verdict=verdict, cast=self._clock()))
                elif before.verdict != verdict or before.withdrawn is not None:
                    raise Refused("this match has been judged already: go on with the next one")
                return _match(row)
        except IntegrityError:  # two requests at the same moment: the other one was first
            return self.cast(token, voter, verdict)

    def withdraw(self, voter: str) -> Match | None:
        """Take back the voter's last vote.

        Returns:
            Its match; None if there is no vote to withdraw.
        """
        with self._engine.begin() as link:
            number = link.scalar(
                select(func.max(votes.c.number))
                .join(matches, matches.c.token == votes.c.token)
                .where(matches.c.voter == voter, votes.c.withdrawn.is_(None))
            )
            if number is None:
                return None
            link.execute(update(votes).where(votes.c.number == number).values(withdrawn=self._clock()))
            row = link.execute(
                select(matches).join(votes, matches.c.token == votes.c.token).where(votes.c.number == number)
            ).one()
            return _match(row)

    def state(self) -> tuple[int, int]:
        """Changes whenever the votes that count change: how many were cast, how many withdrawn."""
        with self._engine.begin() as link:
            row = link.execute(select(func.count(votes.c.number), func.count(votes.c.withdrawn))).one()
            return int(row[0]), int(row[1])

    def votes(self) -> list[Vote]:
        """All votes that count, oldest first."""
        query = (
            select(
                votes.c.number,
                matches.c.voter,
                matches.c.prompt,
                prompts.c.category,
                matches.c.left,
                matches.c.right,
                votes.c.verdict,
                votes.c.cast,
            )
            .join_from(votes, matches, matches.c.token == votes.c.token)
            .join(prompts, prompts.c.id == matches.c.prompt)
            .where(votes.c.withdrawn.is_(None))
            .order_by(votes.c.number)
        )
        with self._engine.begin() as link:
            return [Vote(*row) for row in link.execute(query)]

    def cast_by(self, voter: str) -> int:
        """How many votes of this voter count."""
        query = (
            select(func.count())
            .select_from(votes)
            .join(matches, matches.c.token == votes.c.token)
            .where(matches.c.voter == voter, votes.c.withdrawn.is_(None))
        )
        with self._engine.begin() as link:
            return int(link.scalar(query) or 0)

    def names(self) -> list[str]:
        """All models that were ever admitted."""
        with self._engine.begin() as link:
            return list(link.scalars(select(models.c.name).order_by(models.c.name)))

    def voter_names(self) -> Mapping[str, str]:
        """Names by voter, of those who gave one."""
        with self._engine.begin() as link:
            rows = link.execute(select(voters.c.id, voters.c.name).where(voters.c.name.is_not(None)))
            return {row.id: row.name for row in rows}

    def _forget(self) -> None:
        judged = select(votes.c.token)
        with self._engine.begin() as link:
            link.execute(delete(matches).where(matches.c.issued < self._clock() - LIFE, matches.c.token.not_in(judged)))


def _open() -> Any:
    return select(matches).outerjoin(votes, votes.c.token == matches.c.token).where(votes.c.number.is_(None))


def _row(link: Connection, token: str, voter: str) -> Any:
    row = link.execute(select(matches).where(matches.c.token == token, matches.c.voter == voter)).one_or_none()
    if row is None:
        raise Refused("this match is not known, or too old: go on with a new one")
    return row


def _match(row: Any) -> Match:
    return Match(row.token, row.prompt, row.left, row.right, row.left_picture, row.right_picture)
