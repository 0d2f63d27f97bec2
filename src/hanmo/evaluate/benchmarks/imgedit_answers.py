"""Reading the answers of ImgEdit's judge: lines such as `Prompt Compliance: 4`, each with a number from 1 to 5.

The names of the three scores stand in the question itself ("NAME: A number from 1 to 5."). By default each must be
found once, whatever marks a model puts around it (bold, a list's dash, "4/5", "4.5"); an answer without all of them is
malformed. The official parser (`official_mean`) looks only for lines that split in two at ": " and end in digits: a
decimal, a bold number, "4/5" or a full stop loses that score without a word, and the others are averaged.
This module does not know pictures or edits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ASKED = re.compile(r"^(.+?): A number from 1 to 5", re.MULTILINE)
_LINE = re.compile(r"^[\s\-*#•\d.)]*(?P<name>[^:：]*[^\W\d][^:：]*)[:：](?P<rest>.*)$")
_NUMBER = re.compile(r"^\D{0,4}?(\d+(?:\.\d+)?)(?:\s*/\s*5(?:\.0)?)?\D*$")


def asked_names(question: str) -> tuple[str, ...]:
    """The names of the scores that a question asks for, in its order."""
    return tuple(name.strip() for name in _ASKED.findall(question))


def read_scores(said: str, names: Sequence[str]) -> dict[str, float]:
    """The scores of an answer by name, each from 1 to 5.

    Args:
        said: the answer.
        names: what was asked for; case, spaces and marks do not matter.

    Raises:
        ValueError: a score is missing, or out of range.
    """
    found: dict[str, float] = {}
    for line in said.splitlines():
        matched = _LINE.match(line)
        number = _NUMBER.match(matched["rest"].strip()) if matched else None
        if matched and number:
            found[_plain(matched["name"])] = float(number[1])
    scores: dict[str, float] = {}
    for name in names:
        if _plain(name) not in found:
            raise ValueError(f"there is no score {name!r}")
        scores[name] = found[_plain(name)]
        if not 1.0 <= scores[name] <= 5.0:
            raise ValueError(f"{name!r} is {scores[name]:g}, not from 1 to 5")
    return scores


def official_mean(said: str) -> float:
    """The mean of the scores that the official parser finds, rounded to two places.

    Raises:
        ValueError: it finds none.
    """
    parts = [line.strip().split(": ") for line in said.splitlines()]
    scores = [int(part[1]) for part in parts if len(part) == 2 and part[1].isdigit()]
    if not scores:
        raise ValueError("there is no line of a name and a whole number")
    return round(sum(scores) / len(scores), 2)


def _plain(name: str) -> str:
    """The letters of a name, small."""
    return "".join(char for char in name.casefold() if char.isalnum())
