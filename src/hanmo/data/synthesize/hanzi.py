"""The 8,105 characters of 通用规范汉字表 (report section 3.4: rare characters are rendered too).

The table has three tiers: 3,500 characters for everyday, 3,000 for publishing, 1,605 for names and terms. 196
of them lie outside Unicode's basic plane. `share` deals them out over a set of pictures so that each appears
at least so many times, as a function of the picture's index alone: whatever order pictures are made in, by
however many processes, the set is the same. This module does not know fonts, layouts or captions.
"""

from __future__ import annotations

import random
from functools import cache
from importlib import resources

from hanmo.errors import RequestError

TIERS = (3500, 3000, 1605)


@cache
def hanzi() -> str:
    """The 8,105 characters in the table's order."""
    text = resources.files(__package__).joinpath("hanzi.txt").read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines() if not line.startswith("#"))


@cache
def tiers() -> tuple[str, str, str]:
    """The three tiers, in the table's order."""
    first, second = TIERS[0], TIERS[0] + TIERS[1]
    return hanzi()[:first], hanzi()[first:second], hanzi()[second:]


def share(index: int, pictures: int, times: int, seed: int) -> str:
    """The characters that picture `index` of a set must show so that each of the 8,105 appears `times` times.

    The table is shuffled `times` times, and the shuffles laid end to end are cut into `pictures` equal shares
    (equal to one character). A picture meets a character twice only where its share spans two shuffles.

    Args:
        index: The picture, 0 to `pictures` - 1.
        pictures: How many pictures the set has, 1 or more.
        times: How often each character appears over the set, 1 or more.
        seed: Another seed, another order.

    Raises:
        RequestError: A number outside its range.
    """
    if pictures < 1 or times < 1:
        raise RequestError(f"{pictures} pictures that show each character {times} times: give 1 or more of both")
    if not 0 <= index < pictures:
        raise RequestError(f"picture {index} is not in a set of {pictures}; count from 0 to {pictures - 1}")
    size = len(hanzi())
    start, stop = (step * times * size // pictures for step in (index, index + 1))
    rounds = range(start // size, (stop - 1) // size + 1)
    dealt = "".join(_shuffled(seed, turn) for turn in rounds)
    return dealt[start - rounds.start * size : stop - rounds.start * size] if stop > start else ""


@cache
def _shuffled(seed: int, turn: int) -> str:
    order = list(hanzi())
    random.Random(f"hanzi {seed} {turn}").shuffle(order)
    return "".join(order)
