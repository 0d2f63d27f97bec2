"""Search by words and by embeddings answers alike whatever the order, and categories share records out fairly."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_pictures import png

from hanmo.data.record import Caption, Record, make_record
from hanmo.data.retrieval import EmbeddingIndex, Found, fill, find_by_words, merged
from hanmo.errors import RequestError


def captioned(seed: int, *texts: str) -> Record:
    return make_record(png(100, seed), tuple(Caption(text) for text in texts))


def embeddings(count: int) -> tuple[list[str], np.ndarray]:
    return [f"r{number:03d}" for number in range(count)], np.random.default_rng(0).normal(size=(count, 8))


def test_words_are_found_in_captions_of_both_languages() -> None:
    records = [
        captioned(0, "A lighthouse above the sea"),
        captioned(1, "海边的灯塔"),
        captioned(2, "Seaside houses", "two lighthouses by the sea"),
        captioned(3, "a light house plan"),
    ]
    found = find_by_words(records, ["lighthouse", "sea", "灯塔"])
    best = sorted((records[0].id, records[2].id))
    assert [item.id for item in found] == [*best, records[1].id]
    assert [round(item.score, 2) for item in found] == [0.67, 0.67, 0.33]
    assert {item.id for item in find_by_words(records, ["lighthouse", "sea"], least=2)} == set(best)


def test_a_search_gives_the_nearest_by_cosine() -> None:
    ids, vectors = embeddings(50)
    query = vectors[7] * 30 + 0.01
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ (query / np.linalg.norm(query))
    found = EmbeddingIndex(ids, vectors).search(query, 5)
    assert [item.id for item in found] == [ids[place] for place in np.argsort(-cosines)[:5]]
    assert [item.score for item in found] == pytest.approx(np.sort(cosines)[::-1][:5], abs=1e-5)
    near = EmbeddingIndex(ids, vectors).search(query, 50, least=0.5)
    assert len(near) == (cosines >= 0.5).sum()


@pytest.mark.parametrize("exact", [True, False])
def test_the_order_of_arrival_never_changes_an_answer(exact: bool) -> None:
    ids, vectors = embeddings(40)
    vectors[20:] = vectors[:20]  # ties everywhere
    order = np.random.default_rng(1).permutation(40)
    one = EmbeddingIndex(ids, vectors, exact).search(vectors[3], 9)
    other = EmbeddingIndex([ids[place] for place in order], vectors[order], exact).search(vectors[3], 9)
    assert one == other
    assert [item.id for item in one[:2]] == ["r003", "r023"]


def test_what_several_searches_find_comes_first() -> None:
    words, pictures = [Found("a", 1.0), Found("b", 0.5)], [Found("c", 0.9), Found("b", 0.8)]
    assert [item.id for item in merged([words, pictures])] == ["b", "a", "c"]


def test_each_record_fills_one_category_and_the_best_fitting_goes_first() -> None:
    candidates = {"boats": [Found("x", 0.9), Found("y", 0.4)], "birds": [Found("x", 0.8), Found("z", 0.3)]}
    dealt = fill({"boats": 1, "birds": 3}, candidates)
    assert dealt == {"boats": (Found("x", 0.9),), "birds": (Found("z", 0.3),)}


def test_what_cannot_be_searched_is_refused() -> None:
    ids, vectors = embeddings(3)
    for call in (
        lambda: find_by_words([], []),
        lambda: find_by_words([], ["one"], least=2),
        lambda: EmbeddingIndex(ids[:2], vectors),
        lambda: EmbeddingIndex(ids, vectors * 0),
        lambda: EmbeddingIndex(ids, vectors).search(np.ones(4), 1),
        lambda: EmbeddingIndex(ids, vectors).search(np.ones(8), 0),
        lambda: fill({"boats": 1}, {}),
    ):
        with pytest.raises(RequestError):
            call()
