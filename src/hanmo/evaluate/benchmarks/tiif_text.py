"""TIIF-Bench, how well single words are written (arXiv 2506.02161): what an OCR judge read against what was wanted.

Both sides are lists of words in small letters. NED of two words is their edit distance divided by the longer length.

    GNED    (least sum of NED over pairs, each word in one pair at most, + difference of the lengths) / longer length;
            0 where all words are there and nothing else, 1 where nothing is: lower is better
    recall  the share of wanted words that can be paired with a word of NED 0.3 or less

The official script, which `official_compat` reproduces: lines are cut at single blanks, so that two blanks leave an
empty word, and a picture without text has one empty word; for recall each wanted word takes the first word that is
near enough, which may leave nothing for the next. Here words are cut at white space, and recall pairs as many as can
be paired.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hanmo.evaluate.text import levenshtein

NEAR = 0.3
"""The largest NED of words that count as the same."""


def words_of(lines: Sequence[str], official_compat: bool = False) -> list[str]:
    """The words of some lines, in small letters; `official_compat`: see above."""
    small = [line.lower() for line in lines]
    if official_compat:
        return [word for line in small or [""] for word in line.split(" ")]
    return [word for line in small for word in line.split()]


def normalised_distance(a: str, b: str) -> float:
    """NED, 0-1; 0 for two empty words."""
    return levenshtein(a, b) / max(len(a), len(b), 1)


def gned(wanted: Sequence[str], read: Sequence[str]) -> float:
    """GNED, 0-1; 0 where nothing was wanted and nothing read."""
    longer = max(len(wanted), len(read))
    if longer == 0:
        return 0.0
    return (_least_sum(_distances(wanted, read)) + abs(len(wanted) - len(read))) / longer


def recall(wanted: Sequence[str], read: Sequence[str], official_compat: bool = False) -> float:
    """The share of wanted words that are there, 0-1.

    Args:
        wanted: one word or more.
        read: words.
        official_compat: pair greedily, see above.
    """
    near = _distances(wanted, read) <= NEAR
    if not official_compat:
        return (min(len(wanted), len(read)) - round(_least_sum(1.0 - near))) / len(wanted)
    free = np.ones(len(read), dtype=bool)
    paired = 0
    for row in near:
        first = np.flatnonzero(row & free)[:1]
        free[first] = False
        paired += len(first)
    return paired / len(wanted)


def _distances(wanted: Sequence[str], read: Sequence[str]) -> Float[np.ndarray, "wanted read"]:
    table = [[normalised_distance(a, b) for b in read] for a in wanted]
    return np.array(table, dtype=np.float64).reshape(len(wanted), len(read))


def _least_sum(costs: Float[np.ndarray, "rows columns"]) -> float:
    """The least sum of costs over pairs of a row and a column, as many pairs as there can be."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].sum())
