"""More of what a set has too little of: search by words and by embeddings (report section 3.2, stage 6).

The report fills thin categories by keyword and by image retrieval. Words, English and Chinese, come from the recipe
and are looked for in captions; embeddings come from any network (`filters.published.embed`) and are compared by
cosine. Both give ids with scores, best first; equal scores are in the order of ids, so an answer does not depend on
the order in which records came. `merged` makes one ranking of several, `fill` deals records out to categories, each
to one only. It does not know pictures or files, nor how many records a category should have. Letters: N records, D
dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from usearch.index import Index

from hanmo.data.filters.category import mentioned
from hanmo.data.record import Record
from hanmo.errors import RequestError

_FUSION = 60
"""Constant of reciprocal rank fusion (Cormack 2009): how little the first places count more than the next."""


@dataclass(frozen=True)
class Found:
    """A record and how well it fits, larger is better."""

    id: str
    score: float


def find_by_words(records: Iterable[Record], words: Sequence[str], least: int = 1) -> list[Found]:
    """Records whose captions hold at least `least` of `words`; the score is the share of the words.

    Raises:
        RequestError: no words, an empty one, or `least` that they cannot reach.
    """
    words = tuple(dict.fromkeys(words))
    if not words or not all(word.strip() for word in words) or not 1 <= least <= len(words):
        raise RequestError(
            f"a search by words needs words, none empty, and a least number of them; got {len(words)} words and "
            f"least = {least}: give 1 to {len(words)}"
        )
    found = []
    for record in records:
        held = mentioned([caption.text for caption in record.captions], words)
        if len(held) >= least:
            found.append(Found(record.id, len(held) / len(words)))
    return sorted(found, key=_order)


class EmbeddingIndex:
    """Embeddings of records, searched by cosine with usearch.

    Args:
        ids: one for each row, no two alike.
        vectors: of any length but zero.
        exact: compare with every row; otherwise usearch's graph, which finds nearly all and much sooner from
            about a hundred thousand rows on. Both are built and searched by one thread: same input, same answer.

    Raises:
        RequestError: ids that are not one for each row, or a vector that is zero or not finite.
    """

    def __init__(self, ids: Sequence[str], vectors: Float[np.ndarray, "N D"], exact: bool = True) -> None:
        if len(ids) != len(vectors) or len(set(ids)) != len(ids):
            raise RequestError(f"{len(vectors)} embeddings came with {len(set(ids))} different ids: give one to each")
        order = sorted(range(len(ids)), key=lambda place: ids[place])
        self._ids = [ids[place] for place in order]
        self._exact = exact
        self._index = Index(ndim=int(vectors.shape[1]), metric="cos", dtype="f32")
        if order:
            self._index.add(np.arange(len(order)), _unit(np.asarray(vectors)[order]), threads=1)

    def __len__(self) -> int:
        """Number of records."""
        return len(self._ids)

    def search(self, query: Float[np.ndarray, " D"], count: int, least: float = -1.0) -> list[Found]:
        """The `count` records nearest to an embedding whose cosine, the score, is `least` or more.

        Raises:
            RequestError: another number of dimensions, a query of length zero, or a count below 1.
        """
        if query.shape != (self._index.ndim,):
            raise RequestError(f"the query has shape {query.shape}; this index holds vectors of {self._index.ndim}")
        if count < 1:
            raise RequestError(f"{count} records cannot be searched for; give 1 or more")
        if not self._ids:
            return []
        matches = self._index.search(_unit(query[None])[0], min(count, len(self._ids)), threads=1, exact=self._exact)
        pairs = zip(matches.keys.tolist(), matches.distances.tolist(), strict=True)
        found = [Found(self._ids[int(key)], 1.0 - float(distance)) for key, distance in pairs]
        return sorted((item for item in found if item.score >= least), key=_order)


def merged(rankings: Sequence[Sequence[Found]]) -> list[Found]:
    """One ranking of several by reciprocal rank fusion: scores of words and cosines have no common scale."""
    totals: dict[str, float] = {}
    for ranking in rankings:
        for place, item in enumerate(ranking, start=1):
            totals[item.id] = totals.get(item.id, 0.0) + 1 / (_FUSION + place)
    return sorted((Found(name, total) for name, total in totals.items()), key=_order)


def fill(wanted: Mapping[str, int], candidates: Mapping[str, Sequence[Found]]) -> dict[str, tuple[Found, ...]]:
    """Deal candidates out to thin categories, each record to one, the best fitting first.

    Args:
        wanted: category -> how many more it should have. What cannot be had stays out: compare the numbers.
        candidates: category -> records that fit it, best first, with scores on one scale for all categories.

    Raises:
        RequestError: a category without candidates, even an empty list of them, or a number below 0.
    """
    for name, count in wanted.items():
        if name not in candidates:
            raise RequestError(f"category {name!r} wants {count} records, but nobody searched for it")
        if count < 0:
            raise RequestError(f"category {name!r} wants {count} records; the number must be 0 or more")
    offers = [(-item.score, name, item.id) for name in wanted for item in candidates[name]]
    taken: set[str] = set()
    dealt: dict[str, list[Found]] = {name: [] for name in wanted}
    for score, name, record in sorted(offers):
        if record not in taken and len(dealt[name]) < wanted[name]:
            taken.add(record)
            dealt[name].append(Found(record, -score))
    return {name: tuple(items) for name, items in dealt.items()}


def _order(item: Found) -> tuple[float, str]:
    return -item.score, item.id


def _unit(vectors: Float[np.ndarray, "N D"]) -> Float32[np.ndarray, "N D"]:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise RequestError("an embedding is zero or not finite: embed the picture again, or leave it out")
    unit: Float32[np.ndarray, "N D"] = (vectors / lengths).astype(np.float32)
    return unit
