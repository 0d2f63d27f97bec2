"""The board and the votes as JSON and CSV, for other programs.

Voters are numbered in the order of their first vote: what leaves the arena is not their cookie, and their name only
where the one who runs it asks for names.
Cells that a spreadsheet would take for a formula begin with an apostrophe.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from hanmo.evaluate.arena.ratings import Board
from hanmo.evaluate.arena.votes import Vote

Format: TypeAlias = Literal["json", "csv"]


def board_rows(board: Board) -> list[dict[str, Any]]:
    """A mapping for each model, best first; numbers rounded to what they mean."""
    rows = []
    for row in board.to_dict()["standings"]:
        rows.append({key: _short(key, value) for key, value in row.items()})
    return rows


def vote_rows(votes: Sequence[Vote], names: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """A mapping for each vote, oldest first.

    Args:
        votes: oldest first.
        names: by voter; adds the column `name`. None leaves it out.
    """
    numbers: dict[str, int] = {}
    rows = [
        {
            "vote": vote.number,
            "cast": datetime.fromtimestamp(vote.cast, UTC).isoformat(timespec="seconds"),
            "voter": numbers.setdefault(vote.voter, len(numbers) + 1),
            "prompt": vote.prompt,
            "category": vote.category,
            "left": vote.left,
            "right": vote.right,
            "verdict": vote.verdict,
        }
        for vote in votes
    ]
    if names is not None:
        for row, vote in zip(rows, votes, strict=True):
            row["name"] = names.get(vote.voter, "")
    return rows


def board_text(board: Board, form: Format) -> str:
    """The board as a file; as JSON with the advantage of the left side and the counts."""
    if form == "csv":
        return _csv(board_rows(board))
    return _json(board.to_dict() | {"standings": board_rows(board)})


def votes_text(votes: Sequence[Vote], form: Format, names: Mapping[str, str] | None = None) -> str:
    """The votes as a file; `names` as in `vote_rows`."""
    rows = vote_rows(votes, names)
    columns = _VOTE if names is None else (*_VOTE, "name")
    return _csv(rows, columns) if form == "csv" else _json(rows)


_VOTE = ("vote", "cast", "voter", "prompt", "category", "left", "right", "verdict")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns or list(rows[0] if rows else ()), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _short(key: str, value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return round(value, 4 if key.endswith(("rate", "share")) else 1)
