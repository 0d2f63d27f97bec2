"""Means over results, as tables have them: a prompt counts once, a group counts once. It knows no benchmark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hanmo.evaluate.types import Result


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean; nan of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else math.nan


def prompt_means(results: Sequence[Result], name: str) -> list[float]:
    """The mean over the pictures of each prompt, for those of which at least one picture is judged."""
    return [mean(values) for result in results if (values := result.values(name))]


def group_means(results: Sequence[Result], group: str, name: str, order: Sequence[str] = ()) -> dict[str, float]:
    """The mean over prompts of each group's value, for those with anything judged.

    Args:
        results: all results.
        group: key of `Prompt.groups`.
        name: of the value.
        order: the groups of the table; others follow as they come.
    """
    found: dict[str, list[Result]] = {key: [] for key in order}
    for result in results:
        if group in result.prompt.groups:
            found.setdefault(result.prompt.groups[group], []).append(result)
    means = {key: prompt_means(members, name) for key, members in found.items()}
    return {key: mean(values) for key, values in means.items() if values}
