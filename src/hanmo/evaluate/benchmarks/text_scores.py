"""What the benchmarks of written text share (report section 5.2.2): one picture after another, and pooled shares.

This module does not know what a benchmark asks for, nor how it compares texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from PIL import Image

from hanmo.evaluate.judges.protocols import Unjudged
from hanmo.evaluate.types import Json, Score

Finding = tuple[dict[str, float], Json]
"""The values of one picture, and what the judge saw there."""


def each_picture(pictures: Sequence[Image.Image], find: Callable[[Image.Image], Finding]) -> list[Score]:
    """One score for each picture; a picture that the judge cannot judge takes no other with it.

    Args:
        pictures: of one prompt.
        find: the finding of one picture; raises Unjudged where there is none.
    """
    scores = []
    for index, picture in enumerate(pictures):
        try:
            values, saw = find(picture)
        except Unjudged as reason:
            scores.append(Score({}, index, unjudged=str(reason)))
        else:
            scores.append(Score(values, index, saw))
    return scores


def weighted_mean(pairs: Iterable[tuple[float, float]]) -> float:
    """The mean of (value, weight) pairs; nan where no weight is there.

    With the share of words found as value and their number as weight it is the micro-average: all words alike.
    """
    total = weights = 0.0
    for value, weight in pairs:
        total += value * weight
        weights += weight
    return total / weights if weights else math.nan
