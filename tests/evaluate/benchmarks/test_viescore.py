import hashlib
import math

import pytest
from canned_judge import in_order
from PIL import Image

from hanmo.evaluate.benchmarks.viescore import PQ_QUESTION, SC_QUESTION, official_scores, rate_edit, scores_of
from hanmo.evaluate.judges.protocols import Unjudged

SOURCE = Image.new("RGB", (32, 24), "red")
EDITED = Image.new("RGB", (64, 64), "blue")


def test_the_questions_are_the_official_ones_to_the_letter() -> None:
    # the digests of what the official VIEScore(task="tie") asks with, at commit 2cbea4e8, run once
    digests = [hashlib.sha256(question.encode()).hexdigest()[:16] for question in (SC_QUESTION, PQ_QUESTION)]
    assert digests == ["8f529562c2f89f8d", "2473ff2c7406e065"]


def test_the_sample_of_the_protocol_is_rated_as_published() -> None:
    # SC [7, 8], PQ [6, 9]: sqrt(7 * 6) = 6.4807
    vlm = in_order('{"score": [7, 8], "reasoning": "ok"}', '```json\n{\n"score" : [6, 9],\n"reasoning" : "ok"\n}\n```')
    rating = rate_edit(vlm, SOURCE, EDITED, "make it blue")
    assert (rating.sc, rating.pq) == (7.0, 6.0)
    assert rating.overall == pytest.approx(6.4807, abs=5e-5)
    assert rating.said[0].startswith('{"score": [7, 8]')


def test_consistency_sees_both_pictures_and_quality_only_the_edited_one_at_the_sources_size() -> None:
    vlm = in_order('{"score": [1, 2]}', '{"score": [3, 4]}')
    rate_edit(vlm, SOURCE, EDITED, "make it blue")
    (first, question), (second, quality) = vlm.asked
    assert first == [(32, 24), (32, 24)]
    assert second == [(32, 24)]
    assert "Editing instruction: make it blue\n" in question
    assert "naturalness" in quality


@pytest.mark.parametrize(
    "said", ["nonsense", "[7, 8]", '{"score": 7}', '{"score": [7, 11]}', '{"score": ["7", "8"]}', '{"score": [7, 8]']
)
def test_an_answer_without_two_numbers_from_0_to_10_is_malformed(said: str) -> None:
    with pytest.raises(ValueError, match=r"score|JSON"):
        scores_of(said)


def test_answers_that_stay_malformed_leave_the_edit_unjudged() -> None:
    with pytest.raises(Unjudged):
        rate_edit(in_order('{"score": [7, 8]}', "no", "no", "no"), SOURCE, EDITED, "make it blue")


@pytest.mark.parametrize(
    ("said", "scores"),
    [
        # what the official mllm_output_to_dict gives, run once at commit 2cbea4e8
        ('{"score": [7, 8], "reasoning": "ok"}', [7, 8]),
        ("[7, 8]", [7, 8]),
        ("7", [7]),
        ('{"score": 7, "reasoning":"x"}', [7]),
        ('{"score": [17, 8], "reasoning": ""}', [17, 8]),
        ('{"score": [7,8,9], "reasoning": ""}', [7, 8, 9]),
        ('{"score": [7, 8], "reasoning": "ok"', [7, 8]),
        ('||V^=^V||\n{"score": [3,4], "reasoning": ""}\n||V^=^V||', [3, 4]),
    ],
)
def test_the_official_parser_reads_more(said: str, scores: list[float]) -> None:
    assert official_scores(said) == scores


def test_the_official_parser_guesses_at_its_second_try_and_always_the_same() -> None:
    ratings = [
        rate_edit(in_order("no", "no", "7"), SOURCE, EDITED, "make it blue", official_compat=True, key="a 0")
        for _ in range(2)
    ]
    assert ratings[0] == ratings[1]
    assert ratings[0].pq == 7.0
    assert ratings[0].sc in range(11)
    assert not math.isnan(ratings[0].overall)
