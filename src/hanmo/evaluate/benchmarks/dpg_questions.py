"""DPG-Bench's table of questions: which are asked of a prompt's pictures, and which presuppose which.

One row a question, `item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,
question_natural_language`, as in the Davidsonian Scene Graph's own data. `dependency` lists the questions, by
`proposition_id`, whose answer must be yes for this one to make sense ("0": none), such as "1,3"; `tuple` is
"attribute - color (cube, red)", of which the part before the dash is the category of the paper's tables. A
question that stands twice counts once, with its last row. This module does not know pictures, judges or scores.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hanmo.errors import RequestError
from hanmo.evaluate.types import Json

COLUMNS = ("item_id", "proposition_id", "dependency", "tuple", "question_natural_language")


@dataclass(frozen=True)
class Question:
    """One question about a picture, to be answered with yes or no.

    Attributes:
        id: unique within its prompt, from 1.
        parents: ids of the questions that it presupposes.
        category: "global", "entity", "attribute", "relation" or "other".
        text: what is asked.
    """

    id: int
    parents: tuple[int, ...]
    category: str
    text: str

    def to_dict(self) -> dict[str, Json]:
        """A mapping that `json.dumps` takes and `from_dict` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Json]) -> Question:
        """What `to_dict` wrote."""
        return cls(data["id"], tuple(data["parents"]), data["category"], data["text"])


def read(path: Path, *, official_compat: bool = False) -> dict[str, list[Question]]:
    """Questions by the prompt's id, in the order of the file.

    Args:
        path: the official `dpg_bench.csv`.
        official_compat: as the official script reads it: without the first question; and of a prompt whose rows do not
            stand together, with the last group of rows only.

    Raises:
        RequestError: a missing column, or an id that is not a number, with its line.
    """
    table: dict[str, dict[int, Question]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
        if missing:
            raise RequestError(f"{path} has no column {missing[0]!r}: it must be DPG-Bench's dpg_bench.csv")
        last = None
        for number, row in enumerate(rows):
            if official_compat and number == 0:
                continue
            item = row["item_id"]
            if item not in table or (official_compat and item != last):
                table[item] = {}
            question = _question(row, f"{path}, line {rows.line_num}")
            table[item][question.id] = question
            last = item
    return {item: list(questions.values()) for item, questions in table.items()}


def _question(row: Mapping[str, str], where: str) -> Question:
    """One row of the table."""
    try:
        return Question(
            id=int(row["proposition_id"]),
            parents=tuple(parent for parent in _numbers(row["dependency"].split(",")) if parent != 0),
            category=row["tuple"].split("(")[0].split("-")[0].strip().lower(),
            text=row["question_natural_language"],
        )
    except (ValueError, AttributeError):
        raise RequestError(
            f"{where}: proposition_id {row['proposition_id']!r} and dependency {row['dependency']!r} must be a number "
            f'and numbers with commas, such as 3 and "1,2"'
        ) from None


def _numbers(words: Iterable[str]) -> list[int]:
    return [int(word) for word in words]
