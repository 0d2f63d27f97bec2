from __future__ import annotations

import pytest

from hanmo.data.synthesize.passages import Passage, builtin, from_sentences
from hanmo.errors import RequestError


@pytest.mark.parametrize("script", ["en", "zh"])
def test_the_built_in_corpora_are_varied(script: str) -> None:
    passages = builtin(script)
    assert sum(len(passage.sentences) for passage in passages) >= 40
    assert {"notice", "recipe", "news", "verse", "sign"} <= {passage.kind for passage in passages}
    assert all(passage.title and passage.script == script for passage in passages)
    sentences = [sentence for passage in passages for sentence in passage.sentences]
    assert len(set(sentences)) == len(sentences)


def test_sentences_of_a_given_corpus_stay_in_order() -> None:
    passages = from_sentences((f"Line {number}. " for number in range(5)), "en", together=2)
    assert [passage.sentences for passage in passages] == [("Line 0.", "Line 1."), ("Line 2.", "Line 3."), ("Line 4.",)]


@pytest.mark.parametrize(
    ("sentences", "message"),
    [((), "no sentence"), (("  ",), "is empty"), (("one\ntwo",), r"holds '\\n'"), (("tab\u200b",), "holds")],
)
def test_what_cannot_be_drawn_is_no_sentence(sentences: tuple[str, ...], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Passage("en", sentences)
    with pytest.raises(RequestError, match="choose en or zh"):
        Passage("fr", ("Bonjour.",))
    with pytest.raises(RequestError, match="corpus is empty"):
        from_sentences([], "en")
