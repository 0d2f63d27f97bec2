"""What a yes is worth when the question makes no sense (Davidsonian Scene Graph, arXiv 2310.18235).

"Is the motorcycle blue?" presupposes a motorcycle: where "is there a motorcycle?" was answered with no, a yes counts 0.

    as_stated    a yes counts when all that it presupposes counts, directly or through others, in whatever order the
                 questions stand: so says the paper's listing, for questions that come after what they presuppose
    as_scripted  DPG-Bench's script: once through the questions in their order, looking at what is left of the earlier
                 ones and at the raw answers of the later ones

They agree where every question comes after what it presupposes. (The Davidsonian Scene Graph's own library looks at raw
answers only: there a yes counts whose parent was a yes without a yes before it. Neither follows that.) This module does
not know pictures, judges or tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanmo.evaluate.benchmarks.dpg_questions import Question
from hanmo.evaluate.judges.protocols import Unjudged


def as_stated(answers: Mapping[int, float], questions: Sequence[Question]) -> dict[int, float]:
    """What each answer counts.

    Args:
        answers: 1 for yes, 0 for no, by question.
        questions: all that were answered.

    Raises:
        Unjudged: a question presupposes one that does not exist.
    """
    counts = dict(answers)
    changed = True
    while changed:
        changed = False
        for question in questions:
            left = [_count(counts, question, parent) for parent in question.parents]
            if counts[question.id] and not all(left):
                counts[question.id] = 0.0
                changed = True
    return counts


def as_scripted(answers: Mapping[int, float], questions: Sequence[Question]) -> dict[int, float]:
    """What each answer counts for the official script; arguments as of `as_stated`.

    Raises:
        Unjudged: a question presupposes one that does not exist, and none that it names before is a no: there the
            script breaks off and leaves the prompt out.
    """
    counts = dict(answers)
    for question in questions:
        if any(_count(counts, question, parent) == 0 for parent in question.parents):
            counts[question.id] = 0.0
    return counts


def _count(counts: Mapping[int, float], question: Question, parent: int) -> float:
    if parent not in counts:
        raise Unjudged(f"question {question.id} presupposes question {parent}, which the table does not have")
    return counts[parent]
