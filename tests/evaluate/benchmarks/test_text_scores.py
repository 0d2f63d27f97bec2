import math

from canned_reader import blank
from PIL import Image

from hanmo.evaluate.benchmarks.text_scores import Finding, each_picture, weighted_mean
from hanmo.evaluate.judges.protocols import Unjudged


def test_a_picture_without_an_answer_is_unjudged_and_its_neighbours_are_not() -> None:
    left = iter([1.0, None, 3.0])

    def find(picture: Image.Image) -> Finding:
        value = next(left)
        if value is None:
            raise Unjudged("no answer")
        return {"x": value}, "seen"

    first, second, third = each_picture(blank(3), find)
    assert (first.picture, first.values, first.saw, first.unjudged) == (0, {"x": 1.0}, "seen", None)
    assert (second.picture, second.values, second.unjudged) == (1, {}, "no answer")
    assert (third.picture, third.values) == (2, {"x": 3.0})


def test_the_weighted_mean_counts_all_words_alike() -> None:
    # 1 of 1 word and 0 of 3: a quarter, not a half.
    assert weighted_mean([(1.0, 1.0), (0.0, 3.0)]) == 0.25


def test_nothing_judged_has_no_mean() -> None:
    assert math.isnan(weighted_mean([]))
