"""Which two models to compare next, and on which prompt (report section 5.1: pairs are drawn by the arena).

The pair is the one whose game is expected to tell most: it takes most from the summed variance of the ratings
(A-optimal design; one more game of x with weight w = p (1 - p) takes w |C x|^2 / (1 + w x'C x) from the trace of the
covariance C). Matches that others are looking at count as if they had been played, so that voters who ask at the
same time are given different work. Choosing by ratings leaves their likelihood as it is.

The prompt is the one that the voter has seen least, then this pair, then everybody; among equals, and for the side
on which each model stands, a coin decides. This module knows neither the database nor the pictures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from hanmo.evaluate.arena.bradley_terry import Fit, against_mean

Pair = tuple[str, str]
"""Two models, in the order of their names."""


def pair_of(one: str, other: str) -> Pair:
    """The same for both orders."""
    return (one, other) if one < other else (other, one)


def gains(fit: Fit, outstanding: Mapping[Pair, int]) -> Float[np.ndarray, "M M"]:
    """What one game of each pair is expected to take from the summed variance of the strengths.

    Args:
        fit: of the votes so far.
        outstanding: matches by pair that are being looked at.

    Returns:
        Symmetric, zero on the diagonal; in squared units of strength.
    """
    count = len(fit.names)
    chance = 1 / (1 + np.exp(fit.strengths[None, :] - fit.strengths[:, None]))
    weight = chance * (1 - chance)
    information = fit.information[:count, :count].copy()
    place = {name: number for number, name in enumerate(fit.names)}
    for (one, other), number in outstanding.items():
        a, b = place.get(one), place.get(other)
        if a is not None and b is not None:
            more = number * weight[a, b]
            information[[a, b], [a, b]] += more
            information[[a, b], [b, a]] -= more
    covariance = np.zeros((count + 1, count + 1))
    covariance[:count, :count] = np.linalg.inv(information)
    centred = against_mean(covariance)[:count, :count]
    squared = centred @ centred
    variance = np.diag(centred)[:, None] + np.diag(centred)[None, :] - 2 * centred
    shrunk = np.diag(squared)[:, None] + np.diag(squared)[None, :] - 2 * squared
    result: Float[np.ndarray, "M M"] = weight * shrunk / (1 + weight * variance)
    np.fill_diagonal(result, 0.0)
    return result


def choose_pair(
    fit: Fit,
    outstanding: Mapping[Pair, int],
    allowed: Bool[np.ndarray, "M M"],
    generator: np.random.Generator,
) -> Pair | None:
    """The pair that is worth most; a coin between those that are worth the same (within 1 in 1,000).

    Args:
        fit: of the votes so far.
        outstanding: matches by pair that are being looked at.
        allowed: pairs that this voter can still be asked about, in the order of `fit.names`; symmetric.
        generator: of the coin.

    Returns:
        None where nothing is allowed.
    """
    upper = np.triu(np.asarray(allowed, dtype=bool), 1)
    if not upper.any():
        return None
    worth = np.where(upper, gains(fit, outstanding), -1.0)
    best = np.argwhere(worth >= worth.max() * 0.999)
    a, b = best[generator.integers(len(best))]
    return pair_of(fit.names[a], fit.names[b])


def choose_prompt(
    candidates: Sequence[str],
    by_voter: Mapping[str, int],
    by_pair: Mapping[str, int],
    by_all: Mapping[str, int],
    generator: np.random.Generator,
) -> str:
    """The prompt seen least by the voter, then with this pair, then by all.

    Args:
        candidates: prompts that both models have painted and the voter has not seen with this pair; at least one.
        by_voter: matches by prompt, of this voter.
        by_pair: of this pair, by all voters.
        by_all: of all.
        generator: draws among equals.
    """
    keys = [(by_voter.get(one, 0), by_pair.get(one, 0), by_all.get(one, 0)) for one in candidates]
    least = min(keys)
    equal = [one for one, key in zip(candidates, keys, strict=True) if key == least]
    return equal[generator.integers(len(equal))]


def seated(pair: Pair, generator: np.random.Generator) -> Pair:
    """Left and right, by a fair coin."""
    return pair if generator.integers(2) else (pair[1], pair[0])


def common(
    names: Sequence[str], prompts: Mapping[str, Collection[str]], seen: Mapping[Pair, Collection[str]]
) -> Bool[np.ndarray, "M M"]:
    """Which pairs have a prompt left.

    Args:
        names: the models.
        prompts: those that each model has painted.
        seen: those that the voter has been asked about, by pair.
    """
    allowed = np.zeros((len(names), len(names)), dtype=bool)
    for a, one in enumerate(names):
        for b in range(a):
            both = set(prompts.get(one, ())) & set(prompts.get(names[b], ()))
            allowed[a, b] = allowed[b, a] = bool(both - set(seen.get(pair_of(one, names[b]), ())))
    return allowed
